"""The adapter: what a bridge asks for, said in fsspec's calls, each in a thread."""

from __future__ import annotations

import asyncio
import errno
import os
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from fsspec import get_filesystem_class

from holdfast.storage.drivers._bridge.backend import Backend, Entry, OpenFile, Traits
from holdfast.storage.drivers._tasks import settled, whole
from holdfast.storage.drivers.fsspec._connection import Connection, Connections
from holdfast.storage.drivers.fsspec._entries import entry_of
from holdfast.storage.drivers.fsspec._files import Reading, Writing
from holdfast.storage.drivers.fsspec._profiles import is_exclusive, traits_of
from holdfast.storage.errors import (
    InvalidParameterError,
    PathNotFoundError,
    StorageError,
    UnsupportedOperationError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from fsspec import AbstractFileSystem

    from holdfast.storage.drivers.fsspec.options import FsspecOptions

__all__ = ["FsspecBackend"]

P = ParamSpec("P")
T = TypeVar("T")

_SMALL_BYTES: Final = 8 * 1024 * 1024
"""What is sent to an object store in one request: about what a part has, which is in memory already."""

_NOT_EMPTY: Final = frozenset({None, errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR})
"""What removing a directory fails with that isn't empty, or is a file; SFTP only says that it failed."""


class FsspecBackend(Backend):
    """A filesystem of fsspec.

    Args:
        options: The driver's. Nothing is connected to before the first use.

    Raises:
        InvalidParameterError: fsspec has no such protocol, or what the protocol needs isn't installed.
    """

    def __init__(self, options: FsspecOptions) -> None:
        self._protocol = options.protocol
        try:
            kind = get_filesystem_class(options.protocol)
        except (ImportError, ValueError) as error:
            raise InvalidParameterError("fsspec", "protocol", str(error)) from error
        settings = options.settings
        self._traits = traits_of(options.protocol, anonymous=bool(settings.get("anon")))
        self._is_object = not self._traits.tree
        self._root: str = kind._strip_protocol(options.rootdirectory).rstrip("/")  # noqa: SLF001 - fsspec's own contract
        if self._is_object and not self._root:
            raise InvalidParameterError("fsspec", "rootdirectory", "begins with the bucket's name")
        most = options.maxthreads
        count, threads = (min(options.connections, most), 1) if is_exclusive(options.protocol) else (1, most)
        self._connections = Connections(options.protocol, settings, count=count, threads=threads)

    @property
    def traits(self) -> Traits:
        """See `Backend.traits`."""
        return self._traits

    async def stat(self, path: str) -> Entry:
        """See `Backend.stat`."""
        return entry_of(await self._call(lambda filesystem: filesystem.info(self._path(path))))

    @asynccontextmanager
    async def open(self, path: str, *, offset: int) -> AsyncGenerator[OpenFile]:
        """See `Backend.open`. Its size is taken from the open file, so that a replacement doesn't mix in."""

        def start(filesystem: AbstractFileSystem) -> Reading:
            return Reading(filesystem, self._path(path), offset, is_object=self._is_object)

        connection = self._connections.next()
        opening = asyncio.ensure_future(connection.run(start))
        try:
            await settled(opening)
        except asyncio.CancelledError:
            if opening.exception() is None:
                await whole(_run(connection, opening.result().close))
            raise
        reading = opening.result()
        try:
            async with aclosing(_chunks(connection, reading, offset)) as chunks:
                yield OpenFile(reading.entry, chunks)
        finally:
            await whole(_run(connection, reading.close))

    async def save(self, path: str, chunks: AsyncIterator[bytes], *, size: int, create_only: bool = False) -> None:
        """See `Backend.save`."""
        if create_only:
            raise UnsupportedOperationError("no filesystem of fsspec says that it can")
        if self._is_object and size <= _SMALL_BYTES:
            content = b"".join([chunk async for chunk in chunks])
            await self._call(lambda filesystem: filesystem.pipe_file(self._path(path), content))
            return
        connection = self._connections.next()
        writing = await connection.run(
            lambda filesystem: Writing(filesystem, self._path(path), size, is_object=self._is_object)
        )
        try:
            async for chunk in chunks:
                await _run(connection, writing.write, chunk)
            await _run(connection, writing.finish)
        except BaseException as error:
            try:
                await _run(connection, writing.discard)
            except StorageError as failure:
                error.add_note(f"giving up what was written failed as well: {failure}")
            raise

    async def rename(self, source: str, path: str) -> None:
        """See `Backend.rename`. On a disk `mv` would copy where it can't rename."""
        if self._protocol in {"file", "local"}:
            await self._call(lambda _: os.replace(self._path(source), self._path(path)))  # noqa: PTH105 - text as fsspec has it
        else:
            await self._call(lambda filesystem: filesystem.mv(self._path(source), self._path(path)))

    async def copy(self, source: str, path: str) -> None:
        """See `Backend.copy`."""
        await self._call(lambda filesystem: filesystem.cp_file(self._path(source), self._path(path)))

    async def remove(self, path: str) -> None:
        """See `Backend.remove`. In a tree the file is looked at first: some filesystems take a directory, too."""

        def remove(filesystem: AbstractFileSystem) -> None:
            if self._traits.tree and filesystem.info(self._path(path))["type"] == "directory":
                return
            filesystem.rm_file(self._path(path))

        try:
            await self._call(remove)
        except PathNotFoundError:
            return

    async def scan(self, directory: str) -> list[Entry]:
        """See `Backend.scan`."""

        def scan(filesystem: AbstractFileSystem) -> list[Entry]:
            path = self._path(directory)
            found = []
            for info in filesystem.ls(path, detail=True):
                name = filesystem._strip_protocol(str(info["name"]))  # noqa: SLF001 - fsspec's own contract
                if name.strip("/") != path.strip("/"):  # a file lists itself, and so does the marker of a folder
                    found.append(entry_of(info))
            return found

        try:
            return await self._call(scan)
        except PathNotFoundError:
            return []

    async def below(self, directory: str, *, after: str) -> AsyncIterator[tuple[str, Entry]]:
        """Refuse: fsspec finds all files below a directory at once, however many there are."""
        del directory, after
        raise UnsupportedOperationError("fsspec has no listing in pages")

    async def make_directory(self, path: str) -> None:
        """See `Backend.make_directory`."""

        def make(filesystem: AbstractFileSystem) -> None:
            target = self._path(path)
            try:
                if path:
                    filesystem.mkdir(target, create_parents=False)
                elif target:
                    filesystem.makedirs(target, exist_ok=True)
            except FileNotFoundError:
                raise
            except OSError:  # somebody else made it meanwhile; not all say so
                if not filesystem.isdir(target):
                    raise

        await self._call(make)

    async def remove_directory(self, path: str) -> bool:
        """See `Backend.remove_directory`."""

        def remove(filesystem: AbstractFileSystem) -> bool:
            try:
                filesystem.rmdir(self._path(path))
            except FileNotFoundError:
                return True
            except OSError as error:
                if error.errno in _NOT_EMPTY and not isinstance(error, ConnectionError):
                    return False
                raise
            return True

        return await self._call(remove)

    async def sign(self, path: str, *, method: str, seconds: int) -> str | None:
        """See `Backend.sign`."""
        operation = {"GET": "get_object", "HEAD": "head_object"}[method]
        url: str = await self._call(
            lambda filesystem: filesystem.sign(self._path(path), expiration=seconds, client_method=operation)
        )
        return url

    def identify(self) -> str:
        """See `Backend.identify`."""
        return f"{self._protocol} of fsspec, at {self._root or '/'}"

    async def aclose(self) -> None:
        """See `Backend.aclose`."""
        await self._connections.aclose()

    def _path(self, path: str) -> str:
        return f"{self._root}/{path}".rstrip("/") if path else self._root or "/"

    async def _call(self, call: Callable[[AbstractFileSystem], T]) -> T:
        return await self._connections.next().run(call)


async def _chunks(connection: Connection, reading: Reading, offset: int) -> AsyncGenerator[bytes]:
    left = (reading.entry.size or 0) - offset
    while left > 0:
        chunk = await _run(connection, reading.read)
        if not chunk:
            return
        left -= len(chunk)
        yield chunk


async def _run(connection: Connection, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call what is open on a connection."""
    return await connection.run(lambda _: call(*args, **kwargs))
