"""A real client pushes a real image through Holdfast into each object store, and pulls it back; `oss` is a fake."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.services.holdfast_server import HoldfastServer
from tests.services.images import Layout
from tests.services.server import Server
from tests.services.skopeo import Skopeo
from tests.services.stores.bucket import FreshBucket

pytestmark = pytest.mark.e2e

_STORES = ("ceph", "swift", "swift_s3", "moto", "azurite", "fake_gcs", "oss")

_NO_REDIRECT = frozenset({"moto", "fake_gcs"})
"""Stores that don't answer signed URLs: moto with 500, the emulator of Google's without a key to sign with."""


@pytest.fixture(params=_STORES)
def bucket(request: pytest.FixtureRequest) -> FreshBucket:
    """A fresh bucket of each store."""
    service: Any = request.getfixturevalue(request.param)
    made: FreshBucket = service.new_bucket()
    return made


@pytest.fixture
def redirects(request: pytest.FixtureRequest) -> bool:
    """Whether clients are sent to the store for blobs, as they are by default."""
    return request.node.callspec.params["bucket"] not in _NO_REDIRECT


@pytest.fixture
def server(bucket: FreshBucket, redirects: bool, root: Path, scratch: Path) -> Iterator[Server]:  # noqa: FBT001 a fixture
    """Holdfast on the bucket."""
    config = {"storage": {"delete": {"enabled": True}, "redirect": {"disable": not redirects}}}
    driver = {bucket.driver: bucket.parameters()}
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
    """An index with its images is pushed again under other tags, listed, deleted, and what is left comes back."""
    for tag in ("v1", "v10", "v2"):
        skopeo.copy(index.reference, f"docker://{server.address}/multi:{tag}", "--all")
    skopeo.copy(index.reference, f"docker://{server.address}/multi:one", "--override-arch", "arm64")
    assert ["one", "v1", "v10", "v2"] == skopeo.list_tags(f"{server.address}/multi")
    skopeo.copy(index.reference, f"docker://{server.address}/other/multi:v1", "--all")
    skopeo.delete(f"{server.address}/multi:v1")

    assert httpx.codes.NOT_FOUND == httpx.get(f"{server.url}/v2/multi/manifests/v2").status_code
    skopeo.copy(f"docker://{server.address}/other/multi:v1", f"oci:{tmp_path}/pulled:x", "--all")
    assert index.blobs() == Layout.read(tmp_path / "pulled").blobs()


def test_blobs_come_from_the_store_where_it_can(
    server: Server,
    skopeo: Skopeo,
    index: Layout,
    redirects: bool,  # noqa: FBT001 a fixture
) -> None:
    """A blob is answered with a URL of the store that needs no credentials, or through the registry."""
    skopeo.copy(index.reference, f"docker://{server.address}/multi:v1", "--all")
    blobs = index.blobs()
    image = json.loads(blobs[index.digest])["manifests"][0]["digest"]
    digest = json.loads(blobs[image])["layers"][0]["digest"]
    answer = httpx.get(f"{server.url}/v2/multi/blobs/{digest}")
    followed = httpx.get(answer.headers["location"]) if answer.is_redirect else answer

    assert (redirects, 200, blobs[digest]) == (answer.is_redirect, followed.status_code, followed.content)
