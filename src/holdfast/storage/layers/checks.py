"""The checks layer: what no driver needs to check for itself, and none can forget.

Paths, offsets and limits, whether the driver's capabilities allow the call, and that a closed writer stays
closed. It is the outermost: a call that is refused here takes no place in the queue, is no storage time and
reaches no driver.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Never

from holdfast.storage.driver import CreateOnly
from holdfast.storage.errors import (
    InvalidOffsetError,
    InvalidPathError,
    InvalidResumeTokenError,
    StorageError,
    UnsupportedOperationError,
    WriterClosedError,
)
from holdfast.storage.layers.forwarding import ForwardingDriver, ForwardingWriter
from holdfast.storage.path import check_directory_path, check_path

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from holdfast.storage.driver import (
        Buffer,
        Capabilities,
        Chunks,
        FileInfo,
        FileWriter,
        LocalFile,
        Paths,
        Precondition,
        StorageDriver,
        UploadInfo,
    )

__all__ = ["MAX_RESUME_TOKEN_CHARACTERS", "ChecksLayer"]

MAX_RESUME_TOKEN_CHARACTERS = 2048
"""What `FileWriter.resume_token` is held to; a longer one can't be a driver's."""


class ChecksLayer(ForwardingDriver):
    """A driver that is called only with what the contract allows.

    Capabilities are read once: they are constant for a driver's lifetime. A refusal of `reader`, `walk` and
    `list_uploads` is raised when they are entered or stepped, as are the driver's own errors.
    """

    def __init__(self, inner: StorageDriver) -> None:
        super().__init__(inner)
        self._name = inner.name
        self._capabilities = inner.capabilities

    @property
    def name(self) -> str:
        """See `StorageDriver.name`."""
        return self._name

    @property
    def capabilities(self) -> Capabilities:
        """See `StorageDriver.capabilities`."""
        return self._capabilities

    async def get_content(self, path: str) -> bytes:
        """Forward for a valid path."""
        self._file("get_content", path)
        return await self.inner.get_content(path)

    async def put_content(self, path: str, content: Buffer, *, precondition: Precondition | None = None) -> str | None:
        """Forward for a valid path, and a precondition that the driver can hold to."""
        self._file("put_content", path)
        if precondition is not None:
            able = self._capabilities
            can = able.put_create_only if isinstance(precondition, CreateOnly) else able.put_match_version
            self._require("put_content", path, f"a write under {type(precondition).__name__}", can=can)
        return await self.inner.put_content(path, content, precondition=precondition)

    def reader(self, path: str, *, offset: int = 0, length: int | None = None) -> Chunks:
        """Forward for a valid path and a range without negative numbers."""
        try:
            self._file("reader", path)
            self._not_negative("reader", path, "offset", offset)
            self._not_negative("reader", path, "length", length)
        except StorageError as error:
            return _RefusedReader(error)
        return self.inner.reader(path, offset=offset, length=length)

    async def writer(self, path: str, *, append: bool = False, resume_token: str | None = None) -> FileWriter:
        """Forward for a valid path, and a resume token only where it can mean something."""
        self._file("writer", path)
        if resume_token is not None:
            self._resumable(path, resume_token, append=append)
        return _CheckedWriter(await self.inner.writer(path, append=append, resume_token=resume_token), self._name, path)

    async def stat(self, path: str) -> FileInfo:
        """Forward for a valid path or `/`."""
        self._directory("stat", path)
        return await self.inner.stat(path)

    async def list(self, path: str, *, start_after: str | None = None, limit: int | None = None) -> Paths:
        """Forward for a valid path or `/`, and a limit that isn't negative."""
        self._directory("list", path)
        self._not_negative("list", path, "limit", limit)
        return await self.inner.list(path, start_after=start_after, limit=limit)

    def walk(self, path: str, *, start_after: str | None = None) -> AsyncIterator[FileInfo]:
        """Forward for a valid path or `/`."""
        try:
            self._directory("walk", path)
        except StorageError as error:
            return _RefusedIterator(error)
        return self.inner.walk(path, start_after=start_after)

    async def move(self, source: str, destination: str) -> None:
        """Forward for two valid paths."""
        self._file("move", source)
        self._file("move", destination)
        await self.inner.move(source, destination)

    async def delete(self, path: str) -> None:
        """Forward for a valid path or `/`."""
        self._directory("delete", path)
        await self.inner.delete(path)

    async def delete_files(self, paths: Sequence[str]) -> None:
        """Forward if every path is valid; otherwise nothing is deleted. No paths are nothing to do."""
        for path in paths:
            self._file("delete_files", path)
        if paths:
            await self.inner.delete_files(paths)

    def list_uploads(self, path: str) -> AsyncIterator[UploadInfo]:
        """Forward for a valid path or `/`, where the driver knows unfinished writes."""
        try:
            self._directory("list_uploads", path)
            self._require("list_uploads", path, "to list uploads", can=self._capabilities.list_uploads)
        except StorageError as error:
            return _RefusedIterator(error)
        return self.inner.list_uploads(path)

    async def abort_upload(self, upload: UploadInfo) -> None:
        """Forward for a valid path, where the driver knows unfinished writes."""
        self._file("abort_upload", upload.path)
        self._require("abort_upload", upload.path, "to abort uploads", can=self._capabilities.list_uploads)
        await self.inner.abort_upload(upload)

    async def redirect_url(self, path: str, *, method: str = "GET") -> str | None:
        """Forward for a valid path and a method that the driver redirects; otherwise `None`."""
        self._file("redirect_url", path)
        able = self._capabilities
        if (method == "GET" and able.redirect_get) or (method == "HEAD" and able.redirect_head):
            return await self.inner.redirect_url(path, method=method)
        return None

    async def local_path(self, path: str) -> LocalFile | None:
        """Forward for a valid path where the driver has local files; otherwise `None`."""
        self._file("local_path", path)
        if not (self._capabilities.local_path or self._capabilities.local_path_cached):
            return None
        return await self.inner.local_path(path)

    def _file(self, op: str, path: str) -> None:
        try:
            check_path(path)
        except InvalidPathError as error:
            error.locate(driver=self._name, op=op, path=path)
            raise

    def _directory(self, op: str, path: str) -> None:
        try:
            check_directory_path(path)
        except InvalidPathError as error:
            error.locate(driver=self._name, op=op, path=path)
            raise

    def _not_negative(self, op: str, path: str, what: str, number: int | None) -> None:
        if number is not None and number < 0:
            self._refuse(op, path, InvalidOffsetError(f"{what} {number} is negative"))

    def _require(self, op: str, path: str, what: str, *, can: bool) -> None:
        if not can:
            self._refuse(op, path, UnsupportedOperationError(f"this driver isn't able {what}"))

    def _resumable(self, path: str, token: str, *, append: bool) -> None:
        can = self._capabilities.write_resume_token
        self._require("writer", path, "to take a resume token", can=can)
        if not append:
            self._refuse("writer", path, InvalidResumeTokenError("a resume token continues a write: append is needed"))
        if len(token) > MAX_RESUME_TOKEN_CHARACTERS or not (token.isascii() and token.isprintable()):
            self._refuse("writer", path, InvalidResumeTokenError("no driver makes such a resume token"))

    def _refuse(self, op: str, path: str, error: StorageError) -> Never:
        error.locate(driver=self._name, op=op, path=path)
        raise error


class _CheckedWriter(ForwardingWriter):
    """A writer that ends with the first `close`, `commit` or `cancel` that succeeds, not with one that fails."""

    def __init__(self, inner: FileWriter, driver: str, path: str) -> None:
        super().__init__(inner)
        self._driver = driver
        self._path = path
        self._closed = False

    async def write(self, data: Buffer) -> None:
        self._open("write")
        await self.inner.write(data)

    async def close(self) -> None:
        if not self._closed:
            await self.inner.close()
            self._closed = True

    async def commit(self) -> None:
        self._open("commit")
        await self.inner.commit()
        self._closed = True

    async def cancel(self) -> None:
        self._open("cancel")
        await self.inner.cancel()
        self._closed = True

    def _open(self, op: str) -> None:
        if self._closed:
            error = WriterClosedError()
            error.locate(driver=self._driver, op=op, path=self._path)
            raise error


class _RefusedReader(AbstractAsyncContextManager[AsyncIterator[bytes]]):
    """A reader that can't be entered."""

    def __init__(self, error: StorageError) -> None:
        self._error = error

    async def __aenter__(self) -> Never:
        raise self._error

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Never called: what isn't entered isn't left."""


class _RefusedIterator(AsyncIterator[Never]):
    """An iterator that can't be stepped."""

    def __init__(self, error: StorageError) -> None:
        self._error = error

    async def __anext__(self) -> Never:
        raise self._error
