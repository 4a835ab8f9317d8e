"""The limits layer: at most so many operations of a driver in flight, waiting in order.

A stream holds its place only while it opens, and a writer for each single call: a task that copies from a
reader to a writer of one driver holds at most one place at any moment, so tasks can't block each other, or
themselves, for good. An iterator holds a place for each step and none between them.

    async with driver.reader("/a") as chunks:         # one place until it is open
        writer = await driver.writer("/b")            # one place until it is open
        async for chunk in chunks:                    # none
            await writer.write(chunk)                 # one place until `write` returns
"""

from __future__ import annotations

from asyncio import Semaphore
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from holdfast.storage.layers._iterators import close_iterator
from holdfast.storage.layers.forwarding import ForwardingDriver, ForwardingWriter

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence
    from types import TracebackType

    from holdfast.storage.driver import (
        Buffer,
        Chunks,
        FileInfo,
        FileWriter,
        LocalFile,
        Paths,
        Precondition,
        StorageDriver,
        UploadInfo,
    )

__all__ = ["LimitsLayer"]

P = ParamSpec("P")
T = TypeVar("T")


class LimitsLayer(ForwardingDriver):
    """A driver of which at most `maxthreads` operations run at once; the others wait, first come first served.

    A call that is cancelled while it waits never reaches the driver.
    """

    def __init__(self, inner: StorageDriver, *, maxthreads: int) -> None:
        super().__init__(inner)
        if maxthreads < 1:
            raise ValueError(f"maxthreads is at least 1: {maxthreads}")
        self._places = _Places(maxthreads)

    def get_content(self, path: str) -> Coroutine[Any, Any, bytes]:
        """Forward in its turn."""
        return self._run(self.inner.get_content, path)

    def put_content(
        self, path: str, content: Buffer, *, precondition: Precondition | None = None
    ) -> Coroutine[Any, Any, str | None]:
        """Forward in its turn."""
        return self._run(self.inner.put_content, path, content, precondition=precondition)

    def reader(self, path: str, *, offset: int = 0, length: int | None = None) -> Chunks:
        """Open in its turn; chunks are read as they are asked for."""
        return _LimitedReader(self._places, lambda: self.inner.reader(path, offset=offset, length=length))

    async def writer(self, path: str, *, append: bool = False, resume_token: str | None = None) -> FileWriter:
        """Open in its turn; so with each call of the writer."""
        writer = await self._run(self.inner.writer, path, append=append, resume_token=resume_token)
        return _LimitedWriter(writer, self._places)

    def stat(self, path: str) -> Coroutine[Any, Any, FileInfo]:
        """Forward in its turn."""
        return self._run(self.inner.stat, path)

    def list(
        self, path: str, *, start_after: str | None = None, limit: int | None = None
    ) -> Coroutine[Any, Any, Paths]:
        """Forward in its turn."""
        return self._run(self.inner.list, path, start_after=start_after, limit=limit)

    def walk(self, path: str, *, start_after: str | None = None) -> AsyncIterator[FileInfo]:
        """Take each step in its turn."""
        return self._steps(lambda: self.inner.walk(path, start_after=start_after))

    def move(self, source: str, destination: str) -> Coroutine[Any, Any, None]:
        """Forward in its turn."""
        return self._run(self.inner.move, source, destination)

    def delete(self, path: str) -> Coroutine[Any, Any, None]:
        """Forward in its turn."""
        return self._run(self.inner.delete, path)

    def delete_files(self, paths: Sequence[str]) -> Coroutine[Any, Any, None]:
        """Forward in its turn; a batch counts as one."""
        return self._run(self.inner.delete_files, paths)

    def list_uploads(self, path: str) -> AsyncIterator[UploadInfo]:
        """Take each step in its turn."""
        return self._steps(lambda: self.inner.list_uploads(path))

    def abort_upload(self, upload: UploadInfo) -> Coroutine[Any, Any, None]:
        """Forward in its turn."""
        return self._run(self.inner.abort_upload, upload)

    def redirect_url(self, path: str, *, method: str = "GET") -> Coroutine[Any, Any, str | None]:
        """Forward in its turn."""
        return self._run(self.inner.redirect_url, path, method=method)

    def local_path(self, path: str) -> Coroutine[Any, Any, LocalFile | None]:
        """Forward in its turn."""
        return self._run(self.inner.local_path, path)

    async def _run(self, call: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
        places = self._places
        if not places.take_free():
            await places.acquire()
        try:
            return await call(*args, **kwargs)
        finally:
            places.release()

    async def _steps(self, iterate: Callable[[], AsyncIterator[T]]) -> AsyncIterator[T]:
        iterator = iterate()
        try:
            while True:
                async with self._places:
                    try:
                        item = await anext(iterator)
                    except StopAsyncIteration:
                        return
                yield item
        finally:
            await close_iterator(iterator)


class _Places(Semaphore):
    """A semaphore whose free places are taken without a coroutine: nearly always there is one."""

    def take_free(self) -> bool:
        """Take a place, if one is free and nobody waits for it."""
        if self._value <= 0 or self._waiters:
            return False
        self._value -= 1
        return True


class _LimitedReader(AbstractAsyncContextManager[AsyncIterator[bytes]]):
    def __init__(self, places: Semaphore, make: Callable[[], Chunks]) -> None:
        self._places = places
        self._inner = make()

    async def __aenter__(self) -> AsyncIterator[bytes]:
        async with self._places:
            return await self._inner.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return await self._inner.__aexit__(kind, error, traceback)


class _LimitedWriter(ForwardingWriter):
    def __init__(self, inner: FileWriter, places: Semaphore) -> None:
        super().__init__(inner)
        self._places = places

    async def write(self, data: Buffer) -> None:
        async with self._places:
            await self.inner.write(data)

    async def close(self) -> None:
        async with self._places:
            await self.inner.close()

    async def commit(self) -> None:
        async with self._places:
            await self.inner.commit()

    async def cancel(self) -> None:
        async with self._places:
            await self.inner.cancel()
