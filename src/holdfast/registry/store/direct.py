"""Content that is streamed straight to a blob's final path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.registry.store import paths
from holdfast.registry.store.hashing import RunningDigest
from holdfast.registry.store.streams import pour, require_digest
from holdfast.storage import ops
from holdfast.storage.errors import WriteConflictError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from concurrent.futures import Executor

    from holdfast.registry.model.digest import Digest
    from holdfast.registry.store.blobs import BlobStore
    from holdfast.storage.driver import StorageDriver

__all__ = ["DirectWrites"]


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
                await pour(body, writer, running)
                require_digest(digest, await running.digest())
            except BaseException as error:
                try:
                    await running.settle()
                finally:
                    await ops.throw_away(writer, error)
                raise
            try:
                await writer.commit()
            except WriteConflictError:
                # Another replica began the same content after us. If it has finished, so have we.
                if not await self._blobs.holds(digest, running.size):
                    raise
        return running.size
