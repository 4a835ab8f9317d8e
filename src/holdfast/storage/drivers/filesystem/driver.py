"""The driver: the contract, said in terms of the modules beside this one."""

from __future__ import annotations

import os
import stat
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final, ParamSpec, TypeVar

from holdfast.storage.driver import Capabilities, FileInfo, LocalFile, StorageDriver
from holdfast.storage.drivers.filesystem._atomic import put
from holdfast.storage.drivers.filesystem._deleting import delete_files, delete_path, empty_root
from holdfast.storage.drivers.filesystem._errors import reading_error, writing_error
from holdfast.storage.drivers.filesystem._info import describe
from holdfast.storage.drivers.filesystem._listing import list_children, walk
from holdfast.storage.drivers.filesystem._moving import move
from holdfast.storage.drivers.filesystem._root import DESCRIBE, READ, Root
from holdfast.storage.drivers.filesystem._scan import FileSearch
from holdfast.storage.drivers.filesystem._threads import INLINE_BYTES, Threads
from holdfast.storage.drivers.filesystem._uploads import (
    Part,
    abort_part,
    continue_part,
    delete_parts,
    list_unfinished,
    start_part,
)
from holdfast.storage.drivers.filesystem.options import FilesystemOptions
from holdfast.storage.drivers.filesystem.reader import open_chunks, open_regular
from holdfast.storage.drivers.filesystem.writer import FilesystemWriter
from holdfast.storage.errors import IncompleteReadError, PathNotFoundError, StorageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from holdfast.storage.driver import Buffer, Chunks, FileWriter, Paths, Precondition, UploadInfo
    from holdfast.storage.options import DriverOptions

__all__ = ["FilesystemDriver"]

P = ParamSpec("P")
T = TypeVar("T")

_CAPABILITIES: Final = Capabilities(
    put_create_only=True,
    put_match_version=True,
    write_resume_token=True,
    list_uploads=True,
    local_path=True,
    exclusive_names=True,
    shared=True,
    object_prefix="",
)


class FilesystemDriver(StorageDriver):
    """Files below a root directory, in Distribution's layout: each storage path is a file's path.

    Nothing is made before the first write; a missing root directory is an empty store. Files are made with mode 0666
    and directories with 0777, less the umask.

    `MatchVersion` excludes other processes that write with `MatchVersion`, on filesystems with locks; a plain write
    that races with it is the last writer, as always.
    """

    Options: ClassVar[type[DriverOptions]] = FilesystemOptions

    def __init__(self, options: FilesystemOptions) -> None:
        self._root = Root(options.rootdirectory)
        self._threads = Threads(options.maxthreads, name="filesystem")
        self._writers: set[FilesystemWriter] = set()

    def __repr__(self) -> str:
        """The class and the root directory."""
        return f"FilesystemDriver({self._root!r})"

    @property
    def name(self) -> str:
        """`filesystem`."""
        return "filesystem"

    @property
    def capabilities(self) -> Capabilities:
        """Everything but redirects."""
        return _CAPABILITIES

    # Reading: on the event loop where it is short, see `_threads`.

    async def get_content(self, path: str) -> bytes:
        """See `StorageDriver.get_content`."""
        fd, status = open_regular(self._root, path, READ)
        size = status.st_size
        try:
            if size <= INLINE_BYTES:
                content = os.read(fd, size)
                if len(content) == size:
                    return content
        except OSError as error:
            raise reading_error(error, path) from error
        finally:
            os.close(fd)
        return await self._threads.run(_read_whole, self._root, path)

    def reader(self, path: str, *, offset: int = 0, length: int | None = None) -> Chunks:
        """See `StorageDriver.reader`."""
        return open_chunks(self._root, self._threads, path, offset=offset, length=length)

    async def stat(self, path: str) -> FileInfo:
        """See `StorageDriver.stat`."""
        try:
            fd = self._root.open(path, DESCRIBE)
            try:
                status = os.fstat(fd)
            finally:
                os.close(fd)
        except FileNotFoundError as error:
            if path == "/":
                return FileInfo(path=path, size=0, is_dir=True)
            raise reading_error(error, path) from error
        except OSError as error:
            raise reading_error(error, path) from error
        if stat.S_ISREG(status.st_mode):
            return describe(path, status)
        if stat.S_ISDIR(status.st_mode) and (
            path == "/" or await self._read(path, FileSearch(self._root).holds_file, path)
        ):
            return FileInfo(path=path, size=0, is_dir=True)
        raise PathNotFoundError("neither a file nor a directory with one", path=path)

    async def local_path(self, path: str) -> LocalFile | None:
        """See `StorageDriver.local_path`."""
        fd, status = open_regular(self._root, path, DESCRIBE)
        os.close(fd)
        return LocalFile(self._root.local(path), status.st_size)

    async def redirect_url(self, path: str, *, method: str = "GET") -> str | None:
        """Redirect nothing: files of this machine have no URL."""
        del path, method
        return None

    async def list(self, path: str, *, start_after: str | None = None, limit: int | None = None) -> Paths:
        """See `StorageDriver.list`."""
        try:
            return await self._read(path, list_children, self._root, path, start_after, limit)
        except PathNotFoundError:
            if path == "/":
                return []
            raise

    async def walk(self, path: str, *, start_after: str | None = None) -> AsyncIterator[FileInfo]:
        """See `StorageDriver.walk`. A symbolic link that leads out of the root ends it with `AccessDeniedError`."""
        try:
            async for info in self._threads.stream(walk(self._root, path, start_after)):
                yield info
        except FileNotFoundError as error:
            if path != "/":
                raise reading_error(error, path) from error
        except OSError as error:
            raise reading_error(error, path) from error

    # Writing: in threads, and never left half-way by a cancellation.

    async def put_content(self, path: str, content: Buffer, *, precondition: Precondition | None = None) -> str | None:
        """See `StorageDriver.put_content`."""
        return await self._write(path, put, self._root, path, content, precondition)

    async def writer(self, path: str, *, append: bool = False, resume_token: str | None = None) -> FileWriter:
        """See `StorageDriver.writer`."""
        open_part: Callable[[], Part] = partial(start_part, self._root, path)
        if append:
            open_part = partial(continue_part, self._root, path, resume_token)
        try:
            part = await self._threads.acquire(open_part, release=Part.close)
        except OSError as error:
            raise writing_error(error, path) from error
        writer = FilesystemWriter(self._root, self._threads, part, on_close=self._writers.discard)
        self._writers.add(writer)
        return writer

    async def move(self, source: str, destination: str) -> None:
        """See `StorageDriver.move`."""
        await self._write(destination, move, self._root, source, destination)

    async def delete(self, path: str) -> None:
        """See `StorageDriver.delete`."""
        await self._write(path, _delete, self._root, path)

    async def delete_files(self, paths: Sequence[str]) -> None:
        """See `StorageDriver.delete_files`."""
        await self._write("/", delete_files, self._root, paths)

    async def list_uploads(self, path: str) -> AsyncIterator[UploadInfo]:
        """See `StorageDriver.list_uploads`. `started` is when the unfinished write last grew.

        All directories below are looked into, for what killed processes left beside the content.
        """
        try:
            async for upload in self._threads.stream(list_unfinished(self._root, path)):
                if upload is not None:
                    yield upload
        except OSError as error:
            raise reading_error(error, path) from error

    async def abort_upload(self, upload: UploadInfo) -> None:
        """See `StorageDriver.abort_upload`."""
        await self._write(upload.path, abort_part, self._root, upload.path, upload.upload_id)

    async def aclose(self) -> None:
        """See `StorageDriver.aclose`. Open writers are closed first, so what they hold is kept."""
        failures = []
        for writer in tuple(self._writers):
            try:
                await writer.close()
            except StorageError as error:
                failures.append(error)
        await self._threads.aclose()
        self._root.close()
        if failures:
            raise failures[0]

    async def _read(self, path: str, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await self._threads.run(call, *args, **kwargs)
        except OSError as error:
            raise reading_error(error, path) from error

    async def _write(self, path: str, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await self._threads.run(call, *args, **kwargs)
        except OSError as error:
            raise writing_error(error, path) from error


def _read_whole(root: Root, path: str) -> bytes:
    """Read a file of any size. It is opened anew, so that no cancellation has to find out whose its descriptor is."""
    fd, status = open_regular(root, path, READ)
    try:
        with open(fd, "rb", buffering=0, closefd=False) as file:
            content = file.read()
    except OSError as error:
        raise reading_error(error, path) from error
    finally:
        os.close(fd)
    if len(content) < status.st_size:
        raise IncompleteReadError(f"{len(content)} of {status.st_size} bytes", path=path)
    return content


def _delete(root: Root, path: str) -> None:
    found_files = empty_root(root) if path == "/" else delete_path(root, path)
    found_uploads = delete_parts(root, path)
    if not (found_files or found_uploads or path == "/"):
        raise PathNotFoundError(path=path)
