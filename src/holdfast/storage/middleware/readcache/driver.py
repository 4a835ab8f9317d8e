"""The driver around a remote store that keeps copies of its blobs on this machine."""

from __future__ import annotations

import asyncio
import os
import re
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar
from weakref import WeakValueDictionary

import structlog
from anyio import to_thread
from cachetools import TTLCache

from holdfast.storage import ops
from holdfast.storage.driver import LocalFile
from holdfast.storage.errors import PathNotFoundError
from holdfast.storage.layers.forwarding import ForwardingDriver
from holdfast.storage.middleware._digests import WrittenDigest, digest_in
from holdfast.storage.middleware.readcache.fill import Fill
from holdfast.storage.middleware.readcache.folder import CacheFolder
from holdfast.storage.middleware.readcache.metrics import HITS, MISSES, PARTS
from holdfast.storage.middleware.readcache.options import ReadCacheOptions
from holdfast.storage.middleware.readcache.threads import acquired

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
    from typing import ClassVar

    from holdfast.storage.driver import Capabilities, Chunks, FileInfo, StorageDriver
    from holdfast.storage.options import DriverOptions

__all__ = ["ReadCache"]

P = ParamSpec("P")
T = TypeVar("T")

_log = structlog.get_logger(__name__)

_CHUNK: Final = 1024 * 1024
_TRUSTED: Final = 100_000


class ReadCache(ForwardingDriver):
    """Serves files whose paths tell their digests from copies on this machine, once they have been read whole.

    That a file is there is the store's word alone, which is asked each time, or every `trust` seconds: by one `stat`,
    never by reading. Where the disk fails the store is read as if there were no cache.

    Clients aren't sent to the store: what they get there this machine doesn't see.
    """

    Options: ClassVar[type[DriverOptions]] = ReadCacheOptions

    def __init__(self, inner: StorageDriver, options: ReadCacheOptions) -> None:
        super().__init__(inner)
        self._pattern = re.compile(options.pattern)
        self._folder = CacheFolder(
            Path(options.rootdirectory).absolute(),
            size=options.size,
            maxfile=options.maxfile or max(1, options.size // 2),
        )
        self._sizes: TTLCache[str, int] | None = TTLCache(_TRUSTED, options.trust) if options.trust else None
        self._fills: dict[WrittenDigest, Fill] = {}
        self._opening: WeakValueDictionary[WrittenDigest, asyncio.Lock] = WeakValueDictionary()
        self._complained: set[str] = set()
        self._capabilities = replace(
            inner.capabilities, redirect_get=False, redirect_head=False, local_path=False, local_path_cached=True
        )

    @property
    def capabilities(self) -> Capabilities:
        """The inner driver's; some files lie on this machine, and clients aren't sent to the store."""
        return self._capabilities

    async def get_content(self, path: str) -> bytes:
        """Read a copy, or the store; see `StorageDriver.get_content`."""
        digest = digest_in(self._pattern, path)
        if digest is None:
            return await self.inner.get_content(path)
        if self._folder.has(digest):
            async with self.reader(path) as chunks:
                return b"".join([chunk async for chunk in chunks])
        MISSES.inc()
        content = await self.inner.get_content(path)
        await self._on_disk(self._store, digest, content)
        return content

    def reader(self, path: str, *, offset: int = 0, length: int | None = None) -> Chunks:
        """Open a copy, or the store; what is read whole becomes a copy; see `StorageDriver.reader`."""
        digest = digest_in(self._pattern, path)
        if digest is None:
            return self.inner.reader(path, offset=offset, length=length)
        return self._open(path, digest, offset, length)

    async def delete(self, path: str) -> None:
        """Delete, the copy as well; see `StorageDriver.delete`."""
        try:
            await self.inner.delete(path)
        finally:
            self._distrust()
        await self._drop([path])

    async def delete_files(self, paths: Sequence[str]) -> None:
        """Delete many, the copies as well; see `StorageDriver.delete_files`."""
        try:
            await self.inner.delete_files(paths)
        finally:
            self._distrust()
        await self._drop(paths)

    async def move(self, source: str, destination: str) -> None:
        """Move; see `StorageDriver.move`."""
        try:
            await self.inner.move(source, destination)
        finally:
            self._distrust()

    async def redirect_url(self, path: str, *, method: str = "GET") -> str | None:
        """Redirect nothing, so that what is read can be kept."""
        await ops.no_redirect(path, method=method)
        return None

    async def local_path(self, path: str) -> LocalFile | None:
        """Return where a copy lies; `None` where there is none.

        Raises:
            PathNotFoundError: There is a copy, and the store has the file no more.
        """
        digest = digest_in(self._pattern, path)
        if digest is None or not self._folder.has(digest):
            return None
        size = await self._size(path, digest)
        file = await self._copy(digest, size)
        if file is None:
            return None
        os.close(file)
        HITS.inc()
        return LocalFile(str(self._folder.path(digest)), size)

    async def aclose(self) -> None:
        """End what is being copied, and close the store."""
        try:
            for fill in [*self._fills.values()]:
                await fill.stop()
        finally:
            await self.inner.aclose()

    # Reading --------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _open(
        self, path: str, digest: WrittenDigest, offset: int, length: int | None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        size = await self._size(path, digest)
        end = size if length is None else min(size, offset + length)
        async with AsyncExitStack() as stack:
            chunks: AsyncIterator[bytes]
            file = await self._copy(digest, size)
            if file is not None:
                HITS.inc()
                stack.callback(os.close, file)
                chunks = await stack.enter_async_context(aclosing(_pieces(file, offset, end)))
            elif (offset, end) == (0, size) and size:
                MISSES.inc()
                chunks = await stack.enter_async_context(self._fill(path, digest, size).reader())
            else:
                PARTS.inc()
                chunks = await stack.enter_async_context(self.inner.reader(path, offset=offset, length=length))
            yield chunks

    async def _size(self, path: str, digest: WrittenDigest) -> int:
        """Ask the store whether it has a file, and how long it is.

        Raises:
            PathNotFoundError: It hasn't; then the copy is deleted.
        """
        if self._sizes is not None and (size := self._sizes.get(path)) is not None:
            return size
        try:
            info = await self._file_info(path)
        except PathNotFoundError:
            await self._on_disk(self._folder.drop, digest)
            raise
        if self._sizes is not None:
            self._sizes[path] = info.size
        return info.size

    async def _file_info(self, path: str) -> FileInfo:
        info = await self.inner.stat(path)
        if info.is_dir:
            raise PathNotFoundError("is a directory", path=path)
        return info

    async def _copy(self, digest: WrittenDigest, size: int) -> int | None:
        """Open the copy of a file; `None` where there is none, or where the store's file is of another length."""
        if not self._folder.has(digest):
            return None
        lock = self._opening.setdefault(digest, asyncio.Lock())
        async with lock:  # where a copy must be read whole before, once is enough
            file = await acquired(partial(self._opened, digest), release=_close)
        if file is not None and os.fstat(file).st_size != size:
            os.close(file)
            return None
        return file

    def _opened(self, digest: WrittenDigest) -> int | None:
        try:
            return self._folder.open(digest)
        except OSError as error:
            self._complain(error)
            return None

    def _fill(self, path: str, digest: WrittenDigest, size: int) -> Fill:
        fill = self._fills.get(digest)
        if fill is None:
            fill = Fill(
                self.inner, path, partial(self._folder.begin, digest, size), partial(self._filled, digest, path)
            )
            self._fills[digest] = fill
        return fill

    def _filled(
        self,
        digest: WrittenDigest,
        path: str,
        fill: Fill,
        is_made: bool | None,  # noqa: FBT001 - what a fill tells
        failure: OSError | None,
    ) -> None:
        if self._fills.get(digest) is fill:
            del self._fills[digest]
        if failure is not None:
            self._complain(failure)
        elif is_made:
            self._complained.clear()
        elif is_made is False:
            _log.error("the store's content isn't what its digest says", path=path)

    def _store(self, digest: WrittenDigest, content: bytes) -> None:
        new = self._folder.begin(digest, len(content))
        if new is None:
            return
        try:
            new.write(content)
            new.finish()
        except BaseException:
            with suppress(OSError):  # the first failure is what is told
                new.abandon()
            raise
        finally:
            new.close()

    # Forgetting -----------------------------------------------------------------------------------

    def _distrust(self) -> None:
        if self._sizes is not None:
            self._sizes.clear()

    async def _drop(self, paths: Sequence[str]) -> None:
        for digest in filter(None, (digest_in(self._pattern, path) for path in paths)):
            if self._folder.has(digest):
                await self._on_disk(self._folder.drop, digest)

    # The disk -------------------------------------------------------------------------------------

    async def _on_disk(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Do something with the folder, in a thread; `None` where the disk fails, which is told once."""
        try:
            return await to_thread.run_sync(partial(call, *args, **kwargs))
        except OSError as error:
            self._complain(error)
            return None

    def _complain(self, error: OSError) -> None:
        what = error.strerror or str(error)
        if what not in self._complained:
            self._complained.add(what)
            _log.warning("the read cache is passed by: its disk fails", error=what, path=error.filename)


def _close(file: int | None) -> None:
    if file is not None:
        os.close(file)


async def _pieces(file: int, offset: int, end: int) -> AsyncGenerator[bytes, None]:
    while offset < end:
        chunk = await to_thread.run_sync(os.pread, file, min(_CHUNK, end - offset), offset)
        if not chunk:
            return
        offset += len(chunk)
        yield chunk
