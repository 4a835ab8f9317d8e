"""What each request costs in storage operations: the promise that makes the registry quick on an object store."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from holdfast.registry.store.uploads import SMALL_BLOB_BYTES
from holdfast.storage.driver import StorageDriver
from holdfast.testing.drivers import CountingDriver
from tests.registry.asgi import RawRequest
from tests.registry.client import NAME, Client, digest_of, make_image, make_index
from tests.registry.storages import Storage

pytestmark = pytest.mark.anyio

SMALL = b"small"
MEDIUM = b"m" * 100_000
LARGE = os.urandom(SMALL_BLOB_BYTES + 1)
IMAGE = make_image()
BLOBS = "/docker/registry/v2/blobs/sha256"
REPOSITORY = f"/docker/registry/v2/repositories/{NAME}"


class Counted:
    """A client, and the counting driver between its registry and the storage."""

    def __init__(self, client: Client, counting: CountingDriver) -> None:
        self.client = client
        self.counting = counting
        self.expect = counting.expect
        counting.reset()

    @property
    def writes(self) -> list[tuple[str, str]]:
        """The calls that changed something, in order."""
        writing = {"put_content", "commit", "move", "delete", "delete_files"}
        return [call for call in self.counting.calls if call[0] in writing]


@asynccontextmanager
async def counted(storage: Storage, *, composed: bool = False) -> AsyncIterator[Counted]:
    """A registry that knows nothing yet, its operations counted, inside of the layers or around them."""
    drivers = []

    def count(driver: StorageDriver) -> StorageDriver:
        drivers.append(CountingDriver(driver))
        return drivers[0]

    if composed:
        opened = storage.open
        storage.open = lambda around=None: opened() if around is None else around(opened())  # type: ignore[method-assign]
    async with storage.client(count) as client:
        yield Counted(client, drivers[0])


def data(content: bytes) -> str:
    """Where some content ends up."""
    encoded = digest_of(content).partition(":")[2]
    return f"{BLOBS}/{encoded[:2]}/{encoded}/data"


def link(content: bytes) -> str:
    """Where the repository says that it has a blob."""
    return f"{REPOSITORY}/_layers/sha256/{digest_of(content).partition(':')[2]}/link"


# Pulls --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("composed", [False, True])
async def test_manifest_by_tag(storage: Storage, composed: bool) -> None:  # noqa: FBT001
    """A manifest by tag is one read; the first time its content is a second one."""
    async with storage.client() as client:
        await client.push_image(IMAGE, "tag")
    async with counted(storage, composed=composed) as it:
        await it.client.get_manifest("tag")
        it.expect({"get_content": 2})
        for method in ("GET", "HEAD"):
            response = await it.client.request(method, f"/v2/{NAME}/manifests/tag")
            assert 200 == response.status_code
            it.expect({"get_content": 1})


async def test_manifest_by_digest(storage: Storage) -> None:
    """A manifest by digest is one stat; the first time its content is read as well."""
    async with storage.client() as client:
        await client.push_image(IMAGE, "tag")
    async with counted(storage) as it:
        await it.client.get_manifest(IMAGE.digest)
        it.expect({"stat": 1, "get_content": 1})
        for method in ("GET", "HEAD"):
            response = await it.client.request(method, f"/v2/{NAME}/manifests/{IMAGE.digest}")
            assert 200 == response.status_code
            it.expect({"stat": 1})


async def test_manifest_just_pushed(storage: Storage) -> None:
    """What was pushed here is known here: no content is read."""
    async with counted(storage) as it:
        await it.client.push_image(IMAGE, "tag")
        it.counting.reset()
        await it.client.get_manifest("tag")
        it.expect({"get_content": 1})
        await it.client.get_manifest(IMAGE.digest)
        it.expect({"stat": 1})


async def test_blob_head(storage: Storage) -> None:
    """A blob's HEAD is one stat; the first time its content is asked for its size."""
    async with storage.client() as client:
        digest = await client.push_blob(SMALL)
    async with counted(storage) as it:
        await it.client.head_blob(digest)
        it.expect({"stat": 2})
        await it.client.head_blob(digest)
        it.expect({"stat": 1})
        await it.client.head_blob(digest_of(b"absent"))
        it.expect({"stat": 1})


@pytest.mark.parametrize("headers", [{}, {"range": "bytes=1-2"}])
@pytest.mark.parametrize("content", [SMALL, MEDIUM], ids=["small", "medium"])
async def test_blob_get(storage: Storage, content: bytes, headers: dict[str, str]) -> None:
    """A blob is one stat and its data; the first time its size is asked for. What is small is then remembered."""
    async with storage.client() as client:
        digest = await client.push_blob(content)
    asked_for = {"local_path": 1} if storage.is_local else {}
    async with counted(storage) as it:
        await it.client.get_blob(digest, headers=headers)
        it.expect({"stat": 1, "reader": 1, **asked_for} if storage.is_local else {"stat": 2, "reader": 1})
        await it.client.get_blob(digest, headers=headers)
        if content is SMALL:
            it.expect({"stat": 1, "get_content": 1})
            await it.client.get_blob(digest, headers=headers)
            it.expect({"stat": 1})
        else:
            it.expect({"stat": 1, "reader": 1, **asked_for})


async def test_blob_sent_by_the_server(shared_storage: Storage) -> None:
    """Where the server sends files, a local blob is one stat and the asking where it lies; nothing is read."""
    async with shared_storage.client() as client:
        digest = await client.push_blob(MEDIUM)
    async with counted(shared_storage) as it:
        for _ in range(2):
            request = RawRequest(
                it.client.app, "GET", f"/v2/{NAME}/blobs/{digest}", extensions={"http.response.pathsend": {}}
            )
            await request.task

            assert (200, str(len(MEDIUM))) == (request.status, request.headers["content-length"])
            assert request.file is not None
            with open(request.file, "rb") as file:  # noqa: ASYNC230, PTH123 - a small file of a test
                assert MEDIUM == file.read()
            it.expect({"stat": 1, "local_path": 1})


async def test_unknown(storage: Storage) -> None:
    """What isn't there costs one operation."""
    async with counted(storage) as it:
        await it.client.get_manifest("tag")
        it.expect({"get_content": 1})
        await it.client.get_manifest(IMAGE.digest)
        it.expect({"stat": 1})
        await it.client.get_blob(IMAGE.digest)
        it.expect({"stat": 1})


async def test_tags(storage: Storage) -> None:
    """A repository's tags are one listing, also a page of them."""
    async with storage.client() as client:
        for tag in ("a", "b", "c"):
            await client.push_image(IMAGE, tag)
    async with counted(storage) as it:
        for query in ("", "?n=2", "?n=1&last=a", "?last=b"):
            await it.client.request("GET", f"/v2/{NAME}/tags/list{query}")
            it.expect({"list": 1})


async def test_catalog(storage: Storage) -> None:
    """A page of the catalog is a listing of the top and one of each directory down to where the page ends."""
    async with storage.client() as client:
        for name in ("a", "b/c", "d", "e"):
            await client.push_image(IMAGE, "tag", name)
    async with counted(storage) as it:
        await it.client.request("GET", "/v2/_catalog")
        it.expect({"list": 1 + 5})
        await it.client.request("GET", "/v2/_catalog?n=1")
        it.expect({"list": 1 + 3})  # a; then b and b/c, to know that there are more
        await it.client.request("GET", "/v2/_catalog?n=1&last=d")
        it.expect({"list": 1 + 2})


# Pushes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("composed", [False, True])
@pytest.mark.parametrize("how", ["POST and PUT", "POST"])
async def test_small_blob(storage: Storage, how: str, composed: bool) -> None:  # noqa: FBT001
    """A small blob is one put at its final path and one of the link, in that order."""
    digest = digest_of(SMALL)
    async with counted(storage, composed=composed) as it:
        if how == "POST":
            await it.client.request("POST", f"/v2/{NAME}/blobs/uploads/", params={"digest": digest}, body=SMALL)
        else:
            await it.client.finish(await it.client.begin(), digest, SMALL)

        assert [("put_content", data(SMALL)), ("put_content", link(SMALL))] == it.writes
        it.expect({"put_content": 2})
        await it.client.head_blob(digest)
        it.expect({"stat": 1})


@pytest.mark.parametrize("how", ["POST and PUT", "POST"])
async def test_large_blob(storage: Storage, how: str) -> None:
    """A large blob whose digest is known is written at its final path, and not moved."""
    digest = digest_of(LARGE)
    async with counted(storage) as it:
        if how == "POST":
            await it.client.request("POST", f"/v2/{NAME}/blobs/uploads/", params={"digest": digest}, body=LARGE)
        else:
            await it.client.finish(await it.client.begin(), digest, LARGE)

        assert [("commit", data(LARGE)), ("put_content", link(LARGE))] == it.writes
        it.expect({"writer": 1, "commit": 1, "put_content": 1})


async def test_streamed_blob(storage: Storage) -> None:
    """A PATCH opens one writer; the first one leaves a note of when. The PUT commits, moves, links and clears up."""
    async with counted(storage) as it:
        location = await it.client.begin()
        it.expect({})
        location = (await it.client.patch(location, LARGE[:100])).headers["location"]
        it.expect({"put_content": 1, "writer": 1})
        location = (await it.client.patch(location, LARGE[100:])).headers["location"]
        it.expect({"writer": 1})
        location = (await it.client.request("GET", location)).headers["location"]
        it.expect({"writer": 1})
        assert 201 == (await it.client.finish(location, digest_of(LARGE))).status_code
        assert ["commit", "move", "put_content", "delete"] == [op for op, _ in it.writes]
        assert link(LARGE) == it.writes[2][1]
        it.expect({"writer": 1, "commit": 1, "stat": 1, "move": 1, "put_content": 1, "delete": 1})


async def test_blob_that_is_there(storage: Storage) -> None:
    """A streamed blob whose content is there already isn't moved over it."""
    async with counted(storage) as it:
        await it.client.push_blob(LARGE, "other")
        location = (await it.client.patch(await it.client.begin(), LARGE)).headers["location"]
        it.counting.reset()
        assert 201 == (await it.client.finish(location, digest_of(LARGE))).status_code
        it.expect({"writer": 1, "commit": 1, "stat": 1, "put_content": 1, "delete": 1})


async def test_streamed_elsewhere(shared_storage: Storage) -> None:
    """What another process received is read once to be hashed."""
    async with shared_storage.client() as client:
        location = (await client.patch(await client.begin(), LARGE)).headers["location"]
    async with counted(shared_storage) as it:
        assert 201 == (await it.client.finish(location, digest_of(LARGE))).status_code
        it.expect({"writer": 1, "commit": 1, "reader": 1, "stat": 1, "move": 1, "put_content": 1, "delete": 1})


async def test_cancelled_upload(storage: Storage) -> None:
    """Throwing an upload away is one delete."""
    async with counted(storage) as it:
        location = (await it.client.patch(await it.client.begin(), SMALL)).headers["location"]
        it.counting.reset()
        await it.client.request("DELETE", location)
        it.expect({"delete": 1})


async def test_mount(storage: Storage) -> None:
    """A mount is a stat of the other link and of the content, and one put."""
    async with counted(storage) as it:
        digest = await it.client.push_blob(SMALL, "source")
        it.counting.reset()
        params = {"mount": digest, "from": "source"}
        assert 201 == (await it.client.request("POST", f"/v2/{NAME}/blobs/uploads/", params=params)).status_code
        it.expect({"stat": 2, "put_content": 1})


async def test_manifest_put(storage: Storage) -> None:
    """A manifest is two stats per blob, whatever is remembered of them, and its content, revision and tag."""
    async with counted(storage) as it:
        for blob in IMAGE.blobs:
            await it.client.push_blob(blob)
        it.counting.reset()
        await it.client.put_manifest(IMAGE.digest, IMAGE.manifest)
        it.expect({"stat": 6, "put_content": 2})
        await it.client.put_manifest("tag", IMAGE.manifest)
        paths = [path.removeprefix(f"{REPOSITORY}/_manifests/") for _, path in it.writes]
        encoded = IMAGE.digest.partition(":")[2]
        revision, index = f"revisions/sha256/{encoded}/link", f"tags/tag/index/sha256/{encoded}/link"
        assert [data(IMAGE.manifest), revision, "tags/tag/current/link", index] == paths
        it.expect({"stat": 6, "put_content": 4})


async def test_index_put(storage: Storage) -> None:
    """An index is two stats per manifest in it."""
    async with counted(storage) as it:
        await it.client.push_image(IMAGE)
        index = make_index([IMAGE])
        it.counting.reset()
        await it.client.put_manifest(index.digest, index.manifest, index.media_type)
        it.expect({"stat": 2, "put_content": 2})


async def test_deletes(storage: Storage) -> None:
    """Deleting a tag or a blob is one delete; a manifest is found, its tags looked up, and they and it deleted."""
    async with counted(storage) as it:
        for tag in ("a", "b", "c"):
            await it.client.push_image(IMAGE, tag)
        it.counting.reset()
        await it.client.request("DELETE", f"/v2/{NAME}/manifests/c")
        it.expect({"delete": 1})
        await it.client.request("DELETE", f"/v2/{NAME}/manifests/{IMAGE.digest}")
        # On this machine the tags are listed and read; over a network, a walk tells which are worth reading.
        it.expect({"stat": 1, "list" if storage.is_local else "walk": 1, "get_content": 2, "delete": 3})
        await it.client.request("DELETE", f"/v2/{NAME}/blobs/{digest_of(IMAGE.blobs[0])}")
        it.expect({"delete": 1})
