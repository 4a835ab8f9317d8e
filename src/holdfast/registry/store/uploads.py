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

Once the content is verified, the same request can be repeated until it succeeds, whatever storage failed at.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import structlog
from cachetools import LRUCache

from holdfast.registry.errors import (
    DigestMismatchError,
    UploadOffsetError,
    UploadUnknownError,
)
from holdfast.registry.model.digest import Digest
from holdfast.registry.store import paths
from holdfast.registry.store.direct import DirectWrites
from holdfast.registry.store.hashing import RunningDigest
from holdfast.registry.store.locks import UploadLocks
from holdfast.registry.store.resting import RestingDigests
from holdfast.registry.store.streams import chain, pour, read_digest, read_head, require_digest
from holdfast.registry.store.upload_state import new_upload
from holdfast.storage import ops
from holdfast.storage.errors import InvalidResumeTokenError, PathNotFoundError, StorageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from holdfast.registry.store.blobs import BlobStore
    from holdfast.registry.store.upload_state import UploadState
    from holdfast.storage.budget import MemoryBudget
    from holdfast.storage.driver import FileWriter, StorageDriver

__all__ = ["SMALL_BLOB_BYTES", "UploadStore"]

SMALL_BLOB_BYTES = 1024 * 1024
"""Content up to this size is held in memory until its digest is checked."""

_STREAM_BYTES = 10 * 1024 * 1024
"""What receiving a stream holds at once: 4 MiB asked for ahead, and three pieces being joined, hashed and written."""

_REMEMBERED = 4096
"""Identities of uploads begun, arrived or closed, each, that this process keeps."""

_log = structlog.get_logger(__name__)


class _Arrived(NamedTuple):
    """What a request that finishes an upload brought: all of it, with its digest."""

    digest: Digest
    size: int
    verified: bool


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
        self._resting = RestingDigests(shared=driver.capabilities.shared)
        self._begun: LRUCache[str, bool] = LRUCache(_REMEMBERED)
        self._arrived: LRUCache[str, _Arrived] = LRUCache(_REMEMBERED)
        self._closed: LRUCache[str, bool] = LRUCache(_REMEMBERED)
        self._locks = UploadLocks()
        self._direct = DirectWrites(driver, blobs, self._pool)

    async def aclose(self) -> None:
        """Free the threads that hash. Uploads stay in storage and can be continued."""
        await asyncio.to_thread(self._pool.shutdown)

    async def is_open(self, name: str, uuid: str) -> bool:
        """Whether storage knows an upload: for a location that came without its state."""
        return uuid not in self._closed and await ops.exists(self._driver, paths.upload_started_at(name, uuid))

    async def size(self, state: UploadState) -> tuple[UploadState, int]:
        """Return what `receive` does, without receiving anything.

        Raises:
            UploadUnknownError: The upload is closed, or storage lost it.
        """
        async with self._exclusive(state.uuid):
            try:
                writer = await self._continue(state)
            except PathNotFoundError:
                if self._is_begun(state):
                    raise UploadUnknownError(state.uuid) from None
                return state, 0
            await ops.close_writer(writer)
            return _continued(state, writer), writer.size

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
            return await self._receive(state, body, start)

    async def finish(
        self,
        state: UploadState,
        digest: Digest,
        body: AsyncIterator[bytes],
        *,
        length: int | None = None,
        start: int | None = None,
    ) -> None:
        """Append a last body, empty most often, check the whole against its digest, and make it a blob.

        Raises:
            DigestMismatchError: The content is something else; the upload is thrown away.
            UploadOffsetError, UploadUnknownError, BodyInterruptedError: As `receive`.
        """
        async with self._exclusive(state.uuid):
            if not self._is_begun(state):
                if start:
                    raise UploadOffsetError(start, 0)
                await self.receive_whole(state.name, digest, body, length=length)
            else:
                async with self._budget.reserve(_STREAM_BYTES):
                    await self._finish(state, digest, body, start)
            self._close(state)

    async def receive_whole(
        self, name: str, digest: Digest, body: AsyncIterator[bytes], *, length: int | None = None
    ) -> None:
        """Receive a blob in one body whose digest is known: straight to its final path.

        Args:
            name: The repository.
            digest: The digest.
            body: The content.
            length: The bytes of the body, if they were announced.

        Raises:
            DigestMismatchError: The content is something else; nothing is stored.
            BodyInterruptedError: The body ended early; nothing is stored.
        """
        # Reserved at once for all that may come: who holds a part and waits for more can wait for each other.
        fits = length is not None and length <= SMALL_BLOB_BYTES
        async with self._budget.reserve(SMALL_BLOB_BYTES if fits else _STREAM_BYTES):
            head, ended = await read_head(body, SMALL_BLOB_BYTES)
            if ended:
                content = b"".join(head)
                require_digest(digest, Digest.of(content, digest.algorithm))
                await self._blobs.put(name, digest, content)
            else:
                await self._stream_whole(name, digest, chain(head, body))

    async def cancel(self, state: UploadState) -> None:
        """Throw an upload away.

        Raises:
            UploadUnknownError: It is closed already.
        """
        async with self._exclusive(state.uuid):
            if not await self._remove(state) and self._is_begun(state):
                raise UploadUnknownError(state.uuid)
            self._close(state)

    # A stream to its final path -----------------------------------------------------------------

    async def _stream_whole(self, name: str, digest: Digest, body: AsyncIterator[bytes]) -> None:
        """Receive to the final path; the second of two pushes of one digest goes by an upload of its own."""
        if self._direct.is_running(digest):
            await self._stream_aside(name, digest, body)
        else:
            await self._direct.receive(digest, body)
            await self._blobs.link(name, digest)

    async def _stream_aside(self, name: str, digest: Digest, body: AsyncIterator[bytes]) -> None:
        state = new_upload(name, digest.algorithm)
        try:
            state, _ = await self._receive(state, body, None)
            await self._finish(state, digest, chain([]), None)
        except BaseException:
            await self._discard(state)
            raise
        self._close(state)

    # A stream by the upload's directory ---------------------------------------------------------

    async def _receive(
        self, state: UploadState, body: AsyncIterator[bytes], start: int | None
    ) -> tuple[UploadState, int]:
        writer = await self._open(state, start)
        running = self._take_running(state, writer.size)
        self._arrived.pop(state.uuid, None)
        try:
            await pour(body, writer, running)
        finally:
            await self._rest(state, writer, running)
        return _continued(state, writer), writer.size

    async def _finish(self, state: UploadState, digest: Digest, body: AsyncIterator[bytes], start: int | None) -> None:
        arrived = self._arrived.pop(state.uuid, None)
        if arrived and arrived.digest == digest:
            await self._finish_again(state, arrived)
            return
        writer = await self._open(state, start)
        running = self._take_running(state, writer.size)
        try:
            await pour(body, writer, running)
            self._arrived[state.uuid] = arrived = _Arrived(digest, writer.size, verified=False)
            if running and running.algorithm == digest.algorithm:
                arrived = await self._require(state, arrived, await running.digest(), writer)
            await writer.commit()
        except BaseException:
            await self._rest(state, writer, running)
            raise
        if not arrived.verified:
            arrived = await self._require(state, arrived, await self._read_digest(state, digest))
        await self._publish(state, arrived)

    async def _finish_again(self, state: UploadState, arrived: _Arrived) -> None:
        """Finish what arrived whole before, when storage failed at something. The body isn't read again.

        What is still in the upload's directory is verified by reading it, since others could write to it meanwhile.
        What was verified and isn't there any more was moved to its final path.
        """
        self._arrived[state.uuid] = arrived
        try:
            writer = await self._continue(state)
        except PathNotFoundError:
            if not (arrived.verified and await self._blobs.holds(arrived.digest, arrived.size)):
                raise UploadUnknownError(state.uuid) from None
        else:
            try:
                if writer.size != arrived.size:
                    raise UploadOffsetError(arrived.size, writer.size)
                await writer.commit()
            finally:
                await ops.close_writer(writer)
            await self._require(state, arrived, await self._read_digest(state, arrived.digest))
        await self._publish(state, arrived)

    async def _publish(self, state: UploadState, arrived: _Arrived) -> None:
        await self._blobs.adopt(_data(state), arrived.digest, arrived.size)
        await self._blobs.link(state.name, arrived.digest)
        await self._remove(state)

    async def _require(
        self, state: UploadState, arrived: _Arrived, actual: Digest, writer: FileWriter | None = None
    ) -> _Arrived:
        """Note that an upload is what its digest says, or throw it away."""
        try:
            require_digest(arrived.digest, actual)
        except DigestMismatchError as error:
            if writer is not None:
                await ops.throw_away(writer, error)
            await self._discard(state)
            raise
        self._arrived[state.uuid] = arrived = arrived._replace(verified=True)
        return arrived

    async def _read_digest(self, state: UploadState, digest: Digest) -> Digest:
        return await read_digest(self._driver, _data(state), digest.algorithm, self._pool)

    async def _open(self, state: UploadState, start: int | None) -> FileWriter:
        """Open the upload's data where it stands, and begin it if storage has nothing of it."""
        if self._is_begun(state) or start:
            try:
                writer = await self._continue(state)
            except PathNotFoundError:
                if start and not self._is_begun(state):
                    raise UploadOffsetError(start, 0) from None
                raise UploadUnknownError(state.uuid) from None
        else:
            # Distribution's purge of abandoned uploads reads this file, and so does ours.
            started = state.started.strftime("%Y-%m-%dT%H:%M:%SZ").encode("ascii")
            await self._driver.put_content(paths.upload_started_at(state.name, state.uuid), started)
            writer = await self._driver.writer(_data(state))
            self._begun[state.uuid] = True
        if start is not None and start != writer.size:
            await ops.close_writer(writer)
            raise UploadOffsetError(start, writer.size)
        return writer

    async def _continue(self, state: UploadState) -> FileWriter:
        """Open the upload's data to append to it.

        Raises:
            PathNotFoundError: Storage has nothing of it.
        """
        token = self._resting.token(state.uuid) or state.resume_token
        try:
            return await self._driver.writer(_data(state), append=True, resume_token=token)
        except InvalidResumeTokenError:
            # Another replica has begun it anew or finished it: there is other content now, or none.
            self._resting.forget(state.uuid)
            return await self._driver.writer(_data(state), append=True)

    def _is_begun(self, state: UploadState) -> bool:
        """Whether storage has something of an upload: its location says so, unless the answer to it was lost."""
        return state.stored or state.uuid in self._begun

    def _take_running(self, state: UploadState, size: int) -> RunningDigest | None:
        """Take the running hash, if it has seen everything that storage has."""
        resting = self._resting.take(state.uuid, size)
        return RunningDigest(self._pool, state.algorithm) if resting is None and size == 0 else resting

    async def _rest(self, state: UploadState, writer: FileWriter, running: RunningDigest | None) -> None:
        """Keep what arrived, and the running hash if it has seen all of that."""
        try:
            if running:
                await running.settle()
        finally:
            await ops.close_writer(writer)
        if running and state.uuid not in self._closed:
            self._resting.keep(state.uuid, running, writer)

    def _close(self, state: UploadState) -> None:
        """Remember that an upload is over."""
        self._closed[state.uuid] = True
        self._resting.forget(state.uuid)
        self._begun.pop(state.uuid, None)
        self._arrived.pop(state.uuid, None)

    async def _discard(self, state: UploadState) -> None:
        """Throw away an upload that has failed. What can't be deleted now is left to the purge of old uploads."""
        self._close(state)
        try:
            await self._remove(state)
        except StorageError as error:
            _log.warning("a failed upload stays in storage", repository=state.name, upload=state.uuid, error=str(error))

    async def _remove(self, state: UploadState) -> bool:
        """Delete all of an upload, and tell whether there was anything."""
        return await ops.delete_if_there(self._driver, paths.upload(state.name, state.uuid))

    @asynccontextmanager
    async def _exclusive(self, uuid: str) -> AsyncIterator[None]:
        async with self._locks.hold(uuid):
            if uuid in self._closed:
                raise UploadUnknownError(uuid)
            yield


def _data(state: UploadState) -> str:
    return paths.upload_data(state.name, state.uuid)


def _continued(state: UploadState, writer: FileWriter) -> UploadState:
    """The state that the next request needs, after the writer was closed."""
    return msgspec.structs.replace(state, stored=True, resume_token=writer.resume_token)
