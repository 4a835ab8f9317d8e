"""The error-context layer: every error of a driver tells where it happened, and is one of ours.

A `StorageError` gets the driver, operation and path that it doesn't tell already. Any other `Exception` is a
bug of the driver or something that its table of errors lacks: it becomes an `UnexpectedStorageError` raised
from it. Cancellation and interrupts pass as they are, and so does what a consumer raises in the body of
`async with driver.reader(...)`: the driver is told only that the reader is left, never why.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar

from holdfast.storage.errors import BatchDeleteError, StorageError, UnexpectedStorageError
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

__all__ = ["ErrorContextLayer"]

P = ParamSpec("P")
T = TypeVar("T")

_END: Any = object()


class ErrorContextLayer(ForwardingDriver):
    """A driver whose errors are all `StorageError`s that carry driver, operation and path."""

    def __init__(self, inner: StorageDriver) -> None:
        super().__init__(inner)
        self._name = inner.name

    def get_content(self, path: str) -> Coroutine[Any, Any, bytes]:
        """Forward, its errors located."""
        return self.run("get_content", path, self.inner.get_content, path)

    def put_content(
        self, path: str, content: Buffer, *, precondition: Precondition | None = None
    ) -> Coroutine[Any, Any, str | None]:
        """Forward, its errors located."""
        return self.run("put_content", path, self.inner.put_content, path, content, precondition=precondition)

    def reader(self, path: str, *, offset: int = 0, length: int | None = None) -> Chunks:
        """Forward; errors of opening, of each chunk and of closing are located."""
        return _LocatedReader(self, path, lambda: self.inner.reader(path, offset=offset, length=length))

    async def writer(self, path: str, *, append: bool = False, resume_token: str | None = None) -> FileWriter:
        """Forward; the errors of opening and of the writer's calls are located."""
        writer = await self.run("writer", path, self.inner.writer, path, append=append, resume_token=resume_token)
        return _LocatedWriter(writer, self, path)

    def stat(self, path: str) -> Coroutine[Any, Any, FileInfo]:
        """Forward, its errors located."""
        return self.run("stat", path, self.inner.stat, path)

    def list(
        self, path: str, *, start_after: str | None = None, limit: int | None = None
    ) -> Coroutine[Any, Any, Paths]:
        """Forward, its errors located."""
        return self.run("list", path, self.inner.list, path, start_after=start_after, limit=limit)

    def walk(self, path: str, *, start_after: str | None = None) -> AsyncIterator[FileInfo]:
        """Forward; errors of each step are located."""
        return self._steps("walk", path, lambda: self.inner.walk(path, start_after=start_after))

    def move(self, source: str, destination: str) -> Coroutine[Any, Any, None]:
        """Forward, its errors located at the source where the driver doesn't say otherwise."""
        return self.run("move", source, self.inner.move, source, destination)

    def delete(self, path: str) -> Coroutine[Any, Any, None]:
        """Forward, its errors located."""
        return self.run("delete", path, self.inner.delete, path)

    async def delete_files(self, paths: Sequence[str]) -> None:
        """Forward, its errors located, those inside a `BatchDeleteError` each at its own path."""
        try:
            await self.run("delete_files", paths[0] if len(paths) == 1 else "", self.inner.delete_files, paths)
        except BatchDeleteError as error:
            for path, failure in error.failures.items():
                failure.locate(driver=self._name, op="delete_files", path=path)
            raise

    def list_uploads(self, path: str) -> AsyncIterator[UploadInfo]:
        """Forward; errors of each step are located."""
        return self._steps("list_uploads", path, lambda: self.inner.list_uploads(path))

    def abort_upload(self, upload: UploadInfo) -> Coroutine[Any, Any, None]:
        """Forward, its errors located."""
        return self.run("abort_upload", upload.path, self.inner.abort_upload, upload)

    def redirect_url(self, path: str, *, method: str = "GET") -> Coroutine[Any, Any, str | None]:
        """Forward, its errors located."""
        return self.run("redirect_url", path, self.inner.redirect_url, path, method=method)

    def local_path(self, path: str) -> Coroutine[Any, Any, LocalFile | None]:
        """Forward, its errors located."""
        return self.run("local_path", path, self.inner.local_path, path)

    def aclose(self) -> Coroutine[Any, Any, None]:
        """Forward, its errors located."""
        return self.run("aclose", "", self.inner.aclose)

    async def run(self, op: str, path: str, call: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Await one call of the driver; it is made here, so that a driver that raises before it awaits is covered."""
        try:
            return await call(*args, **kwargs)
        except StorageError as error:
            error.locate(driver=self._name, op=op, path=path)
            raise
        except Exception as error:
            unexpected = UnexpectedStorageError(f"{type(error).__name__}: {error}")
            unexpected.locate(driver=self._name, op=op, path=path)
            raise unexpected from error

    async def _steps(self, op: str, path: str, iterate: Callable[[], AsyncIterator[T]]) -> AsyncIterator[T]:
        async def begin() -> AsyncIterator[T]:
            return iterate()

        iterator = await self.run(op, path, begin)
        try:
            while (item := await self.run(op, path, anext, iterator, _END)) is not _END:
                yield item
        finally:
            await self.run(op, path, close_iterator, iterator)


class _LocatedReader(AbstractAsyncContextManager[AsyncIterator[bytes]], AsyncIterator[bytes]):
    def __init__(self, layer: ErrorContextLayer, path: str, make: Callable[[], Chunks]) -> None:
        self._run = layer.run
        self._path = path
        self._make = make

    async def __aenter__(self) -> AsyncIterator[bytes]:
        self._chunks = await self._run("reader", self._path, self._open)
        return self

    async def _open(self) -> AsyncIterator[bytes]:
        self._inner = self._make()
        return await self._inner.__aenter__()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        chunk = await self._run("reader", self._path, anext, self._chunks, None)
        if chunk is None:
            raise StopAsyncIteration
        return chunk

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await self._run("reader", self._path, self._inner.__aexit__, None, None, None)
        except StorageError as failure:
            if error is None:
                raise
            error.add_note(f"closing the reader failed as well: {failure}")


class _LocatedWriter(ForwardingWriter):
    def __init__(self, inner: FileWriter, layer: ErrorContextLayer, path: str) -> None:
        super().__init__(inner)
        self._run = layer.run
        self._path = path

    def write(self, data: Buffer) -> Coroutine[Any, Any, None]:
        return self._run("write", self._path, self.inner.write, data)

    def close(self) -> Coroutine[Any, Any, None]:
        return self._run("close", self._path, self.inner.close)

    def commit(self) -> Coroutine[Any, Any, None]:
        return self._run("commit", self._path, self.inner.commit)

    def cancel(self) -> Coroutine[Any, Any, None]:
        return self._run("cancel", self._path, self.inner.cancel)
