"""Memory doesn't grow with what passes through, and a client that leaves stops the work done for it."""

import asyncio
import gc
import hashlib
import os
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from holdfast.storage.driver import StorageDriver
from holdfast.testing.drivers import InterceptingDriver, Step
from tests.registry.asgi import RawRequest
from tests.registry.client import NAME
from tests.registry.storages import Storage

pytestmark = pytest.mark.anyio

MIB = 1024 * 1024
TOTAL = 64 * MIB
PIECE = os.urandom(256 * 1024)
PIECES = TOTAL // len(PIECE)
LIMIT = 24 * MIB


def digest_of_all() -> str:
    """The digest of all pieces."""
    running = hashlib.sha256()
    for _ in range(PIECES):
        running.update(PIECE)
    return f"sha256:{running.hexdigest()}"


@contextmanager
def bounded() -> Iterator[None]:
    """The block takes no more memory at any time than the limit, above what there was."""
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak - before < LIMIT, f"{(peak - before) / MIB:.1f} MiB"


async def send_all(request: RawRequest) -> None:
    """Send all pieces, each when the one before was taken, as a connection's flow control does."""
    for _ in range(PIECES):
        request.send(bytes(bytearray(PIECE)))  # a copy: the same object held many times would be held once
        await request.taken()
    request.send(more=False)
    await request.task


@pytest.mark.parametrize("how", ["POST", "PATCH"])
async def test_large_blob_passes_through(shared_storage: Storage, how: str) -> None:
    """64 MiB up and down are never held at once."""
    digest = digest_of_all()
    async with shared_storage.client() as client:
        with bounded():
            if how == "POST":
                request = RawRequest(client.app, "POST", f"/v2/{NAME}/blobs/uploads/?digest={digest}")
                await send_all(request)
            else:
                request = RawRequest(client.app, "PATCH", await client.begin())
                await send_all(request)
                assert 202 == request.status
                request = RawRequest(client.app, "PUT", f"{request.headers['location']}&digest={digest}")
                request.send(more=False)
                await request.task
        assert 201 == request.status

        running = hashlib.sha256()
        with bounded():
            download = RawRequest(client.app, "GET", f"/v2/{NAME}/blobs/{digest}", keep=False, on_chunk=running.update)
            await download.task
        assert (200, TOTAL) == (download.status, download.received)
        assert digest == f"sha256:{running.hexdigest()}"


async def test_hashed_elsewhere(shared_storage: Storage) -> None:
    """Content that is read to be hashed isn't held at once."""
    async with shared_storage.client() as client:
        request = RawRequest(client.app, "PATCH", await client.begin())
        await send_all(request)
    async with shared_storage.client() as client:
        with bounded():
            finish = RawRequest(client.app, "PUT", f"{request.headers['location']}&digest={digest_of_all()}")
            finish.send(more=False)
            await finish.task
        assert 201 == finish.status


class Watching(InterceptingDriver):
    """Tells how many chunks were read, and how many readers are open.

    Attributes:
        read: Chunks so far.
        open: Readers now.
    """

    def __init__(self, inner: StorageDriver) -> None:
        super().__init__(inner)
        self.read = 0
        self.open = 0

    @asynccontextmanager
    async def reader(
        self, path: str, *, offset: int = 0, length: int | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Count while it is open."""
        async with super().reader(path, offset=offset, length=length) as chunks:
            self.open += 1
            try:
                yield chunks
            finally:
                self.open -= 1

    async def before(self, step: Step) -> None:
        """Count chunks."""
        self.read += step.op == "read"

    async def after(self, step: Step) -> None:
        """Do nothing."""


@pytest.mark.parametrize("how", ["leave", "cancel"])
async def test_download_left(storage: Storage, how: str) -> None:
    """When the client leaves in the middle, or the request is cancelled, reading stops and the reader is closed."""
    content = os.urandom(8 * MIB)
    watching: list[Watching] = []

    def watch(driver: StorageDriver) -> StorageDriver:
        watching.append(Watching(driver))
        return watching[0]

    async with storage.client() as client:
        digest = await client.push_blob(content)
    async with storage.client(watch) as client:
        got = asyncio.Event()
        request = RawRequest(client.app, "GET", f"/v2/{NAME}/blobs/{digest}", on_chunk=lambda _: got.set())
        await got.wait()
        assert 1 == watching[0].open
        if how == "leave":
            request.leave()
        else:
            request.task.cancel()
        await asyncio.wait({request.task})

        assert 0 == watching[0].open
        assert 5 > watching[0].read
        assert not request.is_whole
        assert (how == "cancel") == request.task.cancelled()


async def test_slow_reader(storage: Storage) -> None:
    """A client that doesn't read isn't read for."""
    content = os.urandom(8 * MIB)
    watching: list[Watching] = []

    def watch(driver: StorageDriver) -> StorageDriver:
        watching.append(Watching(driver))
        return watching[0]

    async with storage.client() as client:
        digest = await client.push_blob(content)
    async with storage.client(watch) as client:
        request = RawRequest(client.app, "GET", f"/v2/{NAME}/blobs/{digest}")
        request.hold()
        await request.begun.wait()
        for _ in range(100):
            await asyncio.sleep(0)
        assert 2 > watching[0].read
        request.resume()
        await request.task
        assert content == request.body


async def test_slow_storage(storage: Storage) -> None:
    """A body isn't taken faster than storage takes it: what waits is bounded."""
    gate = asyncio.Event()

    class Stuck(InterceptingDriver):
        async def before(self, step: Step) -> None:
            if step.op == "write":
                await gate.wait()

        async def after(self, step: Step) -> None:
            pass

    async with storage.client(Stuck) as client:
        request = RawRequest(client.app, "PATCH", await client.begin())
        for _ in range(100):
            request.send(PIECE)
        for _ in range(200):
            await asyncio.sleep(0)
        assert 90 <= request.waiting
        gate.set()
        request.send(more=False)
        await request.task
        assert (202, f"0-{100 * len(PIECE) - 1}") == (request.status, request.headers["range"])
