"""One file on its way into the cache, and those who read it meanwhile."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Final

from anyio import CancelScope, to_thread

from holdfast.storage.drivers._tasks import settled, stop
from holdfast.storage.errors import IncompleteReadError, StorageError
from holdfast.storage.middleware.readcache.threads import acquired

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from holdfast.storage.driver import StorageDriver
    from holdfast.storage.middleware.readcache.folder import NewCopy

__all__ = ["Fill"]

_CHUNK: Final = 1024 * 1024


class Fill:
    """A task that copies a file from the store, once for all who want it; they read what has arrived.

    It works as long as somebody reads, and ends with the last one that leaves. Where the disk fails, or has no room,
    those who read go on from the store itself.

    Args:
        inner: The store.
        path: The file.
        begin: Begins the copy, in a thread; `None` where there is no room.
        on_end: Told whether the copy was made (`False`: the content isn't what its digest says; `None`: for another
            reason), and how the disk failed, if it did.
    """

    def __init__(
        self,
        inner: StorageDriver,
        path: str,
        begin: Callable[[], NewCopy | None],
        on_end: Callable[[Fill, bool | None, OSError | None], None],
    ) -> None:
        self._inner = inner
        self._path = path
        self._begin = begin
        self._on_end = on_end
        self._new: NewCopy | None = None
        self._readers = 0
        self._arrived = 0
        self._is_over = False
        self._failure: StorageError | None = None
        self._goes_on = False  # from the store itself
        self._changed = asyncio.Condition()
        self._task = asyncio.create_task(self._run())

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[AsyncIterator[bytes]]:
        """Read the file from its beginning, as it arrives."""
        self._readers += 1
        try:
            async with aclosing(self._chunks()) as chunks:
                yield chunks
        finally:
            self._readers -= 1
            if not self._readers:
                with CancelScope(shield=True):
                    await self.stop()

    async def stop(self) -> None:
        """End the task; a copy that isn't whole is thrown away."""
        self._end(IncompleteReadError("reading was broken off", path=self._path))
        await stop([self._task])
        await self._tell(0)
        if not self._readers and self._new is not None:
            new, self._new = self._new, None
            new.close()

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        at = 0
        while True:
            async with self._changed:
                while self._arrived <= at and not self._is_over:
                    await self._changed.wait()
            if self._arrived > at and self._new is not None:
                chunk = await to_thread.run_sync(self._new.read, min(_CHUNK, self._arrived - at), at)
                if not chunk:
                    raise IncompleteReadError("the copy that is being made became shorter", path=self._path)
                at += len(chunk)
                yield chunk
                continue
            if self._failure is not None:
                raise self._failure
            break
        if self._goes_on:
            async with self._inner.reader(self._path, offset=at) as rest:
                async for chunk in rest:
                    yield chunk

    async def _run(self) -> None:
        try:
            is_made = await self._copy()
        except StorageError as error:
            self._end(error)
        except OSError as error:
            self._end(None, disk=error)
        else:
            self._end(None, is_made=is_made)
        finally:
            self._end(IncompleteReadError("reading was broken off", path=self._path))  # if nothing else did
        await self._tell(0)

    def _end(self, failure: StorageError | None, *, is_made: bool | None = None, disk: OSError | None = None) -> None:
        """Take no more readers."""
        if not self._is_over:
            self._is_over = True
            self._failure = failure
            self._goes_on = failure is None and is_made is None
            self._on_end(self, is_made, disk)

    async def _copy(self) -> bool | None:
        new = self._new = await acquired(self._begin, release=_throw_away)
        if new is None:
            return None
        writing: asyncio.Task[None] | None = None
        try:
            async with self._inner.reader(self._path) as chunks:
                async for chunk in chunks:
                    if writing is not None:
                        await writing
                    writing = asyncio.create_task(self._write(new, chunk))
            if writing is not None:
                await writing
            return await to_thread.run_sync(new.finish)
        except BaseException:
            if writing is not None:
                await settled(writing)
            with CancelScope(shield=True):
                await to_thread.run_sync(new.abandon)
            raise

    async def _write(self, new: NewCopy, chunk: bytes) -> None:
        await to_thread.run_sync(new.write, chunk)
        await self._tell(len(chunk))

    async def _tell(self, size: int) -> None:
        async with self._changed:
            self._arrived += size
            self._changed.notify_all()


def _throw_away(new: NewCopy | None) -> None:
    if new is not None:
        new.abandon()
        new.close()
