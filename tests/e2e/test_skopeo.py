"""A real client pushes real images and pulls them back, bit for bit."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.client import ClientError
from tests.services.holdfast_server import HoldfastServer
from tests.services.images import Layout
from tests.services.server import Server
from tests.services.skopeo import Skopeo

pytestmark = pytest.mark.e2e


@pytest.fixture
def server(root: Path, scratch: Path) -> Iterator[Server]:
    """Holdfast as its command line alone starts it."""
    with HoldfastServer(root=root, scratch=scratch) as running:
        yield running


def _files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def test_oci_image_comes_back_bit_for_bit(server: Server, skopeo: Skopeo, image: Layout, tmp_path: Path) -> None:
    """An OCI image pushed and pulled has the same digest, and each of its blobs the same bytes."""
    skopeo.copy(image.reference, f"docker://{server.address}/debian/files:v1")
    skopeo.copy(f"docker://{server.address}/debian/files:v1", f"oci:{tmp_path}/pulled:{image.tag}")
    pulled = Layout.read(tmp_path / "pulled")

    assert image.digest == pulled.digest
    assert image.blobs() == pulled.blobs()


def test_pull_by_digest(server: Server, skopeo: Skopeo, image: Layout, tmp_path: Path) -> None:
    """An image pulled by its digest is the image that was pushed by a tag."""
    skopeo.copy(image.reference, f"docker://{server.address}/files:v1")
    skopeo.copy(f"docker://{server.address}/files@{image.digest}", f"oci:{tmp_path}/pulled:{image.tag}")

    assert image.blobs() == Layout.read(tmp_path / "pulled").blobs()


def test_docker_schema_2_comes_back_bit_for_bit(server: Server, skopeo: Skopeo, image: Layout, tmp_path: Path) -> None:
    """The same image as Docker schema 2 comes back with the same manifest, configuration and layers."""
    skopeo.copy(image.reference, f"dir:{tmp_path}/pushed", "--format", "v2s2")
    skopeo.copy(f"dir:{tmp_path}/pushed", f"docker://{server.address}/docker:v2s2", "--preserve-digests")
    skopeo.copy(f"docker://{server.address}/docker:v2s2", f"dir:{tmp_path}/pulled", "--preserve-digests")
    pushed = _files(tmp_path / "pushed")

    assert "application/vnd.docker.distribution.manifest.v2+json" == json.loads(pushed["manifest.json"])["mediaType"]
    assert pushed == _files(tmp_path / "pulled")


def test_conversion_while_pushing(server: Server, skopeo: Skopeo, image: Layout) -> None:
    """An OCI image pushed with a conversion to Docker schema 2 is served under the digest of what was stored."""
    skopeo.copy(image.reference, f"docker://{server.address}/docker:v2s2", "--format", "v2s2")
    manifest = skopeo.inspect(f"{server.address}/docker:v2s2", "--raw")
    inspected = json.loads(skopeo.inspect(f"{server.address}/docker:v2s2"))

    assert f"sha256:{hashlib.sha256(manifest).hexdigest()}" == inspected["Digest"]


def test_multi_platform_index(server: Server, skopeo: Skopeo, index: Layout, tmp_path: Path) -> None:
    """An index comes back whole: the index itself, both platforms, all their blobs."""
    skopeo.copy(index.reference, f"docker://{server.address}/multi:v1", "--all")
    skopeo.copy(f"docker://{server.address}/multi:v1", f"oci:{tmp_path}/pulled:{index.tag}", "--all")
    pulled = Layout.read(tmp_path / "pulled")

    assert index.digest == pulled.digest
    assert index.blobs() == pulled.blobs()


def test_one_platform_of_an_index(server: Server, skopeo: Skopeo, index: Layout, tmp_path: Path) -> None:
    """A client that wants one platform of an index gets that platform's blobs unchanged, and no other's."""
    skopeo.copy(index.reference, f"docker://{server.address}/multi:v1", "--all")
    skopeo.copy(f"docker://{server.address}/multi:v1", f"oci:{tmp_path}/pulled:one", "--override-arch", "arm64")
    pulled = Layout.read(tmp_path / "pulled")
    (arm64,) = [
        entry["digest"]
        for entry in json.loads(index.blobs()[index.digest])["manifests"]
        if entry["platform"]["architecture"] == "arm64"
    ]

    assert arm64 == pulled.digest
    assert pulled.blobs().items() <= index.blobs().items()


def test_inspect(server: Server, skopeo: Skopeo, image: Layout) -> None:
    """What a client reads about an image is what was pushed: digest, layers, and the manifest's bytes."""
    skopeo.copy(image.reference, f"docker://{server.address}/files:v1")
    inspected = json.loads(skopeo.inspect(f"{server.address}/files:v1"))
    manifest = image.blobs()[image.digest]

    assert image.digest == inspected["Digest"]
    assert [layer["digest"] for layer in json.loads(manifest)["layers"]] == inspected["Layers"]
    assert manifest == skopeo.inspect(f"{server.address}/files:v1", "--raw")


def test_list_tags(server: Server, skopeo: Skopeo, index: Layout) -> None:
    """The tags of a repository are listed in lexical order, each once, however often it was pushed."""
    for tag in ("v2", "latest", "v10", "v1", "v1"):
        skopeo.copy(index.reference, f"docker://{server.address}/multi:{tag}", "--all")

    assert ["latest", "v1", "v10", "v2"] == skopeo.list_tags(f"{server.address}/multi")


def test_delete_where_enabled(root: Path, scratch: Path, skopeo: Skopeo, image: Layout, index: Layout) -> None:
    """With deletes enabled a deleted image is gone, with its tag, and its neighbour in the repository is not."""
    config = {"storage": {"delete": {"enabled": True}}}
    with HoldfastServer(root=root, scratch=scratch, config=config) as server:
        skopeo.copy(image.reference, f"docker://{server.address}/files:gone")
        skopeo.copy(index.reference, f"docker://{server.address}/files:kept", "--all")
        skopeo.delete(f"{server.address}/files:gone")

        with pytest.raises(ClientError, match="manifest unknown"):
            skopeo.inspect(f"{server.address}/files:gone")
        assert ["kept"] == skopeo.list_tags(f"{server.address}/files")


def test_delete_where_not_enabled(server: Server, skopeo: Skopeo, index: Layout) -> None:
    """Without configuration deletes are refused, as upstream does, and the image stays."""
    skopeo.copy(index.reference, f"docker://{server.address}/files:v1", "--all")

    with pytest.raises(ClientError, match=r"405|UNSUPPORTED|unsupported"):
        skopeo.delete(f"{server.address}/files:v1")
    assert ["v1"] == skopeo.list_tags(f"{server.address}/files")
