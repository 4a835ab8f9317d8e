import asyncio

import pytest

from holdfast.registry.store import locks
from tests.registry.asgi import RawRequest
from tests.registry.client import NAME, Client, digest_of, error_code, stream
from tests.registry.http.uploading import LARGE, SMALL, assert_nothing_left, assert_stored, pieces
from tests.registry.storages import Storage

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("how", ["leave", "stall"])
async def test_interrupted_is_resumable(storage: Storage, how: str) -> None:
    """What arrived before the client went away or fell silent is kept, and the upload goes on from there."""
    async with storage.client(body_idle_timeout=0.05) as client:
        location = await client.begin()
        request = RawRequest(client.app, "PATCH", location)
        for piece in pieces(LARGE)[:3]:
            request.send(piece)
        if how == "leave":
            request.leave()
        await request.task

        assert 408 == request.status
        told = await client.request("GET", location)
        assert "0-899999" == told.headers["range"]
        response = await client.patch(told.headers["location"], LARGE[900_000:], start=900_000)
        assert 201 == (await client.finish(response.headers["location"], digest_of(LARGE))).status_code
        await assert_stored(client, LARGE)
        await assert_nothing_left(storage)


async def test_interrupted_then_restarted(shared_storage: Storage) -> None:
    """A client whose first request was cut off by the end of the server goes on with the only location it has."""
    async with shared_storage.client() as client:
        location = await client.begin()
        request = RawRequest(client.app, "PATCH", location)
        for piece in pieces(LARGE)[:3]:
            request.send(piece)
        await request.taken()
        request.task.cancel()
        await asyncio.wait({request.task})
    async with shared_storage.client() as client:
        told = await client.request("GET", location)
        arrived = int(told.headers["range"].partition("-")[2]) + 1
        assert 0 < arrived <= 900_000
        response = await client.patch(told.headers["location"], stream(LARGE[arrived:]))

        assert f"0-{len(LARGE) - 1}" == response.headers["range"]
        assert 201 == (await client.finish(response.headers["location"], digest_of(LARGE))).status_code
        await assert_stored(client, LARGE)


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("how", ["leave", "stall"])
async def test_interrupted_whole(storage: Storage, how: str, content: bytes) -> None:
    """A whole blob that was cut off leaves nothing, and the upload can be tried again."""
    async with storage.client(body_idle_timeout=0.05) as client:
        location = await client.begin()
        request = RawRequest(client.app, "PUT", f"{location}&digest={digest_of(content)}")
        request.send(content)
        if how == "leave":
            request.leave()
        await request.task

        assert 408 == request.status
        assert {} == await storage.files()
        assert [] == await storage.uploads()
        assert 201 == (await client.finish(location, digest_of(content), content)).status_code


@pytest.mark.parametrize("announced", [len(LARGE) - 1, len(LARGE) + 1])
@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_length_lies(storage: Storage, client: Client, method: str, announced: int) -> None:
    """A body of another length than announced is refused, and nothing of it is stored."""
    path = f"/v2/{NAME}/blobs/uploads/?" if method == "POST" else await client.begin() + "&"
    target = f"{path}digest={digest_of(LARGE)}"
    request = RawRequest(client.app, method, target, headers={"content-length": str(announced)})
    for piece in pieces(LARGE):
        request.send(piece)
    request.send(more=False)
    await request.task

    assert 400 == request.status
    assert b"SIZE_INVALID" in request.body
    assert {} == await storage.files()
    assert [] == await storage.uploads()


async def test_busy(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second request to an upload waits for the first, and is told so when that takes too long."""
    monkeypatch.setattr(locks, "_BUSY_SECONDS", 0.02)
    location = await client.begin()
    first = RawRequest(client.app, "PATCH", location)
    first.send(b"first ")
    await first.taken()
    response = await client.patch(location, b"second")

    assert (409, "BLOB_UPLOAD_INVALID") == (response.status_code, error_code(response))
    first.send(more=False)
    await first.task
    assert 202 == first.status
    response = await client.patch(first.headers["location"], b"second")
    assert 201 == (await client.finish(response.headers["location"], digest_of(b"first second"))).status_code


async def test_concurrent_patches(client: Client) -> None:
    """Requests to one upload at the same time are taken one after the other, each whole."""
    location = (await client.patch(await client.begin(), b"")).headers["location"]
    bodies = [bytes([65 + number]) * 50_000 for number in range(5)]
    responses = await asyncio.gather(*(client.patch(location, stream(*pieces(body, 10_000))) for body in bodies))

    assert {202} == {response.status_code for response in responses}
    sizes = sorted((int(response.headers["range"].partition("-")[2]), n) for n, response in enumerate(responses))
    content = b"".join(bodies[number] for _, number in sizes)
    assert 201 == (await client.finish(location, digest_of(content))).status_code
