"""What a crash, a full disk or somebody else left in storage is missing, not an error; a new push mends it."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from holdfast.registry.errors import BlobUnknownError
from holdfast.registry.model.digest import Digest
from holdfast.registry.store import facts, paths
from holdfast.registry.store.uploads import SMALL_BLOB_BYTES
from tests.registry.asgi import RawRequest
from tests.registry.client import NAME, Client, digest_of, error_code, make_image, stream, tags_of
from tests.registry.storages import Storage

pytestmark = pytest.mark.anyio

SMALL = b"small content"
MEDIUM = os.urandom(200_000)
LARGE = os.urandom(SMALL_BLOB_BYTES + 1000)
IMAGE = make_image()
IMAGE_DIGEST = Digest.of(IMAGE.manifest)

CONTENTS = pytest.mark.parametrize("content", [SMALL, MEDIUM, LARGE], ids=["small", "medium", "large"])
WARM = pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])


def counted() -> float:
    """How much damage was counted so far, of any kind."""
    kinds = ("link", "blob", "manifest")
    return sum(REGISTRY.get_sample_value("holdfast_registry_damaged_total", {"kind": kind}) or 0 for kind in kinds)


@contextmanager
def reported() -> Iterator[None]:
    """The block meets damage: it is counted, and logged with its path."""
    before = counted()
    with capture_logs() as logs:
        yield
    assert counted() > before
    damage = [entry for entry in logs if entry["event"] == "damaged in storage, treated as missing"]
    assert damage
    assert all(entry["path"].startswith("/docker/registry/v2/") for entry in damage)
    assert [] == [entry for entry in logs if entry["log_level"] == "error"]


# Blobs --------------------------------------------------------------------------------------------


@WARM
@CONTENTS
@pytest.mark.parametrize("damage", ["missing", "empty"])
async def test_blob_content(storage: Storage, damage: str, content: bytes, warm: bool) -> None:  # noqa: FBT001
    """Content that is gone or empty is unknown, by GET at once and by HEAD from then on."""
    digest = digest_of(content)
    async with storage.client() as pusher, storage.client() as other:
        client = pusher if warm else other
        await pusher.push_blob(content)
        await storage.damage_blob(digest, None if damage == "missing" else b"")
        with reported():
            response = await client.get_blob(digest)

        assert (404, "BLOB_UNKNOWN") == (response.status_code, error_code(response))
        assert 404 == (await client.head_blob(digest)).status_code
        assert 404 == (await client.get_blob(digest, headers={"range": "bytes=1-2"})).status_code
        await pusher.push_blob(content)
        assert (200, content) == ((await client.get_blob(digest)).status_code, (await client.get_blob(digest)).content)


@CONTENTS
@pytest.mark.parametrize("size", [1, 5, -1])
async def test_blob_of_another_size(storage: Storage, content: bytes, size: int) -> None:
    """Who hashed the content knows its size: content of another one is unknown, and never sent short."""
    digest = digest_of(content)
    async with storage.client() as client:
        await client.push_blob(content)
        await storage.damage_blob(digest, content[:size])
        try:
            with reported():
                response = await client.get_blob(digest)
        except BlobUnknownError:  # the size was trusted; the answer is broken off, which clients see
            assert content is not SMALL
            assert not storage.is_local
        else:
            assert (404, "BLOB_UNKNOWN") == (response.status_code, error_code(response))
        for _ in range(2):
            assert 404 == (await client.head_blob(digest)).status_code
            assert 404 == (await client.get_blob(digest)).status_code
        await client.push_blob(content)
        assert content == (await client.get_blob(digest)).content


async def test_small_blob_of_other_bytes(storage: Storage) -> None:
    """Small content is verified when it is read: as many other bytes are unknown, until it is pushed again."""
    digest = digest_of(SMALL)
    async with storage.client() as client:
        await client.push_blob(SMALL)
        await storage.damage_blob(digest, SMALL.swapcase())
        with reported():
            response = await client.get_blob(digest)
        assert (404, "BLOB_UNKNOWN") == (response.status_code, error_code(response))
        await client.push_blob(SMALL)
        assert SMALL == (await client.get_blob(digest)).content


async def test_small_blob_is_asked_for_again(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small content that was read is answered from memory for a minute, and not for longer."""
    digest = digest_of(SMALL)
    async with storage.client() as client:
        await client.push_blob(SMALL)
        assert SMALL == (await client.get_blob(digest)).content
        await storage.damage_blob(digest, None)
        assert SMALL == (await client.get_blob(digest)).content
        assert 200 == (await client.head_blob(digest)).status_code
        later = time.monotonic() + facts.SIZE_TRUST_SECONDS
        monkeypatch.setattr(facts, "monotonic", lambda: later)
        assert 404 == (await client.get_blob(digest)).status_code
        assert 404 == (await client.head_blob(digest)).status_code


async def test_broken_off(storage: Storage) -> None:
    """A part of content that has become shorter is broken off where it ends, and not ended as if it were whole."""
    async with storage.client() as client:
        digest = await client.push_blob(LARGE)
        await storage.damage_blob(digest, LARGE[:100])
        request = RawRequest(client.app, "GET", f"/v2/{NAME}/blobs/{digest}", headers={"range": "bytes=50-200"})
        if storage.is_local:
            await request.task
            assert 404 == request.status
        else:
            with pytest.raises(BlobUnknownError):
                await request.task
            assert (206, "151", LARGE[50:100]) == (request.status, request.headers["content-length"], request.body)
            assert not request.is_whole
        assert 404 == (await client.get_blob(digest, headers={"range": "bytes=50-200"})).status_code


@pytest.mark.parametrize("damage", [b"", b"sha256:", b"x" * 500])
async def test_layer_link(storage: Storage, client: Client, damage: bytes) -> None:
    """A link of the wrong length is no link; a push of the blob mends it."""
    digest = await client.push_blob(SMALL)
    await storage.put(paths.layer_link(NAME, Digest.of(SMALL)), damage)
    for method in ("GET", "HEAD"):
        with reported():
            response = await client.request(method, f"/v2/{NAME}/blobs/{digest}")
        assert 404 == response.status_code
    await client.push_blob(SMALL)
    assert SMALL == (await client.get_blob(digest)).content


@WARM
@CONTENTS
@pytest.mark.parametrize("damage", ["missing", "empty", "cut"])
@pytest.mark.parametrize("how", ["POST", "PUT", "PATCH", "PATCH elsewhere"])
async def test_push_mends(
    storage: Storage,
    how: str,
    damage: str,
    content: bytes,
    warm: bool,  # noqa: FBT001
) -> None:
    """A push of content that is damaged replaces it, whichever way it comes."""
    digest = digest_of(content)
    async with storage.client() as pusher, storage.client() as other:
        client = pusher if warm else other
        await pusher.push_blob(content)
        await storage.damage_blob(digest, {"missing": None, "empty": b"", "cut": content[:7]}[damage])
        if how == "POST":
            path = f"/v2/{NAME}/blobs/uploads/"
            response = await client.request("POST", path, params={"digest": digest}, body=content)
        elif how == "PUT":
            response = await client.finish(await client.begin(), digest, stream(content[:9], content[9:]))
        else:
            receiver = other if how == "PATCH elsewhere" and storage.is_local else client
            location = (await receiver.patch(await receiver.begin(), content)).headers["location"]
            response = await client.finish(location, digest)

        assert 201 == response.status_code, response.text
        for each in (pusher, other):
            shown = await each.get_blob(digest)
            assert (200, content) == (shown.status_code, shown.content)


async def test_empty_blob_is_no_damage(client: Client) -> None:
    """The one digest whose content is nothing is served."""
    digest = await client.push_blob(b"")
    response = await client.get_blob(digest)

    assert (200, b"", "0") == (response.status_code, response.content, response.headers["content-length"])
    assert 416 == (await client.get_blob(digest, headers={"range": "bytes=0-"})).status_code


# Manifests ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", [b"", b"sha256:", b"garbage", b"\xff\xfe", b"sha256:" + b"z" * 64])
async def test_tag_link(storage: Storage, client: Client, damage: bytes) -> None:
    """A tag whose link is damaged is unknown; others are served, the listing goes on, a push mends it."""
    await client.push_image(IMAGE, "good")
    await client.push_image(IMAGE, "tag")
    await storage.put(paths.tag_current_link(NAME, "tag"), damage)
    with reported():
        response = await client.get_manifest("tag")

    assert (404, "MANIFEST_UNKNOWN") == (response.status_code, error_code(response))
    assert 200 == (await client.get_manifest("good")).status_code
    assert ["good", "tag"] == await tags_of(client)
    await client.push_image(IMAGE, "tag")
    assert IMAGE.manifest == (await client.get_manifest("tag")).content
    await storage.put(paths.tag_current_link(NAME, "tag"), damage)
    assert 202 == (await client.request("DELETE", f"/v2/{NAME}/manifests/{IMAGE.digest}")).status_code
    assert 202 == (await client.request("DELETE", f"/v2/{NAME}/manifests/tag")).status_code


@pytest.mark.parametrize("damage", [b"", b"sha256:", b"x" * 500])
async def test_revision_link(storage: Storage, client: Client, damage: bytes) -> None:
    """A revision whose link is damaged is unknown by its digest; a push mends it."""
    await client.push_image(IMAGE, "tag")
    await storage.put(paths.revision_link(NAME, IMAGE_DIGEST), damage)
    with reported():
        response = await client.get_manifest(IMAGE.digest)

    assert (404, "MANIFEST_UNKNOWN") == (response.status_code, error_code(response))
    await client.push_image(IMAGE)
    assert IMAGE.manifest == (await client.get_manifest(IMAGE.digest)).content


@pytest.mark.parametrize("reference", ["tag", IMAGE.digest], ids=["by tag", "by digest"])
@pytest.mark.parametrize("damage", [None, b"", IMAGE.manifest[:40], b"x" * len(IMAGE.manifest)])
async def test_manifest_content(storage: Storage, damage: bytes | None, reference: str) -> None:
    """A manifest whose content is missing, empty, cut or another is unknown; a push mends it."""
    async with storage.client() as pusher:
        await pusher.push_image(IMAGE, "tag")
        await storage.damage_blob(IMAGE.digest, damage)
    async with storage.client() as client:
        with reported():
            response = await client.get_manifest(reference)
        assert (404, "MANIFEST_UNKNOWN") == (response.status_code, error_code(response))
        assert ["tag"] == await tags_of(client)
        assert {"repositories": [NAME]} == (await client.request("GET", "/v2/_catalog")).json()
        await client.push_image(IMAGE, "tag")
        assert IMAGE.manifest == (await client.get_manifest(reference)).content
    async with storage.client() as client:
        assert IMAGE.manifest == (await client.get_manifest(reference)).content


async def test_manifest_of_another_kind(storage: Storage) -> None:
    """What an older registry stored and this one doesn't serve is unknown, and no damage."""
    content = json.dumps({"schemaVersion": 1, "name": NAME, "fsLayers": []}).encode()
    digest = Digest.of(content)
    await storage.put(paths.blob_data(digest), content)
    await storage.put(paths.revision_link(NAME, digest), str(digest).encode())
    await storage.put(paths.tag_current_link(NAME, "old"), str(digest).encode())
    before = counted()
    async with storage.client() as client:
        for reference in ("old", str(digest)):
            response = await client.get_manifest(reference)
            assert (404, "MANIFEST_UNKNOWN") == (response.status_code, error_code(response))
        assert ["old"] == await tags_of(client)
    assert before == counted()


@pytest.mark.parametrize("damage", [None, b"", b"cut"])
async def test_manifest_of_damaged_blobs(storage: Storage, client: Client, damage: bytes | None) -> None:
    """A manifest isn't taken on the strength of what is remembered: its blobs are looked at again."""
    for blob in IMAGE.blobs:
        await client.push_blob(blob)
        assert 200 == (await client.head_blob(digest_of(blob))).status_code
    doomed = digest_of(IMAGE.blobs[1])
    await storage.damage_blob(doomed, damage)
    with reported():
        response = await client.put_manifest("tag", IMAGE.manifest)

    assert (400, "MANIFEST_BLOB_UNKNOWN") == (response.status_code, error_code(response))
    assert [doomed] == [error["detail"]["digest"] for error in response.json()["errors"]]
    assert 404 == (await client.head_blob(doomed)).status_code
    await client.push_blob(IMAGE.blobs[1])
    assert 201 == (await client.put_manifest("tag", IMAGE.manifest)).status_code


async def test_deleted_behind_the_back(storage: Storage, client: Client) -> None:
    """What another process deleted is gone here as well, whatever is remembered."""
    await client.push_image(IMAGE, "tag")
    await client.get_manifest("tag")
    await storage.remove(paths.tag("library/app", "tag"))
    assert 404 == (await client.get_manifest("tag")).status_code
    await storage.remove(paths.revision_link(NAME, IMAGE_DIGEST))
    assert 404 == (await client.get_manifest(IMAGE.digest)).status_code
    await storage.remove(paths.layer_link(NAME, Digest.of(IMAGE.blobs[0])))
    assert 404 == (await client.head_blob(digest_of(IMAGE.blobs[0]))).status_code
    assert 400 == (await client.put_manifest("tag", IMAGE.manifest)).status_code
