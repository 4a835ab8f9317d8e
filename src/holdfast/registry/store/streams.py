"""Bodies on their way to storage: streams of bytes, hashed as they pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.registry.errors import DigestMismatchError
from holdfast.registry.store.hashing import RunningDigest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from concurrent.futures import Executor

    from holdfast.registry.model.digest import Digest
    from holdfast.storage.driver import FileWriter, StorageDriver

__all__ = ["chain", "pour", "read_digest", "read_head", "require_digest"]


async def pour(body: AsyncIterator[bytes], writer: FileWriter, running: RunningDigest | None) -> None:
    """Hash and write each chunk; both work behind, while the next chunk is received."""
    async for chunk in body:
        await writer.write(chunk)
        if running:
            await running.update(chunk)


async def read_head(body: AsyncIterator[bytes], limit: int) -> tuple[list[bytes], bool]:
    """Read `limit` bytes or a chunk more, and tell whether that was all."""
    head: list[bytes] = []
    size = 0
    async for chunk in body:
        head.append(chunk)
        size += len(chunk)
        if size > limit:
            return head, False
    return head, True


async def chain(head: list[bytes], body: AsyncIterator[bytes] | None = None) -> AsyncIterator[bytes]:
    """Yield what was read, which isn't held any longer than that, and then the rest."""
    head.reverse()
    while head:
        yield head.pop()
    if body is not None:
        async for chunk in body:
            yield chunk


async def read_digest(driver: StorageDriver, path: str, algorithm: str, pool: Executor) -> Digest:
    """Compute the digest of stored content by reading it.

    Raises:
        PathNotFoundError: Nothing is at the path.
    """
    running = RunningDigest(pool, algorithm)
    try:
        async with driver.reader(path) as chunks:
            async for chunk in chunks:
                await running.update(chunk)
    finally:
        await running.settle()
    return await running.digest()


def require_digest(expected: Digest, actual: Digest) -> None:
    """Refuse content that isn't what its digest says.

    Raises:
        DigestMismatchError: It isn't.
    """
    if expected != actual:
        raise DigestMismatchError(expected, actual)
