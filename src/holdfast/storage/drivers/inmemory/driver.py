"""The in-memory driver."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from posixpath import dirname
from typing import TYPE_CHECKING, ClassVar, Final

from holdfast.storage import ops
from holdfast.storage.driver import Capabilities, CreateOnly, FileInfo, MatchVersion, StorageDriver, UploadInfo
from holdfast.storage.drivers.inmemory._content import Content, GrowingContent
from holdfast.storage.drivers.inmemory._tree import Tree
from holdfast.storage.drivers.inmemory.writer import InMemoryWriter, Unfinished
from holdfast.storage.errors import (
    InvalidPathError,
    InvalidResumeTokenError,
    PathNotFoundError,
    PreconditionFailedError,
    UnexpectedStorageError,
    WriteConflictError,
)
from holdfast.storage.options import DriverOptions

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

    from holdfast.storage.driver import Buffer, Chunks, FileWriter, LocalFile, Paths, Precondition

__all__ = ["InMemoryDriver", "InMemoryOptions"]

_CAPABILITIES: Final = Capabilities(
    put_create_only=True,
    put_match_version=True,
    write_resume_token=True,
    list_uploads=True,
    exclusive_names=True,
)


class InMemoryOptions(DriverOptions):
    """The `inmemory` driver takes no options."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    content: Content
    version: str
    modified: datetime

    def describe(self, path: str) -> FileInfo:
        return FileInfo(path=path, size=self.content.size, modified=self.modified, version=self.version)


class InMemoryDriver(StorageDriver):
    """Files in the memory of one driver object; all of its methods answer without waiting."""

    Options: ClassVar[type[DriverOptions]] = InMemoryOptions

    def __init__(self, options: InMemoryOptions | None = None) -> None:
        del options
        self._files: Tree[_File] = Tree()
        self._unfinished: Tree[Unfinished] = Tree()
        self._versions = count(1)
        self._closed = False

    @property
    def name(self) -> str:
        """`inmemory`."""
        return "inmemory"

    @property
    def capabilities(self) -> Capabilities:
        """Everything that needs neither another process nor a URL."""
        return _CAPABILITIES

    async def get_content(self, path: str) -> bytes:
        """See `StorageDriver.get_content`."""
        return self._file(path).content.whole()

    async def put_content(self, path: str, content: Buffer, *, precondition: Precondition | None = None) -> str | None:
        """See `StorageDriver.put_content`. The version counts the writes to this driver."""
        self._require_room(path)
        there = self._files.get(path)
        if isinstance(precondition, CreateOnly) and there is not None:
            raise PreconditionFailedError("a file is there", path=path)
        if isinstance(precondition, MatchVersion) and (there is None or there.version != precondition.version):
            raise PreconditionFailedError("the content is of another version, or missing", path=path)
        return self._put(path, _grown(content).content()).version

    def reader(self, path: str, *, offset: int = 0, length: int | None = None) -> Chunks:
        """See `StorageDriver.reader`."""
        return self._open(path, offset, length)

    async def writer(self, path: str, *, append: bool = False, resume_token: str | None = None) -> FileWriter:
        """See `StorageDriver.writer`."""
        self._require_room(path)
        unfinished = self._continued(path, resume_token) if append else Unfinished(path=path)
        self._unfinished[path] = unfinished
        return InMemoryWriter(self, unfinished)

    async def stat(self, path: str) -> FileInfo:
        """See `StorageDriver.stat`."""
        if self._is_directory(path):
            return FileInfo(path=path, size=0, is_dir=True)
        return self._file(path).describe(path)

    async def list(self, path: str, *, start_after: str | None = None, limit: int | None = None) -> Paths:
        """See `StorageDriver.list`."""
        self._require_directory(path)
        children = self._files.children(path)
        return [child for child in children if start_after is None or child > start_after][:limit]

    async def walk(self, path: str, *, start_after: str | None = None) -> AsyncIterator[FileInfo]:
        """See `StorageDriver.walk`."""
        self._require_directory(path)
        for below, file in self._files.walk(path, start_after):
            yield file.describe(below)

    async def move(self, source: str, destination: str) -> None:
        """See `StorageDriver.move`."""
        content = self._file(source).content
        if source != destination:
            self._require_room(destination)
            self._put(destination, content)
            self._files.pop(source)

    async def delete(self, path: str) -> None:
        """See `StorageDriver.delete`."""
        self._require_driver_open()
        removed = [*self._files.pop_below(path), *self._unfinished.pop_below(path)]
        if not removed and path != "/":
            raise PathNotFoundError(path=path)

    async def delete_files(self, paths: Sequence[str]) -> None:
        """See `StorageDriver.delete_files`."""
        self._require_driver_open()
        for path in paths:
            self._files.pop(path)

    async def list_uploads(self, path: str) -> AsyncIterator[UploadInfo]:
        """See `StorageDriver.list_uploads`."""
        self._require_driver_open()
        own = self._unfinished.get(path)
        for unfinished in [*([own] if own else []), *(below for _, below in self._unfinished.walk(path))]:
            yield UploadInfo(
                path=unfinished.path,
                upload_id=unfinished.upload_id,
                started=unfinished.started,
                size=unfinished.content.size,
            )

    async def abort_upload(self, upload: UploadInfo) -> None:
        """See `StorageDriver.abort_upload`."""
        self._require_driver_open()
        unfinished = self._unfinished.get(upload.path)
        if unfinished is not None and unfinished.upload_id == upload.upload_id:
            self.discard(unfinished)

    async def redirect_url(self, path: str, *, method: str = "GET") -> str | None:
        """Redirect nothing."""
        await ops.no_redirect(path, method=method)
        return None

    async def local_path(self, path: str) -> LocalFile | None:
        """Have no files on this machine."""
        await ops.no_local_path(path)
        return None

    async def aclose(self) -> None:
        """See `StorageDriver.aclose`. What was stored is gone."""
        self._closed = True
        self._files = Tree()
        self._unfinished = Tree()

    # What a writer asks, see `UnfinishedWrites`.

    def is_current(self, unfinished: Unfinished) -> bool:
        """Whether this is still the unfinished write of its path."""
        self._require_driver_open()
        return self._unfinished.get(unfinished.path) is unfinished

    def finish(self, unfinished: Unfinished) -> None:
        """Make an unfinished write the content of its path."""
        self._require_room(unfinished.path)
        self._put(unfinished.path, unfinished.content.content())
        self._unfinished.pop(unfinished.path)

    def discard(self, unfinished: Unfinished) -> None:
        """Throw an unfinished write away, if it is still there."""
        if self._unfinished.get(unfinished.path) is unfinished:
            self._unfinished.pop(unfinished.path)

    @asynccontextmanager
    async def _open(self, path: str, offset: int, length: int | None) -> AsyncGenerator[AsyncIterator[bytes], None]:
        content = self._file(path).content
        end = content.size if length is None else min(content.size, offset + length)
        chunks = _chunks(content, offset, end)
        try:
            yield chunks
        finally:
            await chunks.aclose()

    def _continued(self, path: str, resume_token: str | None) -> Unfinished:
        unfinished = self._unfinished.get(path)
        if resume_token is not None and (unfinished is None or unfinished.upload_id != resume_token):
            raise InvalidResumeTokenError(path=path)
        if unfinished is None:
            return Unfinished(path=path, content=_grown(*self._file(path).content.blocks))
        if unfinished.is_held:
            raise WriteConflictError("another writer has the unfinished write open", path=path)
        return unfinished

    def _put(self, path: str, content: Content) -> _File:
        file = _File(content=content, version=str(next(self._versions)), modified=datetime.now(UTC))
        self._files[path] = file
        return file

    def _file(self, path: str) -> _File:
        self._require_driver_open()
        file = self._files.get(path)
        if file is None:
            raise PathNotFoundError("is a directory" if self._is_directory(path) else "", path=path)
        return file

    def _is_directory(self, path: str) -> bool:
        return path == "/" or self._files.has_below(path)

    def _require_directory(self, path: str) -> None:
        self._require_driver_open()
        if not self._is_directory(path):
            raise PathNotFoundError(path=path)

    def _require_room(self, path: str) -> None:
        """Refuse a path that is a directory, or below a file."""
        self._require_driver_open()
        if self._is_directory(path):
            raise InvalidPathError("is a directory", path=path)
        above = dirname(path)
        while above != "/":
            if self._files.get(above) is not None:
                raise InvalidPathError(f"{above} is a file", path=path)
            above = dirname(above)

    def _require_driver_open(self) -> None:
        if self._closed:
            raise UnexpectedStorageError("the driver is closed")


def _grown(*pieces: Buffer) -> GrowingContent:
    content = GrowingContent()
    for piece in pieces:
        content.append(piece)
    return content


async def _chunks(content: Content, offset: int, end: int) -> AsyncGenerator[bytes, None]:
    for piece in content.pieces(offset, end):
        yield piece
        await asyncio.sleep(0)  # a long read lets others run
