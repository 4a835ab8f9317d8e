"""containerd's ctr: single objects, one platform of several, and what is there already."""

import json

import pytest

from tests.services.client import ClientError, Trust
from tests.services.containerd import Ctr
from tests.services.documents import sha256
from tests.services.endpoints import Endpoints
from tests.services.images import Layout
from tests.services.server import Server
from tests.services.skopeo import Skopeo

pytestmark = pytest.mark.e2e


def test_platform_of_an_index(server: Server, ctr: Ctr, skopeo: Skopeo, small_index: Layout) -> None:
    """A fetch for one platform brings the index and that platform's blobs, and no other's."""
    skopeo.push(small_index, f"{server.address}/ctr/platform:v1")
    ctr.fetch(f"{server.address}/ctr/platform:v1", "--platform=linux/arm64")
    blobs = small_index.blobs()
    (child,) = [
        entry["digest"]
        for entry in json.loads(blobs[small_index.digest])["manifests"]
        if entry["platform"]["architecture"] == "arm64"
    ]
    manifest = json.loads(blobs[child])
    wanted = {
        small_index.digest,
        child,
        manifest["config"]["digest"],
        *(layer["digest"] for layer in manifest["layers"]),
    }

    assert wanted == set(ctr.stored())
    assert len(wanted) < len(blobs)


def test_single_objects(server: Server, trust: Trust, ctr: Ctr, skopeo: Skopeo, small_image: Layout) -> None:
    """A manifest can be fetched without its blobs, and a blob pushed without a manifest."""
    reference = f"{server.address}/ctr/objects:v1"
    skopeo.push(small_image, reference)
    manifest = small_image.blobs()[small_image.digest]

    assert manifest == ctr.fetch_manifest(reference)

    ctr.fetch(reference)
    config = json.loads(manifest)["config"]
    ctr.push_object(f"{server.address}/ctr/one-object:v1", config["digest"], config["mediaType"])
    with Endpoints(server.url, trust) as endpoints:
        assert small_image.blobs()[config["digest"]] == endpoints.blob("ctr/one-object", config["digest"])


def test_push_of_what_is_there(server: Server, ctr: Ctr, small_image: Layout, small_index: Layout) -> None:
    """A push to where all of it is, and one that moves a tag, are both taken."""
    for layout in (small_image, small_image, small_index, small_image):
        ctr.push(layout, f"{server.address}/ctr/again:v1")

        assert layout.digest == sha256(ctr.fetch_manifest(f"{server.address}/ctr/again:v1"))


def test_image_that_is_not_there(server: Server, ctr: Ctr) -> None:
    """A missing image is told as such, not as a trouble of the registry."""
    with pytest.raises(ClientError, match="not found"):
        ctr.fetch(f"{server.address}/ctr/missing:v1")
