"""Content that is streamed straight to a blob's final path."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from holdfast.registry.store import paths
from holdfast.registry.store.hashing import RunningDigest
from holdfast.registry.store.streams import require_digest
from holdfast.storage import ops
from holdfast.storage.errors import WriteConflictError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from concurrent.futures import Executor

    from holdfast.registry.model.digest import Digest
    from holdfast.registry.store.blobs import BlobStore
    from holdfast.storage.driver import FileWriter, StorageDriver

__all__ = ["DirectWrites"]

_OTHER_SECONDS: Final = 15.0
"""How long to wait for another replica that receives the same content; its client may be slow, and ours has to wait."""

_FIRST_LOOK: Final = 0.05
_LAST_LOOK: Final = 1.0
"""Seconds between two looks at whether it has finished, the first and the longest."""


class DirectWrites:
    """Writes to final paths: one at a time for each digest, since a path takes one unfinished write.

    Args:
        driver: The storage.
        blobs: Where the content is afterwards.
        pool: Threads that hash.
    """

    def __init__(self, driver: StorageDriver, blobs: BlobStore, pool: Executor) -> None:
        self._driver = driver
        self._blobs = blobs
        self._pool = pool
        self._running: set[Digest] = set()

    def is_running(self, digest: Digest) -> bool:
        """Whether a digest's content is being written just now."""
        return digest in self._running

    async def receive(self, digest: Digest, body: AsyncIterator[bytes]) -> None:
        """Write a body; it shows at its path when it is what its digest says.

        Raises:
            DigestMismatchError: The content is something else; nothing is stored.
            BodyInterruptedError: The body ended early; nothing is stored.
            WriteConflictError: Another replica receives the same content, began after us, and doesn't come to an end.
        """
        self._running.add(digest)
        try:
            size = await self._write(digest, body)
        finally:
            self._running.discard(digest)
        self._blobs.keep_size(digest, size)

    async def _write(self, digest: Digest, body: AsyncIterator[bytes]) -> int:
        running = RunningDigest(self._pool, digest.algorithm)
        async with ops.opened_writer(self._driver, paths.blob_data(digest)) as writer:
            try:
                conflict = await _pour(body, writer, running)
                require_digest(digest, await running.digest())
            except BaseException as error:
                try:
                    await running.settle()
                finally:
                    await ops.throw_away(writer, error)
                raise
            try:
                if conflict is None:
                    await writer.commit()
            except WriteConflictError as error:
                conflict = error
            if conflict is not None:
                await ops.throw_away(writer, conflict)
        if conflict is not None:
            await self._await_other(digest, running.size, conflict)
        return running.size

    async def _await_other(self, digest: Digest, size: int, conflict: WriteConflictError) -> None:
        """Wait until the replica that began the same content after us has finished: then so have we.

        Raises:
            WriteConflictError: It takes too long; maybe its client has left.
        """
        pause, waited = _FIRST_LOOK, 0.0
        while not await self._blobs.holds(digest, size):
            if waited >= _OTHER_SECONDS:
                raise conflict
            await asyncio.sleep(pause)
            waited += pause
            pause = min(2 * pause, _LAST_LOOK)


async def _pour(body: AsyncIterator[bytes], writer: FileWriter, running: RunningDigest) -> WriteConflictError | None:
    """Hash and write each chunk; from where the write is another's, hash only, and return what said so."""
    conflict: WriteConflictError | None = None
    async for chunk in body:
        if conflict is None:
            try:
                await writer.write(chunk)
            except WriteConflictError as error:
                conflict = error
        await running.update(chunk)
    return conflict
