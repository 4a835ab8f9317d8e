"""A driver that tells of every step of every call: what the shipped test drivers are made from."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from holdfast.storage.layers.forwarding import ForwardingDriver, ForwardingWriter
from holdfast.testing.iteration import closing_iterator

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence

    from holdfast.storage.driver import (
        Buffer,
        FileInfo,
        FileWriter,
        LocalFile,
        Paths,
        Precondition,
        UploadInfo,
    )

__all__ = ["OPERATIONS", "InterceptingDriver", "InterceptingWriter", "Step"]

ResultT = TypeVar("ResultT")

OPERATIONS = (
    "get_content",
    "put_content",
    "reader",
    "read",
    "writer",
    "write",
    "close",
    "commit",
    "cancel",
    "stat",
    "list",
    "walk",
    "move",
    "delete",
    "delete_files",
    "list_uploads",
    "abort_upload",
    "redirect_url",
    "local_path",
)
"""What a step's `op` can be: the contract's methods, a writer's, and `read` for each chunk of a reader."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One call on its way to the inner driver, or one chunk of a reader.

    Attributes:
        op: One of `OPERATIONS`.
        path: The storage path; a move's source, a batch's first path (empty for an empty batch).
        paths: All paths concerned: a move's both, a batch's all.
        data: What is written (`write`) or was read (`read`); empty for other operations.
    """

    op: str
    path: str
    paths: tuple[str, ...]
    data: Buffer = b""


def _step(op: str, *paths: str, data: Buffer = b"") -> Step:
    return Step(op=op, path=paths[0] if paths else "", paths=paths, data=data)


class InterceptingDriver(ForwardingDriver):
    """Calls `before` and `after` around each operation of `inner`; subclasses say what those do.

    An error raised by `before` keeps the operation from happening; one raised by `after` comes although it
    happened, as when a connection is lost before the answer. `aclose` isn't intercepted.

    Attributes:
        inner: The driver that does the work.
    """

    @abstractmethod
    async def before(self, step: Step) -> None:
        """Run before the inner driver does the step. For `read`: before a chunk is handed on."""

    @abstractmethod
    async def after(self, step: Step) -> None:
        """Run after the inner driver did the step without error."""

    async def around(self, step: Step, call: Callable[[], Awaitable[ResultT]]) -> ResultT:
        """Run a call of the inner driver between `before` and `after`."""
        await self.before(step)
        result = await call()
        await self.after(step)
        return result

    async def get_content(self, path: str) -> bytes:
        """Intercept; see `StorageDriver.get_content`."""
        return await self.around(_step("get_content", path), lambda: self.inner.get_content(path))

    async def put_content(self, path: str, content: Buffer, *, precondition: Precondition | None = None) -> str | None:
        """Intercept; see `StorageDriver.put_content`."""
        return await self.around(
            _step("put_content", path),
            lambda: self.inner.put_content(path, content, precondition=precondition),
        )

    @asynccontextmanager
    async def reader(
        self, path: str, *, offset: int = 0, length: int | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Intercept the opening as `reader` and each chunk as `read`; see `StorageDriver.reader`."""
        await self.before(_step("reader", path))
        async with self.inner.reader(path, offset=offset, length=length) as chunks:
            await self.after(_step("reader", path))
            async with aclosing(self._read(path, chunks)) as intercepted:
                yield intercepted

    async def _read(self, path: str, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
        async for chunk in chunks:
            step = _step("read", path, data=chunk)
            await self.before(step)
            yield chunk
            await self.after(step)

    async def writer(self, path: str, *, append: bool = False, resume_token: str | None = None) -> FileWriter:
        """Intercept the opening as `writer`, and the writer's own methods by their names."""
        step = _step("writer", path)
        await self.before(step)
        opened = await self.inner.writer(path, append=append, resume_token=resume_token)
        try:
            await self.after(step)
        except BaseException:
            await opened.close()  # nobody else has it
            raise
        return InterceptingWriter(opened, self, path)

    async def stat(self, path: str) -> FileInfo:
        """Intercept; see `StorageDriver.stat`."""
        return await self.around(_step("stat", path), lambda: self.inner.stat(path))

    async def list(self, path: str, *, start_after: str | None = None, limit: int | None = None) -> Paths:
        """Intercept; see `StorageDriver.list`."""
        return await self.around(
            _step("list", path), lambda: self.inner.list(path, start_after=start_after, limit=limit)
        )

    async def walk(self, path: str, *, start_after: str | None = None) -> AsyncIterator[FileInfo]:
        """Intercept the start and the end; see `StorageDriver.walk`."""
        await self.before(_step("walk", path))
        async with closing_iterator(self.inner.walk(path, start_after=start_after)) as files:
            async for file in files:
                yield file
        await self.after(_step("walk", path))

    async def move(self, source: str, destination: str) -> None:
        """Intercept; see `StorageDriver.move`."""
        await self.around(_step("move", source, destination), lambda: self.inner.move(source, destination))

    async def delete(self, path: str) -> None:
        """Intercept; see `StorageDriver.delete`."""
        await self.around(_step("delete", path), lambda: self.inner.delete(path))

    async def delete_files(self, paths: Sequence[str]) -> None:
        """Intercept the batch as one step; see `StorageDriver.delete_files`."""
        await self.around(_step("delete_files", *paths), lambda: self.inner.delete_files(paths))

    async def list_uploads(self, path: str) -> AsyncIterator[UploadInfo]:
        """Intercept the start and the end; see `StorageDriver.list_uploads`."""
        await self.before(_step("list_uploads", path))
        async with closing_iterator(self.inner.list_uploads(path)) as uploads:
            async for upload in uploads:
                yield upload
        await self.after(_step("list_uploads", path))

    async def abort_upload(self, upload: UploadInfo) -> None:
        """Intercept; see `StorageDriver.abort_upload`."""
        await self.around(_step("abort_upload", upload.path), lambda: self.inner.abort_upload(upload))

    async def redirect_url(self, path: str, *, method: str = "GET") -> str | None:
        """Intercept; see `StorageDriver.redirect_url`."""
        return await self.around(_step("redirect_url", path), lambda: self.inner.redirect_url(path, method=method))

    async def local_path(self, path: str) -> LocalFile | None:
        """Intercept; see `StorageDriver.local_path`."""
        return await self.around(_step("local_path", path), lambda: self.inner.local_path(path))


class InterceptingWriter(ForwardingWriter):
    """The writer of an `InterceptingDriver`.

    Attributes:
        inner: The writer that does the work.
    """

    def __init__(self, inner: FileWriter, driver: InterceptingDriver, path: str) -> None:
        super().__init__(inner)
        self._driver = driver
        self._path = path

    async def write(self, data: Buffer) -> None:
        """Intercept; see `FileWriter.write`."""
        await self._driver.around(_step("write", self._path, data=data), lambda: self.inner.write(data))

    async def close(self) -> None:
        """Intercept; see `FileWriter.close`."""
        await self._driver.around(_step("close", self._path), self.inner.close)

    async def commit(self) -> None:
        """Intercept; see `FileWriter.commit`."""
        await self._driver.around(_step("commit", self._path), self.inner.commit)

    async def cancel(self) -> None:
        """Intercept; see `FileWriter.cancel`."""
        await self._driver.around(_step("cancel", self._path), self.inner.cancel)
