import asyncio
import os
from collections.abc import Sequence
from contextlib import AsyncExitStack

import pytest

from holdfast.registry.model.digest import Digest
from holdfast.registry.store import direct, paths
from holdfast.registry.store.uploads import SMALL_BLOB_BYTES
from tests.registry.asgi import RawRequest
from tests.registry.client import Client, digest_of, error_code, stream
from tests.registry.http.uploading import LARGE, SMALL, assert_nothing_left, assert_stored, pieces
from tests.registry.storages import Storage

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("how", ["POST", "PATCH"])
async def test_same_digest_at_once(storage: Storage, client: Client, how: str, content: bytes) -> None:
    """Ten pushes of one digest at the same time, to different repositories, all succeed."""
    digest = digest_of(content)

    async def push(name: str) -> int:
        if how == "POST":
            body = stream(*pieces(content, 200_000))
            path = f"/v2/{name}/blobs/uploads/"
            return (await client.request("POST", path, params={"digest": digest}, body=body)).status_code
        location = (await client.patch(await client.begin(name), stream(*pieces(content)))).headers["location"]
        return (await client.finish(location, digest)).status_code

    names = [f"r{number}" for number in range(10)]
    statuses = await asyncio.gather(*map(push, names))

    assert [201] * 10 == statuses
    for name in names:
        assert content == (await client.get_blob(digest, name)).content
    await assert_nothing_left(storage)


async def test_same_digest_one_fails(storage: Storage, client: Client) -> None:
    """Of several pushes of one digest those with the right content succeed, whatever the others bring."""
    digest = digest_of(LARGE)
    wrong = LARGE[:-1] + bytes([LARGE[-1] ^ 1])

    async def push(content: bytes) -> int:
        location = await client.begin()
        return (await client.finish(location, digest, stream(*pieces(content, 200_000)))).status_code

    statuses = await asyncio.gather(*map(push, [wrong, LARGE, wrong, LARGE]))

    assert [400, 201, 400, 201] == statuses
    await assert_stored(client, LARGE)
    await assert_nothing_left(storage)


async def test_tiny_budget(storage: Storage) -> None:
    """With memory for one body at a time many uploads at once still all complete, also of the same digest."""
    contents = [os.urandom(SMALL_BLOB_BYTES + 1000) for _ in range(4)] * 3 + [SMALL, b""] * 4
    async with storage.client(body_memory=64 * 1024) as client, asyncio.timeout(30):

        async def push(number: int, content: bytes) -> int:
            location = await client.begin(f"r{number}")
            body = stream(*pieces(content))
            if number % 3 == 0:
                response = await client.patch(location, body)
                return (await client.finish(response.headers["location"], digest_of(content))).status_code
            return (await client.finish(location, digest_of(content), body)).status_code

        statuses = await asyncio.gather(*(push(*each) for each in enumerate(contents)))

        assert [201] * len(contents) == statuses
    await assert_nothing_left(storage)


# Several registries on one storage


async def test_resumed_after_restart(shared_storage: Storage) -> None:
    """An upload goes on in a registry that was started after it began, which reads what it didn't hash."""
    async with shared_storage.client() as client:
        location = (await client.patch(await client.begin(), LARGE[:1_000_000])).headers["location"]
    async with shared_storage.client() as client:
        told = await client.request("GET", location)
        assert "0-999999" == told.headers["range"]
        location = (await client.patch(told.headers["location"], LARGE[1_000_000:], start=1_000_000)).headers[
            "location"
        ]
    async with shared_storage.client() as client:
        assert 201 == (await client.finish(location, digest_of(LARGE))).status_code
        await assert_stored(client, LARGE)
    await assert_nothing_left(shared_storage)


@pytest.mark.parametrize("right", [True, False])
async def test_alternating_replicas(shared_storage: Storage, right: bool) -> None:  # noqa: FBT001
    """Chunks may go to different replicas in turn; the digest is checked of all of them."""
    chunks = pieces(LARGE, 200_000)
    async with AsyncExitStack() as stack:
        replicas = [await stack.enter_async_context(shared_storage.client()) for _ in range(2)]
        location = await replicas[0].begin()
        for number, chunk in enumerate(chunks):
            response = await replicas[number % 2].patch(location, chunk)
            assert 202 == response.status_code
            location = response.headers["location"]
        digest = digest_of(LARGE if right else LARGE + b"x")
        response = await replicas[0].finish(location, digest)

        assert (201 if right else 400) == response.status_code
        assert right == (200 == (await replicas[1].head_blob(digest)).status_code)
    await assert_nothing_left(shared_storage)


@pytest.mark.parametrize("with_state", [True, False])
@pytest.mark.parametrize("way", ["begin anew", "cancel and begin anew"])
async def test_hash_of_replaced_content(shared_storage: Storage, way: str, with_state: bool) -> None:  # noqa: FBT001
    """A replica's running hash isn't believed once another one has replaced the content it has seen."""
    good, evil = b"good content", b"evil content"
    async with shared_storage.client() as here, shared_storage.client() as there, shared_storage.client() as third:
        first = await here.begin()
        location = (await here.patch(first, good)).headers["location"]
        if way == "cancel and begin anew":
            assert 204 == (await third.request("DELETE", location)).status_code
        assert 202 == (await there.patch(first, evil)).status_code
        location = location if with_state else location.partition("?")[0]
        response = await here.finish(location, digest_of(good))

        assert (400, "DIGEST_INVALID") == (response.status_code, error_code(response))
        assert 404 == (await here.head_blob(digest_of(good))).status_code
    assert paths.blob_data(Digest.of(good)) not in await shared_storage.files()


async def test_same_digest_in_two_replicas(shared_storage: Storage) -> None:
    """Two replicas that receive one large digest at once both say that they have it, when one of them has."""
    digest = digest_of(LARGE)
    async with shared_storage.client() as here, shared_storage.client() as there:
        requests = await begin_both(shared_storage, here, there, digest)
        for request in requests:
            request.send(more=False)
        for request in requests:
            await request.task

        assert [201, 201] == [request.status for request in requests]
        for number, client in enumerate((here, there)):
            assert LARGE == (await client.get_blob(digest, f"r{number}")).content
    await assert_nothing_left(shared_storage)


async def test_other_replica_gives_up(shared_storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the replica that began last doesn't finish, the other asks its client to come again: nothing is stored."""
    monkeypatch.setattr(direct, "_OTHER_SECONDS", 0.2)
    digest = digest_of(LARGE)
    async with shared_storage.client() as here, shared_storage.client() as there:
        first, second = await begin_both(shared_storage, here, there, digest)
        first.send(more=False)
        await first.task
        second.leave()
        await second.task

        assert (503, True) == (first.status, "retry-after" in first.headers)
        assert 404 == (await here.head_blob(digest, "r0")).status_code
        await here.push_blob(LARGE)
    await assert_nothing_left(shared_storage)


@pytest.mark.parametrize("last", ["right", "wrong"])
async def test_wrong_content_in_two_replicas(
    shared_storage: Storage, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    """Of two replicas that receive one digest, the one with other content says so, and nothing wrong is ever stored.

    Where the wrong content was begun last, the right one is asked to come again.
    """
    monkeypatch.setattr(direct, "_OTHER_SECONDS", 0.2)
    wrong = LARGE[:-1] + bytes([LARGE[-1] ^ 1])
    digest = digest_of(LARGE)
    contents = (wrong, LARGE) if last == "right" else (LARGE, wrong)
    async with shared_storage.client() as here, shared_storage.client() as there:
        requests = await begin_both(shared_storage, here, there, digest, contents)
        for request in requests:
            request.send(more=False)
            await request.task

        statuses = dict(zip(contents, [request.status for request in requests], strict=True))
        assert {LARGE: 201 if last == "right" else 503, wrong: 400} == statuses
        assert digest == await here.push_blob(LARGE)
        assert LARGE == (await here.get_blob(digest)).content
    await assert_nothing_left(shared_storage)


async def begin_both(
    storage: Storage, here: Client, there: Client, digest: str, contents: Sequence[bytes] = (LARGE, LARGE)
) -> list[RawRequest]:
    """Send contents to two replicas under one digest, the second begun last; the requests are still to be ended."""
    requests = [
        RawRequest(client.app, "POST", f"/v2/r{number}/blobs/uploads/?digest={digest}")
        for number, client in enumerate((here, there))
    ]
    seen: set[str] = set()
    for request, content in zip(requests, contents, strict=True):
        for piece in pieces(content):
            request.send(piece)
            await request.taken()
        seen.add(await other_write(storage, seen))
    return requests


async def other_write(storage: Storage, seen: set[str]) -> str:
    """The identity of an unfinished write that wasn't there before, once it is."""
    async with asyncio.timeout(20):
        while True:
            async for upload in storage.driver.list_uploads("/"):
                if upload.upload_id not in seen:
                    return upload.upload_id
            await asyncio.sleep(0.01)
