"""Holdfast and Debian's Go registry read what the other wrote, in one data folder or bucket."""

from pathlib import Path

import httpx
import pytest

from tests.services.images import Layout
from tests.services.server import Server
from tests.services.shared_storage import GO, HOLDFAST, SharedBucket, SharedContainer, SharedFolder, SharedStorage
from tests.services.skopeo import Skopeo
from tests.services.stores.swift_container import SwiftContainer
from tests.services.tools import Tool

pytestmark = pytest.mark.e2e

_PAIRS = [(HOLDFAST, GO), (GO, HOLDFAST)]
_both_ways = pytest.mark.parametrize(("writer", "reader"), _PAIRS, ids=["go-reads-ours", "we-read-go"])


@pytest.fixture(params=["filesystem", "ceph", "swift", "swift_dlo"])
def storage(request: pytest.FixtureRequest, root: Path, scratch: Path, go_registry_tool: Tool) -> SharedStorage:
    """An empty storage that both have a driver for."""
    if request.param == "filesystem":
        return SharedFolder(root=root, scratch=scratch, tool=go_registry_tool)
    bucket = request.getfixturevalue(request.param).new_bucket()
    if isinstance(bucket, SwiftContainer):
        return SharedContainer(bucket, root=root, scratch=scratch, tool=go_registry_tool)
    return SharedBucket(bucket, root=root, scratch=scratch, tool=go_registry_tool)


def _lists(server: Server, *repositories: str) -> dict[str, list[str]]:
    """The catalog and the tags of repositories; sorted, as the Go registry lists in the file system's order."""
    with httpx.Client(base_url=server.url) as client:
        catalog = client.get("/v2/_catalog").raise_for_status().json()["repositories"]
        tags = {name: client.get(f"/v2/{name}/tags/list").raise_for_status().json()["tags"] for name in repositories}
    return {"catalog": sorted(catalog), **{name: sorted(listed) for name, listed in tags.items()}}


def _push_all(server: Server, skopeo: Skopeo, image: Layout, index: Layout) -> None:
    skopeo.copy(image.reference, f"docker://{server.address}/debian/files:v1")
    skopeo.copy(image.reference, f"docker://{server.address}/debian/files:v1.1-rc")
    skopeo.copy(image.reference, f"docker://{server.address}/debian-docker:v2s2", "--format", "v2s2")
    skopeo.copy(index.reference, f"docker://{server.address}/multi:v1", "--all")


_REPOSITORIES = ("debian/files", "debian-docker", "multi")


@_both_ways
def test_images_written_by_one_are_pulled_from_the_other(  # noqa: PLR0917 fixtures
    storage: SharedStorage, skopeo: Skopeo, image: Layout, index: Layout, tmp_path: Path, writer: str, reader: str
) -> None:
    """OCI images, indexes and Docker images that one wrote come from the other with identical digests and bytes."""
    with storage.served_by(writer) as server:
        _push_all(server, skopeo, image, index)
        docker = skopeo.inspect(f"{server.address}/debian-docker:v2s2", "--raw")
    with storage.served_by(reader) as server:
        skopeo.copy(f"docker://{server.address}/debian/files:v1", f"oci:{tmp_path}/image:{image.tag}")
        skopeo.copy(f"docker://{server.address}/multi:v1", f"oci:{tmp_path}/index:{index.tag}", "--all")
        skopeo.copy(f"docker://{server.address}/debian-docker:v2s2", f"dir:{tmp_path}/docker")
    pulled_image, pulled_index = Layout.read(tmp_path / "image"), Layout.read(tmp_path / "index")

    assert (image.digest, index.digest) == (pulled_image.digest, pulled_index.digest)
    assert image.blobs() == pulled_image.blobs()
    assert index.blobs() == pulled_index.blobs()
    assert docker == (tmp_path / "docker" / "manifest.json").read_bytes()


@_both_ways
def test_catalog_and_tags_are_the_same(  # noqa: PLR0917 fixtures
    storage: SharedStorage, skopeo: Skopeo, image: Layout, index: Layout, writer: str, reader: str
) -> None:
    """Both list the same repositories and the same tags for what either wrote."""
    with storage.served_by(writer) as server:
        _push_all(server, skopeo, image, index)
        written = _lists(server, *_REPOSITORIES)
    with storage.served_by(reader) as server:
        read = _lists(server, *_REPOSITORIES)

    assert ["debian-docker", "debian/files", "multi"] == written["catalog"]
    assert ["v1", "v1.1-rc"] == written["debian/files"]
    assert written == read


@_both_ways
def test_push_after_each_other(  # noqa: PLR0917 fixtures
    storage: SharedStorage, skopeo: Skopeo, image: Layout, index: Layout, tmp_path: Path, writer: str, reader: str
) -> None:
    """One pushes to a repository of the other, moves its tag, and both go on serving all that is in it."""
    with storage.served_by(writer) as server:
        skopeo.copy(image.reference, f"docker://{server.address}/files:v1")
        skopeo.copy(image.reference, f"docker://{server.address}/files:moves")
    with storage.served_by(reader) as server:
        skopeo.copy(image.reference, f"docker://{server.address}/files:v2")
        skopeo.copy(index.reference, f"docker://{server.address}/files:moves", "--all")
    for number, name in enumerate((writer, reader)):
        with storage.served_by(name) as server:
            skopeo.copy(f"docker://{server.address}/files:v2", f"oci:{tmp_path}/{number}-image:x")
            skopeo.copy(f"docker://{server.address}/files:moves", f"oci:{tmp_path}/{number}-index:x", "--all")
            tags = sorted(skopeo.list_tags(f"{server.address}/files"))

        assert ["moves", "v1", "v2"] == tags
        assert image.blobs() == Layout.read(tmp_path / f"{number}-image").blobs()
        assert index.blobs() == Layout.read(tmp_path / f"{number}-index").blobs()


@_both_ways
def test_delete_by_one_is_seen_by_the_other(
    storage: SharedStorage, skopeo: Skopeo, index: Layout, writer: str, reader: str
) -> None:
    """A manifest that one deleted is gone for the other, tags included; what is left is listed alike."""
    with storage.served_by(writer) as server:
        skopeo.copy(index.reference, f"docker://{server.address}/files:kept", "--all")
        skopeo.copy(index.reference, f"docker://{server.address}/files:gone", "--override-arch", "arm64")
    with storage.served_by(reader) as server:
        skopeo.delete(f"{server.address}/files:gone")
        after = _lists(server, "files")
    with storage.served_by(writer) as server:
        assert after == _lists(server, "files")
        assert httpx.codes.NOT_FOUND == httpx.get(f"{server.url}/v2/files/manifests/gone").status_code
        assert ["kept"] == after["files"]
