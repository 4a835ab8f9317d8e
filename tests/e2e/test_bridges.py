"""A real client pushes a real image through Holdfast into backends of OpenDAL and fsspec, and pulls it back."""

import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.services.holdfast_server import HoldfastServer
from tests.services.images import Layout
from tests.services.server import Server
from tests.services.skopeo import Skopeo

pytestmark = pytest.mark.e2e

_Driver = Mapping[str, Mapping[str, object]]


@pytest.fixture(params=["opendal fs", "opendal s3", "fsspec file", "fsspec sftp"])
def driver(request: pytest.FixtureRequest, root: Path) -> _Driver:
    """The section of the configuration file that names the backend."""
    match request.param:
        case "opendal fs":
            return {"opendal": {"scheme": "fs", "rootdirectory": str(root)}}
        case "fsspec file":
            return {"fsspec": {"protocol": "file", "rootdirectory": str(root)}}
        case "fsspec sftp":
            sftp: Any = request.getfixturevalue("sftp")
            name = secrets.token_hex(8)
            return {"fsspec": {"protocol": "sftp", "options": sftp.options(), "rootdirectory": f"/{name}"}}
    ceph: Any = request.getfixturevalue("ceph")
    options = {
        "bucket": ceph.new_bucket().name,
        "endpoint": ceph.endpoint,
        "region": ceph.region,
        "access_key_id": ceph.access_key,
        "secret_access_key": ceph.secret_key,
    }
    return {"opendal": {"scheme": "s3", "options": options, "rootdirectory": "production"}}


@pytest.fixture
def server(driver: _Driver, root: Path, scratch: Path) -> Iterator[Server]:
    """Holdfast on the backend."""
    config = {"storage": {"delete": {"enabled": True}}}
    with HoldfastServer(root=root, scratch=scratch, driver=driver, config=config) as running:
        yield running
        assert 0 == running.stop()


def test_image_comes_back_bit_for_bit(server: Server, skopeo: Skopeo, image: Layout, tmp_path: Path) -> None:
    """An OCI image of 50 MB of real files has the same digest and the same bytes after a push and a pull."""
    skopeo.copy(image.reference, f"docker://{server.address}/debian/files:v1")
    skopeo.copy(f"docker://{server.address}/debian/files:v1", f"oci:{tmp_path}/pulled:{image.tag}")
    pulled = Layout.read(tmp_path / "pulled")

    assert image.digest == pulled.digest
    assert image.blobs() == pulled.blobs()


def test_index_lists_and_deletion(server: Server, skopeo: Skopeo, index: Layout, tmp_path: Path) -> None:
    """An index with its images is pushed under several tags, listed, deleted, and what is left comes back."""
    for tag in ("v1", "v10"):
        skopeo.copy(index.reference, f"docker://{server.address}/multi:{tag}", "--all")
    skopeo.copy(index.reference, f"docker://{server.address}/other/multi:v1", "--all")
    assert ["v1", "v10"] == skopeo.list_tags(f"{server.address}/multi")
    skopeo.delete(f"{server.address}/multi:v1")

    skopeo.copy(f"docker://{server.address}/other/multi:v1", f"oci:{tmp_path}/pulled:x", "--all")
    assert index.blobs() == Layout.read(tmp_path / "pulled").blobs()
