"""Uploads: content on its way to becoming a blob.

What an upload costs in storage depends on when its digest is known:

- content that fits in memory and comes with its digest is put straight at its final path, then linked: two
  operations, and nothing is stored before;
- larger content that comes with its digest is streamed straight to its final path, checked, committed, linked;
- content that comes in requests of its own is streamed to the upload's directory; the request that brings the
  digest moves it to its final path.

Nothing is visible at a blob's path before its digest was checked, and a link is written after the content.
The running hash stays in this process between requests. When it isn't at hand, because another replica or an
earlier process received a part, the committed content is read once more.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import msgspec
from cachetools import LRUCache

from holdfast.registry.errors import (
    DigestMismatchError,
    UploadBusyError,
    UploadOffsetError,
    UploadUnknownError,
)
from holdfast.registry.model.digest import Digest
from holdfast.registry.store import paths
from holdfast.registry.store.hashing import RunningDigest
from holdfast.registry.store.upload_state import new_upload
from holdfast.storage import ops
from holdfast.storage.errors import PathNotFoundError, WriteConflictError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from holdfast.registry.store.blobs import BlobStore
    from holdfast.registry.store.budget import MemoryBudget
    from holdfast.registry.store.upload_state import UploadState
    from holdfast.storage.driver import FileWriter, StorageDriver

__all__ = ["SMALL_BLOB_BYTES", "UploadStore"]

SMALL_BLOB_BYTES = 1024 * 1024
"""Content up to this size is held in memory until its digest is checked."""

_STREAM_BYTES = 6 * 1024 * 1024
"""What receiving a stream holds at once: batches being received, hashed and written."""

_REMEMBERED = 4096
"""Running hashes, and identities of closed uploads, that this process keeps."""

_BUSY_SECONDS = 10.0
"""How long a request waits for an earlier one to the same upload whose client went away."""


class UploadStore:
    """The uploads of all repositories.

    Args:
        driver: The storage.
        blobs: Where finished uploads go.
        budget: The memory that all bodies share.
    """

    def __init__(self, driver: StorageDriver, blobs: BlobStore, budget: MemoryBudget) -> None:
        self._driver = driver
        self._blobs = blobs
        self._budget = budget
        self._pool = ThreadPoolExecutor(max_workers=os.cpu_count(), thread_name_prefix="hash")
        self._running: LRUCache[str, RunningDigest] = LRUCache(_REMEMBERED)
        self._closed: LRUCache[str, bool] = LRUCache(_REMEMBERED)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._direct: set[Digest] = set()

    async def aclose(self) -> None:
        """Free the threads that hash. Uploads stay in storage and can be continued."""
        await asyncio.to_thread(self._pool.shutdown)

    async def is_open(self, name: str, uuid: str) -> bool:
        """Whether storage knows an upload: for a location that came without its state."""
        return uuid not in self._closed and await ops.exists(self._driver, paths.upload_started_at(name, uuid))

    async def size(self, state: UploadState) -> int:
        """Return the bytes an upload has.

        Raises:
            UploadUnknownError: The upload is closed, or storage lost it.
        """
        async with self._exclusive(state.uuid):
            try:
                async with ops.opened_writer(
                    self._driver, _data(state), append=True, resume_token=state.resume_token
                ) as writer:
                    return writer.size
            except PathNotFoundError:
                if state.stored:
                    raise UploadUnknownError(state.uuid) from None
                return 0

    async def receive(
        self, state: UploadState, body: AsyncIterator[bytes], *, start: int | None = None
    ) -> tuple[UploadState, int]:
        """Append a body to an upload; what arrived is kept when the client goes away in the middle.

        Args:
            state: The upload.
            body: What comes.
            start: Where the client says that the body starts; `None` if it doesn't say.

        Returns:
            The state that the next request needs, and the bytes that the upload now has.

        Raises:
            UploadOffsetError: The body doesn't start where the upload stands; nothing of it was read.
            UploadUnknownError: The upload is closed, or storage lost it.
            BodyInterruptedError: The body ended early.
        """
        async with self._exclusive(state.uuid), self._budget.reserve(_STREAM_BYTES):
            writer = await self._open(state, start)
            running = self._take_running(state, writer.size)
            try:
                await _pour(body, writer, running)
            finally:
                await self._rest(state, writer, running)
            return msgspec.structs.replace(state, stored=True, resume_token=writer.resume_token), writer.size

    async def finish(
        self, state: UploadState, digest: Digest, body: AsyncIterator[bytes], *, start: int | None = None
    ) -> None:
        """Append a last body, empty most often, check the whole against its digest, and make it a blob.

        Raises:
            DigestMismatchError: The content is something else; the upload is thrown away.
            UploadOffsetError, UploadUnknownError, BodyInterruptedError: As `receive`.
        """
        async with self._exclusive(state.uuid):
            if not state.stored and state.uuid not in self._running:
                if start:
                    raise UploadOffsetError(start, 0)
                await self.receive_whole(state.name, digest, body)
            else:
                async with self._budget.reserve(_STREAM_BYTES):
                    await self._finish_stored(state, digest, body, start)
            self._closed[state.uuid] = True

    async def receive_whole(self, name: str, digest: Digest, body: AsyncIterator[bytes]) -> None:
        """Receive a blob in one body whose digest is known: straight to its final path.

        Raises:
            DigestMismatchError: The content is something else; nothing is stored.
            BodyInterruptedError: The body ended early; nothing is stored.
        """
        async with self._budget.reserve(SMALL_BLOB_BYTES):
            head, ended = await _read_head(body)
            if ended:
                content = b"".join(head)
                _check(digest, Digest.of(content, digest.algorithm))
                await self._blobs.put(name, digest, content)
                return
        async with self._budget.reserve(_STREAM_BYTES):
            await self._stream_whole(name, digest, _chain(head, body))

    async def cancel(self, state: UploadState) -> None:
        """Throw an upload away.

        Raises:
            UploadUnknownError: It is closed already.
        """
        async with self._exclusive(state.uuid):
            self._running.pop(state.uuid, None)
            self._closed[state.uuid] = True
            await self._remove(state)

    # A stream to its final path -----------------------------------------------------------------

    async def _stream_whole(self, name: str, digest: Digest, body: AsyncIterator[bytes]) -> None:
        """A path takes one unfinished write, so the second of two pushes of one digest goes by an upload of its own."""
        if digest in self._direct:
            await self._stream_aside(name, digest, body)
            return
        self._direct.add(digest)
        try:
            size = await self._stream_to_final_path(digest, body)
        finally:
            self._direct.discard(digest)
        self._blobs.keep_size(digest, size)
        await self._blobs.link(name, digest)

    async def _stream_aside(self, name: str, digest: Digest, body: AsyncIterator[bytes]) -> None:
        state = new_upload(name, digest.algorithm)
        try:
            state, _ = await self.receive(state, body)
            await self.finish(state, digest, _chain([], None))
        except BaseException:
            if state.uuid not in self._closed:
                await self.cancel(state)
            raise

    async def _stream_to_final_path(self, digest: Digest, body: AsyncIterator[bytes]) -> int:
        running = RunningDigest(self._pool, digest.algorithm)
        async with ops.opened_writer(self._driver, paths.blob_data(digest)) as writer:
            try:
                await _pour(body, writer, running)
                _check(digest, await running.digest())
            except BaseException:
                try:
                    await running.settle()
                finally:
                    await writer.cancel()
                raise
            try:
                await writer.commit()
            except WriteConflictError:
                # Another replica began the same content after us. If it has finished, so have we.
                if not await self._blobs.holds(digest, running.size):
                    raise
        return running.size

    # A stream by the upload's directory ---------------------------------------------------------

    async def _finish_stored(
        self, state: UploadState, digest: Digest, body: AsyncIterator[bytes], start: int | None
    ) -> None:
        writer = await self._open(state, start)
        running = self._take_running(state, writer.size)
        try:
            await _pour(body, writer, running)
            if running and running.algorithm == digest.algorithm:
                actual = await running.digest()
                await self._require(state, digest, actual, writer)
                await writer.commit()
            else:
                await writer.commit()
                actual = await self._read_digest(_data(state), digest.algorithm)
                await self._require(state, digest, actual)
        except BaseException:
            await self._rest(state, writer, running)
            raise
        await self._blobs.adopt(_data(state), digest, writer.size)
        await self._blobs.link(state.name, digest)
        await self._remove(state)

    async def _require(
        self, state: UploadState, expected: Digest, actual: Digest, writer: FileWriter | None = None
    ) -> None:
        try:
            _check(expected, actual)
        except DigestMismatchError:
            if writer is not None:
                await writer.cancel()
            self._closed[state.uuid] = True
            await self._remove(state)
            raise

    async def _open(self, state: UploadState, start: int | None) -> FileWriter:
        """Open the upload's data where it stands, and begin it if storage has nothing of it."""
        path = _data(state)
        if state.stored or start or state.uuid in self._running:
            try:
                writer = await self._driver.writer(path, append=True, resume_token=state.resume_token)
            except PathNotFoundError:
                if start and not state.stored:
                    raise UploadOffsetError(start, 0) from None
                raise UploadUnknownError(state.uuid) from None
        else:
            # Distribution's purge of abandoned uploads reads this file, and so does ours.
            started = state.started.strftime("%Y-%m-%dT%H:%M:%SZ").encode("ascii")
            await self._driver.put_content(paths.upload_started_at(state.name, state.uuid), started)
            writer = await self._driver.writer(path)
        if start is not None and start != writer.size:
            await writer.close()
            raise UploadOffsetError(start, writer.size)
        return writer

    def _take_running(self, state: UploadState, size: int) -> RunningDigest | None:
        """Take the running hash, if it has seen everything that storage has."""
        running = self._running.pop(state.uuid, None)
        if running is None and size == 0:
            return RunningDigest(self._pool, state.algorithm)
        return running if running and running.size == size else None

    async def _rest(self, state: UploadState, writer: FileWriter, running: RunningDigest | None) -> None:
        """Keep what arrived, and the running hash if it has seen all of that."""
        try:
            if running:
                await running.settle()
        finally:
            await writer.close()
        if running and running.size == writer.size and state.uuid not in self._closed:
            self._running[state.uuid] = running

    async def _read_digest(self, path: str, algorithm: str) -> Digest:
        running = RunningDigest(self._pool, algorithm)
        try:
            async with self._driver.reader(path) as chunks:
                async for chunk in chunks:
                    await running.update(chunk)
        finally:
            await running.settle()
        return await running.digest()

    async def _remove(self, state: UploadState) -> None:
        try:
            await self._driver.delete(paths.upload(state.name, state.uuid))
        except PathNotFoundError:
            return  # nothing of it was stored

    @asynccontextmanager
    async def _exclusive(self, uuid: str) -> AsyncIterator[None]:
        lock = self._locks.setdefault(uuid, asyncio.Lock())
        try:
            async with asyncio.timeout(_BUSY_SECONDS):
                await lock.acquire()
        except TimeoutError:
            raise UploadBusyError(uuid) from None
        try:
            if uuid in self._closed:
                raise UploadUnknownError(uuid)
            yield
        finally:
            lock.release()


def _data(state: UploadState) -> str:
    return paths.upload_data(state.name, state.uuid)


def _check(expected: Digest, actual: Digest) -> None:
    if expected != actual:
        raise DigestMismatchError(expected, actual)


async def _pour(body: AsyncIterator[bytes], writer: FileWriter, running: RunningDigest | None) -> None:
    """Hash and write each chunk; both work behind, while the next chunk is received."""
    async for chunk in body:
        await writer.write(chunk)
        if running:
            await running.update(chunk)


async def _read_head(body: AsyncIterator[bytes]) -> tuple[list[bytes], bool]:
    """Read up to `SMALL_BLOB_BYTES`, and tell whether that was all."""
    head: list[bytes] = []
    size = 0
    async for chunk in body:
        head.append(chunk)
        size += len(chunk)
        if size > SMALL_BLOB_BYTES:
            return head, False
    return head, True


async def _chain(head: list[bytes], body: AsyncIterator[bytes] | None) -> AsyncIterator[bytes]:
    for chunk in head:
        yield chunk
    if body is not None:
        async for chunk in body:
            yield chunk
