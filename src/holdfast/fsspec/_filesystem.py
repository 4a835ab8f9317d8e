"""The filesystem: what fsspec asks for, said in the terms of the storage contract."""

from __future__ import annotations

import asyncio
import errno
import io
import os
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from fsspec.asyn import AsyncFileSystem, sync
from fsspec.callbacks import DEFAULT_CALLBACK
from fsspec.utils import stringify_path

from holdfast.fsspec._errors import system_errors
from holdfast.fsspec._file import HoldfastFile
from holdfast.storage.driver import CreateOnly
from holdfast.storage.drivers._tasks import together
from holdfast.storage.errors import PathNotFoundError
from holdfast.storage.factory import create
from holdfast.storage.layers._iterators import close_iterator
from holdfast.storage.ops import copy_content, put_stream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
    from datetime import datetime

    from holdfast.storage.driver import FileInfo, StorageDriver

__all__ = ["HoldfastFileSystem"]

_PROTOCOL: Final = "holdfast://"
_SMALL_BYTES: Final = 4 * 1024 * 1024
_CHUNK_BYTES: Final = 1024 * 1024
_AT_ONCE: Final = 16


class HoldfastFileSystem(AsyncFileSystem):  # type: ignore[misc]  # fsspec ships no types
    """The files of a storage driver.

    A directory is there as long as a file is below it: making one does nothing. Content shows when it is whole.

    Args:
        driver: The driver's name, as `holdfast drivers` lists it.
        parameters: Its parameters, as below its name in a configuration file.
        kwargs: fsspec's own: `asynchronous`, `loop`, `batch_size`, `skip_instance_cache`, ...

    Raises:
        ConfigurationError: No driver has the name, or it doesn't take the parameters.
    """

    protocol: ClassVar[str] = "holdfast"
    root_marker: ClassVar[str] = ""
    cachable: ClassVar[bool] = True

    def __init__(self, driver: str, parameters: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._driver: StorageDriver | None = create(driver, parameters)

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        """`holdfast://a/b`, `/a/b` and `a/b` are all `/a/b`; the root is empty."""
        if isinstance(path, list):
            return [cls._strip_protocol(one) for one in path]
        stripped = stringify_path(path).removeprefix(_PROTOCOL).strip("/")
        return f"/{stripped}" if stripped else cls.root_marker

    def storage(self) -> StorageDriver:
        """The driver, to be used on the event loop of this filesystem only.

        Raises:
            ValueError: The filesystem is closed.
        """
        if self._driver is None:
            raise ValueError("the filesystem is closed")
        return self._driver

    def close(self) -> None:
        """Close the driver; idempotent. An asynchronous one is closed by `aclose`."""
        if self._driver is not None:
            sync(self.loop, self.aclose)

    async def aclose(self) -> None:
        """Close the driver, on the event loop that used it; idempotent."""
        driver, self._driver = self._driver, None
        if driver is not None:
            await driver.aclose()

    # Looking --------------------------------------------------------------------------------------

    async def _info(self, path: str, **_: Any) -> dict[str, Any]:
        path = self._strip_protocol(path)
        with system_errors(path, reading=True):
            return _description(await self.storage().stat(path or "/"))

    async def _ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:  # noqa: FBT001, FBT002 - as fsspec has it
        path = self._strip_protocol(path)
        driver = self.storage()
        with system_errors(path, reading=True):
            try:
                children = await driver.list(path or "/")
            except PathNotFoundError:
                children = [(await driver.stat(path)).path]  # a file lists itself
            found = await self._described(children) if detail else children
        return list(found)

    async def _find(
        self,
        path: str,
        maxdepth: int | None = None,
        withdirs: bool = False,  # noqa: FBT001, FBT002 - as fsspec has it
        **kwargs: Any,
    ) -> Any:
        """In one walk where only files are asked for."""
        if withdirs or maxdepth is not None:
            kwargs.pop("prefix", None)
            return await super()._find(path, maxdepth=maxdepth, withdirs=withdirs, **kwargs)
        path = self._strip_protocol(path)
        found: dict[str, dict[str, Any]] = {}
        with system_errors(path, reading=True):
            try:
                async with aclosing(_files(self.storage(), path or "/")) as files:
                    async for info in files:
                        found[info.path] = _description(info)
            except PathNotFoundError:
                if await self._isfile(path):
                    found[path] = await self._info(path)
        return found if kwargs.get("detail") else list(found)

    async def _isfile(self, path: str) -> bool:
        try:
            return bool((await self._info(path))["type"] == "file")
        except FileNotFoundError:
            return False

    async def _isdir(self, path: str) -> bool:
        try:
            return bool((await self._info(path))["type"] == "directory")
        except FileNotFoundError:
            return False

    def modified(self, path: str) -> datetime | None:
        """When content was last written, aware, UTC; `None` where the driver doesn't tell."""
        modified: datetime | None = self.info(path)["mtime"]
        return modified

    # Reading --------------------------------------------------------------------------------------

    async def _cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        path = self._strip_protocol(path)
        with system_errors(path, reading=True):
            driver = self.storage()
            if start is None and end is None:
                return await driver.get_content(path)
            if (start or 0) < 0 or (end or 0) < 0:
                start, end, _step = slice(start, end).indices((await driver.stat(path)).size)
            start = start or 0
            length = None if end is None else max(0, end - start)
            async with driver.reader(path, offset=start, length=length) as chunks:
                return b"".join([chunk async for chunk in chunks])

    async def _get_file(self, rpath: str, lpath: Any, callback: Any = DEFAULT_CALLBACK, **_: Any) -> None:
        rpath = self._strip_protocol(rpath)
        if hasattr(lpath, "write"):
            await self._fetch(rpath, lpath, callback)
            return
        target = Path(lpath)
        if await self._isdir(rpath):
            await asyncio.to_thread(target.mkdir, parents=True, exist_ok=True)
            return
        file = await asyncio.to_thread(target.open, "wb")
        try:
            await self._fetch(rpath, file, callback)
        finally:
            await asyncio.to_thread(file.close)

    async def _fetch(self, path: str, file: Any, callback: Any) -> None:
        with system_errors(path, reading=True):
            driver = self.storage()
            callback.set_size((await driver.stat(path)).size)
            async with driver.reader(path) as chunks:
                async for chunk in chunks:
                    await asyncio.to_thread(file.write, chunk)
                    callback.relative_update(len(chunk))

    # Writing --------------------------------------------------------------------------------------

    async def _pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: Any) -> None:
        path = self._strip_protocol(path)
        with system_errors(path):
            driver = self.storage()
            if mode == "create" and driver.capabilities.put_create_only:
                await driver.put_content(path, value, precondition=CreateOnly())
                return
            await self._require_new(path, mode)
            if len(value) <= _SMALL_BYTES:
                await driver.put_content(path, value)
            else:
                await put_stream(driver, path, _pieces(io.BytesIO(value)))

    async def _put_file(
        self, lpath: Any, rpath: str, mode: str = "overwrite", callback: Any = DEFAULT_CALLBACK, **_: Any
    ) -> None:
        rpath = self._strip_protocol(rpath)
        source = Path(lpath)
        if await asyncio.to_thread(source.is_dir):
            return
        await self._require_new(rpath, mode)
        file = await asyncio.to_thread(source.open, "rb")
        try:
            callback.set_size((await asyncio.to_thread(os.fstat, file.fileno())).st_size)
            with system_errors(rpath):
                await put_stream(self.storage(), rpath, _pieces(file, callback))
        finally:
            await asyncio.to_thread(file.close)

    async def _cp_file(self, path1: str, path2: str, **_: Any) -> None:
        source, target = self._strip_protocol(path1), self._strip_protocol(path2)
        if await self._isdir(source):
            return  # a directory is there with its first file
        with system_errors(source):
            await copy_content(self.storage(), source, self.storage(), target)

    async def _mv_file(self, path1: str, path2: str, **_: Any) -> None:
        source, target = self._strip_protocol(path1), self._strip_protocol(path2)
        with system_errors(source):
            await self.storage().move(source, target)

    def mv(
        self,
        path1: Any,
        path2: Any,
        recursive: bool = False,  # noqa: FBT001, FBT002 - as fsspec has it
        maxdepth: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Move files; one file by the driver's own move, which never shows a part of it."""
        if isinstance(path1, str) and isinstance(path2, str) and not recursive and self.isfile(path1):
            source, target = self._strip_protocol(path1), self._strip_protocol(path2)
            if path2.endswith("/") or self.isdir(target):
                target = f"{target}/{source.rpartition('/')[2]}"
            sync(self.loop, self._mv_file, source, target)
            return
        super().mv(path1, path2, recursive=recursive, maxdepth=maxdepth, **kwargs)

    async def _rm_file(self, path: str, **_: Any) -> None:
        path = self._strip_protocol(path)
        with system_errors(path):
            if (await self.storage().stat(path)).is_dir:
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
            await self.storage().delete_files([path])

    async def _rm(
        self,
        path: Any,
        recursive: bool = False,  # noqa: FBT001, FBT002 - as fsspec has it
        batch_size: int | None = None,
        maxdepth: int | None = None,
        **_: Any,
    ) -> None:
        """Delete files, and with `recursive` directories with all that is in them."""
        del batch_size
        if recursive and maxdepth is None:
            for one in await self._expand_path(path):
                with system_errors(one):
                    await self.storage().delete(one or "/")
            return
        paths = await self._expand_path(path, recursive=recursive, maxdepth=maxdepth)
        if recursive:  # to a depth: what is deeper stays, and so do its directories
            paths = [one for one in paths if not await self._isdir(one)]
        for one in paths:
            await self._rm_file(one)

    async def _rmdir(self, path: str) -> None:
        """Refuse: a directory that is there has something in it."""
        path = self._strip_protocol(path)
        if await self._isdir(path):
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), path)

    def rmdir(self, path: str) -> None:
        """See `_rmdir`."""
        sync(self.loop, self._rmdir, path)

    def _open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        autocommit: bool = True,  # noqa: FBT001, FBT002 - as fsspec has it
        cache_options: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> HoldfastFile:
        if mode == "xb" and self.exists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
        return HoldfastFile(
            self, path, mode, block_size or "default", autocommit, cache_options=cache_options, **kwargs
        )

    # How ------------------------------------------------------------------------------------------

    async def _require_new(self, path: str, mode: str) -> None:
        if mode == "create" and await self._exists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)

    async def _described(self, paths: Sequence[str]) -> list[dict[str, Any]]:
        """Descriptions, some asked for at a time; without those that were deleted meanwhile."""
        found: dict[str, dict[str, Any]] = {}
        left = iter(paths)
        await together(*(self._describe_from(left, found) for _ in range(min(_AT_ONCE, len(paths)))))
        return [found[path] for path in paths if path in found]

    async def _describe_from(self, left: Iterator[str], found: dict[str, dict[str, Any]]) -> None:
        for path in left:
            try:
                found[path] = _description(await self.storage().stat(path))
            except PathNotFoundError:
                continue


def _description(info: FileInfo) -> dict[str, Any]:
    """A description as fsspec has it."""
    return {
        "name": "" if info.path == "/" else info.path,
        "size": info.size,
        "type": "directory" if info.is_dir else "file",
        "mtime": info.modified,
        "version": info.version,
    }


async def _files(driver: StorageDriver, path: str) -> AsyncGenerator[FileInfo]:
    walked = driver.walk(path)
    try:
        async for info in walked:
            yield info
    finally:
        await close_iterator(walked)


async def _pieces(file: Any, callback: Any = DEFAULT_CALLBACK) -> AsyncIterator[bytes]:
    """A file's content, read in threads."""
    while chunk := await asyncio.to_thread(file.read, _CHUNK_BYTES):
        yield chunk
        callback.relative_update(len(chunk))
