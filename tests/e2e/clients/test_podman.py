"""podman and buildah: their own stores, compression, lists for several platforms, searches."""

import json
from pathlib import Path

import pytest

from tests.services.client import ClientError, Trust
from tests.services.endpoints import Endpoints
from tests.services.images import Layout
from tests.services.podman import Buildah, Podman
from tests.services.server import Server
from tests.services.skopeo import Skopeo

pytestmark = pytest.mark.e2e


@pytest.fixture(params=["podman", "buildah"])
def store(request: pytest.FixtureRequest) -> Podman | Buildah:
    """Each of the two that keep images in a store."""
    client: Podman | Buildah = request.getfixturevalue(request.param)
    return client


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Files to build an image of, no two builds of which are the same."""
    folder = tmp_path / "files"
    (folder / "below").mkdir(parents=True)
    (folder / "below" / "path").write_text(str(tmp_path) * 1000)
    return folder


def _name(store: Podman | Buildah) -> str:
    return type(store).__name__.lower()


def _layer_types(skopeo: Skopeo, reference: str) -> list[str]:
    """The media types of an image's layers, without what they have in common."""
    manifest = json.loads(skopeo.inspect(reference, "--raw"))
    return [layer["mediaType"].rpartition(".")[2] for layer in manifest["layers"]]


@pytest.mark.parametrize(
    ("flags", "layers"),
    [
        (["--compression-format=gzip"], ["tar+gzip"]),
        (["--compression-format=zstd"], ["tar+zstd"]),
        (["--format=v2s2"], ["gzip"]),
    ],
    ids=["gzip", "zstd", "docker"],
)
def test_built_image_comes_back(  # noqa: PLR0917 fixtures
    server: Server, store: Podman | Buildah, skopeo: Skopeo, files: Path, flags: list[str], layers: list[str]
) -> None:
    """A built image is stored as its client was told to, and is the same image for the client that pulls it again."""
    reference = f"{server.address}/{_name(store)}/built:{layers[0].replace('+', '-')}"
    image = store.build(files)
    store.push_image(image, reference, *flags)
    store.run("rmi", image)

    assert layers == [kind.removeprefix("diff.") for kind in _layer_types(skopeo, reference)]
    assert image == store.pull_image(reference)


def test_list_for_several_platforms(
    server: Server, store: Podman | Buildah, small_index: Layout, skopeo: Skopeo, tmp_path: Path
) -> None:
    """A list made of two platforms' images is pushed with both, and each is pulled by who asks for its platform."""
    ids = [
        store.pull_image(f"oci:{small_index.path}:{small_index.tag}", f"--arch={name}") for name in ("amd64", "arm64")
    ]
    reference = f"{server.address}/{_name(store)}/list:v1"
    digest = store.push_list(ids, reference)
    found = json.loads(skopeo.inspect(reference, "--raw"))
    for image in ids:
        store.run("rmi", "--force", image)

    assert digest == skopeo.inspect(reference, "--format={{.Digest}}").decode().strip()
    assert ["amd64", "arm64"] == [entry["platform"]["architecture"] for entry in found["manifests"]]
    assert ids == [store.pull_image(f"{reference}", f"--arch={name}") for name in ("amd64", "arm64")]
    assert ids[0] == store.pull(f"{reference}", tmp_path / "pulled", "--arch=amd64").unpacked()[0].removeprefix(
        "sha256:"
    )


def test_list_is_shown(server: Server, store: Podman | Buildah, skopeo: Skopeo, small_index: Layout) -> None:
    """The list that is shown without a pull is the one that the registry has."""
    reference = f"{server.address}/{_name(store)}/shown:v1"
    skopeo.push(small_index, reference)
    pushed = json.loads(small_index.blobs()[small_index.digest])["manifests"]

    assert [entry["digest"] for entry in pushed] == [
        entry["digest"] for entry in store.inspect_list(reference)["manifests"]
    ]


def test_podman_searches(server: Server, trust: Trust, podman: Podman, skopeo: Skopeo, small_image: Layout) -> None:
    """A search finds every repository of the catalog, and lists the tags of one."""
    for tag in ("v2", "v10", "v1"):
        skopeo.push(small_image, f"{server.address}/podman/searched:{tag}")
    with Endpoints(server.url, trust) as endpoints:
        catalog = endpoints.catalog()

    assert "podman/searched" in catalog
    assert catalog == podman.search(server.address)
    assert ["v1", "v10", "v2"] == podman.list_tags(f"{server.address}/podman/searched")


def test_podman_inspects(server: Server, podman: Podman, skopeo: Skopeo, small_image: Layout) -> None:
    """What podman remembers about a pulled image is the digest under which it was pushed, and its configuration."""
    repository = f"{server.address}/podman/inspected"
    skopeo.push(small_image, f"{repository}:v1")
    inspected = podman.inspect(podman.pull_image(f"{repository}:v1"))

    assert small_image.digest == inspected["Digest"]
    assert f"{repository}@{small_image.digest}" in inspected["RepoDigests"]
    assert ["/bin/true"] == inspected["Config"]["Cmd"]


def test_image_that_is_not_there(server: Server, store: Podman | Buildah) -> None:
    """A missing image is told as such, not as a trouble of the registry."""
    with pytest.raises(ClientError, match="manifest unknown"):
        store.pull_image(f"{server.address}/{_name(store)}/missing:v1")
