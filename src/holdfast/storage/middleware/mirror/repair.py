"""Copying to one store what only the other one has."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from enum import Enum
from typing import TYPE_CHECKING, Final

import structlog
from anyio import CancelScope

from holdfast.storage import ops
from holdfast.storage.driver import CreateOnly
from holdfast.storage.drivers._tasks import stop
from holdfast.storage.errors import PathNotFoundError, PreconditionFailedError, StorageError, UnexpectedStorageError
from holdfast.storage.middleware._digests import BLOBS, WrittenDigest, digest_in
from holdfast.storage.middleware.mirror.metrics import REPAIRS, UNREPAIRED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from holdfast.storage.driver import FileInfo, StorageDriver

__all__ = ["Repairs", "Side"]

_log = structlog.get_logger(__name__)

_AT_ONCE: Final = 2
_WAITING: Final = 10_000
_WHOLE_BYTES: Final = 1024 * 1024
"""Up to this size a file is copied in one piece, which can be done under a condition."""

_BLOB: Final = re.compile(BLOBS)


class Side(Enum):
    """Which store is to get a file."""

    PRIMARY = "primary"
    SECOND = "second"


class Repairs:
    """Tasks that copy files between two stores, a few at once; what doesn't fit the queue is found again later.

    Nothing that was deleted comes back. Deleting asks both stores, the second one first. A copy is made only where
    nothing is, or of content whose path tells its digest; afterwards the store that it came from is asked once more,
    and if it has the file no longer, the copy is deleted.

    Args:
        primary: The first store.
        second: The second store.
    """

    def __init__(self, primary: StorageDriver, second: StorageDriver) -> None:
        self._primary = primary
        self._second = second
        self._waiting: dict[tuple[str, Side], None] = {}
        self._running: dict[tuple[str, Side], asyncio.Task[None]] = {}
        self._is_closed = False

    def ask_for(self, path: str, side: Side) -> None:
        """Have a file copied to a store, in time."""
        want = (path, side)
        if self._is_closed or want in self._running or len(self._waiting) >= _WAITING:
            return
        self._waiting[want] = None
        self._start()

    async def settle(self) -> None:
        """Wait until nothing is left to be copied."""
        while self._running:
            await asyncio.wait([*self._running.values()])

    async def aclose(self) -> None:
        """End what is being copied; what waits is found again later."""
        self._is_closed = True
        self._waiting.clear()
        await stop([*self._running.values()])

    def _start(self) -> None:
        while self._waiting and len(self._running) < _AT_ONCE and not self._is_closed:
            want = next(iter(self._waiting))
            del self._waiting[want]
            self._running[want] = asyncio.create_task(self._run(*want))

    async def _run(self, path: str, side: Side) -> None:
        try:
            await self.copy(path, side)
        except StorageError as error:
            UNREPAIRED.labels(side.value).inc()
            _log.warning("a file isn't mirrored yet", path=path, store=side.value, error=str(error))
        finally:
            del self._running[path, side]
            self._start()

    async def copy(self, path: str, side: Side) -> None:
        """Copy a file to a store that lacks it, or whose content is older.

        Raises:
            StorageError: A store failed, or the content isn't what its digest says. A file that is gone is no error.
        """
        one, two = self._primary, self._second
        source, target = (one, two) if side is Side.SECOND else (two, one)
        try:
            info = await source.stat(path)
        except PathNotFoundError:
            return
        if info.is_dir:
            return
        digest = digest_in(_BLOB, path)
        if info.size <= _WHOLE_BYTES:
            done = await self._copy_whole(source, target, info, digest, side)
        elif digest is not None:
            done = await self._copy_stream(source, target, path, digest)
        else:
            _log.warning("a file is too large to be mirrored safely, its path tells no digest", path=path)
            return
        if done:
            await self._take_back(source, target, path)
            REPAIRS.labels(side.value).inc()
            _log.info("a file is mirrored again", path=path, store=side.value)

    async def _copy_whole(
        self, source: StorageDriver, target: StorageDriver, info: FileInfo, digest: WrittenDigest | None, side: Side
    ) -> bool:
        path = info.path
        try:
            content = await source.get_content(path)
        except PathNotFoundError:
            return False
        if digest is not None:
            _require(hashlib.new(digest.algorithm, content).hexdigest(), digest, path)
            await target.put_content(path, content)
            return True
        if side is Side.SECOND:
            await target.put_content(path, content)
            await self._look_again(source, info, side)
            return True
        if not target.capabilities.put_create_only:
            return False
        try:
            await target.put_content(path, content, precondition=CreateOnly())
        except PreconditionFailedError:  # written meanwhile: that is newer
            return False
        return True

    async def _copy_stream(
        self, source: StorageDriver, target: StorageDriver, path: str, digest: WrittenDigest
    ) -> bool:
        """Copy beside the path, and move: an upload to the path itself, by somebody else, isn't disturbed."""
        beside = f"{path}.{secrets.token_hex(8)}"
        hashing = hashlib.new(digest.algorithm)

        async def hashed(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
            async for chunk in chunks:
                hashing.update(chunk)
                yield chunk
            _require(hashing.hexdigest(), digest, path)

        try:
            async with source.reader(path) as chunks:
                await ops.put_stream(target, beside, hashed(chunks))
        except PathNotFoundError:
            return False
        try:
            await target.move(beside, path)
        except BaseException as error:
            with CancelScope(shield=True):  # a cancelled task still owes the clearing up
                await _delete(target, beside, error)
            raise
        return True

    async def _look_again(self, source: StorageDriver, info: FileInfo, side: Side) -> None:
        """Copy once more what was written while it was copied."""
        try:
            is_same = _same(info, await source.stat(info.path))
        except PathNotFoundError:
            return
        if not is_same and not self._is_closed:
            self._waiting[info.path, side] = None

    async def _take_back(self, source: StorageDriver, target: StorageDriver, path: str) -> None:
        """Delete a copy of what was deleted meanwhile."""
        if not await ops.exists(source, path):
            await ops.delete_if_there(target, path)


def _same(one: FileInfo, two: FileInfo) -> bool:
    return (one.size, one.modified, one.version) == (two.size, two.modified, two.version)


def _require(found: str, digest: WrittenDigest, path: str) -> None:
    if found != digest.hex:
        raise UnexpectedStorageError("the content isn't what its digest says, and isn't copied", path=path)


async def _delete(driver: StorageDriver, path: str, reason: BaseException) -> None:
    try:
        await ops.delete_if_there(driver, path)
    except StorageError as error:
        reason.add_note(f"{path} is left behind: {error}")
