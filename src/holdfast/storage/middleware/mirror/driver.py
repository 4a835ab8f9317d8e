"""The driver of two stores that hold the same."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

import structlog
from anyio import CancelScope

from holdfast.storage.errors import (
    BatchDeleteError,
    InvalidResumeTokenError,
    PathNotFoundError,
    StorageError,
    WriteConflictError,
)
from holdfast.storage.layers._iterators import close_iterator
from holdfast.storage.layers.forwarding import ForwardingDriver
from holdfast.storage.middleware.mirror.metrics import FAILURES
from holdfast.storage.middleware.mirror.options import MirrorOptions
from holdfast.storage.middleware.mirror.reading import Stores
from holdfast.storage.middleware.mirror.repair import Repairs, Side
from holdfast.storage.middleware.mirror.writer import MirroredWriter, split_token
from holdfast.storage.ops import delete_if_there, exists, throw_away

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from typing import ClassVar

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
    from holdfast.storage.options import DriverOptions

__all__ = ["Mirror"]

T = TypeVar("T")

_log = structlog.get_logger(__name__)

_SETTLED: Final = timedelta(minutes=15)
"""A file that was written since isn't compared: it may be on its way to the other store just now."""


class Mirror(ForwardingDriver):
    """Writes to two stores and reads from the first that has it; what one lacks is copied to it.

    A write goes to the second store first, a deletion too: then what the first one shows is never less than what was
    acknowledged. A write under a condition goes to the first one first, which decides.
    """

    Options: ClassVar[type[DriverOptions]] = MirrorOptions

    def __init__(self, inner: StorageDriver, options: MirrorOptions, *, second: StorageDriver | None = None) -> None:
        """Mirror a store.

        Args:
            inner: The first store.
            options: What the second one is.
            second: The second one itself, instead of what the options name.
        """
        super().__init__(inner)
        self._second = second or _create(options.storage.root)
        self._required = options.required
        self._repairs = Repairs(inner, self._second)
        self._stores = Stores(
            inner,
            self._second,
            on_missing=lambda path: self._repairs.ask_for(path, Side.PRIMARY),
            each_is_whole=options.required == "both",
        )
        self._capabilities = _joined(inner.capabilities, self._second.capabilities)

    @property
    def capabilities(self) -> Capabilities:
        """The first store's, as far as the second one has what is needed of both."""
        return self._capabilities

    async def settle(self) -> None:
        """Wait until what was found missing is copied, as far as that can be done."""
        await self._repairs.settle()

    # Reading --------------------------------------------------------------------------------------

    async def get_content(self, path: str) -> bytes:
        """Read from the first that has it; see `StorageDriver.get_content`."""
        return await self._stores.first_that_has(path, lambda store: store.get_content(path))

    def reader(self, path: str, *, offset: int = 0, length: int | None = None) -> Chunks:
        """Open at the first that has it; one that fails in the middle fails; see `StorageDriver.reader`."""
        return self._open(path, offset, length)

    async def stat(self, path: str) -> FileInfo:
        """Describe what the first has that has it; see `StorageDriver.stat`."""
        return await self._stores.stat(path)

    async def list(self, path: str, *, start_after: str | None = None, limit: int | None = None) -> Paths:
        """List what either has; see `StorageDriver.list`."""
        found = await self._stores.both(lambda store: store.list(path, start_after=start_after, limit=limit))
        return found[:limit]

    async def walk(self, path: str, *, start_after: str | None = None) -> AsyncIterator[FileInfo]:
        """Walk what either has, and have copied what one of them lacks; see `StorageDriver.walk`."""
        pairs = self._stores.walk(path, start_after)
        try:
            async for one, two in pairs:
                self._compare(one, two)
                if one is not None:
                    yield one
                elif two is not None:
                    yield two
        finally:
            await close_iterator(pairs)

    async def redirect_url(self, path: str, *, method: str = "GET") -> str | None:
        """Redirect to the first store, if it has the file; see `StorageDriver.redirect_url`."""
        try:
            return await self.inner.redirect_url(path, method=method) if await exists(self.inner, path) else None
        except StorageError as error:
            FAILURES.labels(Side.PRIMARY.value).inc()
            _log.warning("the first of two mirrored stores fails, nobody is sent there", path=path, error=str(error))
            return None

    async def local_path(self, path: str) -> LocalFile | None:
        """Tell where the first store's file lies; `None` if only the second one has it."""
        try:
            return await self.inner.local_path(path)
        except PathNotFoundError:
            if (await self.stat(path)).is_dir:
                raise
            return None

    # Writing --------------------------------------------------------------------------------------

    async def put_content(self, path: str, content: Buffer, *, precondition: Precondition | None = None) -> str | None:
        """Put in both, under a condition in the first one first; see `StorageDriver.put_content`."""
        if precondition is None:
            await self._second_does(path, lambda: self._second.put_content(path, content))
            return await self.inner.put_content(path, content)
        version = await self.inner.put_content(path, content, precondition=precondition)
        try:
            await self._second_does(path, lambda: self._second.put_content(path, content))
        except StorageError:
            self._repairs.ask_for(path, Side.SECOND)
            raise
        return version

    async def writer(self, path: str, *, append: bool = False, resume_token: str | None = None) -> FileWriter:
        """Open in both; see `StorageDriver.writer`."""
        one, two = (None, None) if resume_token is None else split_token(resume_token)
        if two == "" and self._required == "both":
            raise InvalidResumeTokenError("the second store has no such unfinished write", path=path)
        primary = await self._primary_writer(path, append=append, resume_token=one)
        second: FileWriter | None = None
        try:
            if two != "":  # otherwise it was left behind
                second = await self._second_writer(path, append=append, resume_token=two)
            if second is not None and second.size != primary.size:
                second = await self._in_step(path, primary, second)
        except BaseException:
            with CancelScope(shield=True):  # a cancelled task still owes the close
                await primary.close()
            raise
        on_behind = (lambda error: self._fell_behind(path, error)) if self._required == "primary" else None
        return MirroredWriter(primary, second, on_behind)

    async def move(self, source: str, destination: str) -> None:
        """Move in both; see `StorageDriver.move`."""
        is_behind = False
        try:
            await self._second_does(destination, lambda: self._second.move(source, destination))
        except PathNotFoundError:
            is_behind = True
        try:
            await self.inner.move(source, destination)
        except PathNotFoundError:
            if is_behind:
                raise
            self._repairs.ask_for(destination, Side.PRIMARY)
        if is_behind and source != destination:
            await self._second_does(destination, lambda: delete_if_there(self._second, destination))
            self._repairs.ask_for(destination, Side.SECOND)

    # Deleting -------------------------------------------------------------------------------------

    async def delete(self, path: str) -> None:
        """Delete from both, whatever `required` says; see `StorageDriver.delete`."""
        was_there = await delete_if_there(self._second, path)
        try:
            await self.inner.delete(path)
        except PathNotFoundError:
            if not was_there:
                raise

    async def delete_files(self, paths: Sequence[str]) -> None:
        """Delete many from both, whatever `required` says; see `StorageDriver.delete_files`."""
        failures: dict[str, StorageError] = {}
        try:
            await self._second.delete_files(paths)
        except BatchDeleteError as error:
            failures |= error.failures
        left = [path for path in paths if path not in failures]  # what only the first one has isn't half deleted
        try:
            await self.inner.delete_files(left)
        except BatchDeleteError as error:
            failures |= error.failures
        if failures:
            raise BatchDeleteError(failures)

    # Unfinished writes ----------------------------------------------------------------------------

    async def list_uploads(self, path: str) -> AsyncIterator[UploadInfo]:
        """Yield the first store's unfinished writes, and those that only the second one has."""
        seen: set[str] = set()
        for mark, store in (("1:", self.inner), ("2:", self._second)):
            uploads = store.list_uploads(path)
            try:
                async for upload in uploads:
                    if mark == "1:":
                        seen.add(upload.path)
                    elif upload.path in seen:
                        continue
                    yield replace(upload, upload_id=mark + upload.upload_id)
            finally:
                await close_iterator(uploads)

    async def abort_upload(self, upload: UploadInfo) -> None:
        """Throw an unfinished write away, in both; see `StorageDriver.abort_upload`."""
        mark, name = upload.upload_id[:2], upload.upload_id[2:]
        inner = replace(upload, upload_id=name)
        if mark == "2:":
            await self._second.abort_upload(inner)
        elif mark == "1:" and await _has_upload(self.inner, inner):
            for other in await _uploads_at(self._second, upload.path):
                await self._second.abort_upload(other)
            await self.inner.abort_upload(inner)

    async def aclose(self) -> None:
        """End what is being copied, and close both stores."""
        try:
            await self._repairs.aclose()
        finally:
            try:
                await self._second.aclose()
            finally:
                await self.inner.aclose()

    # How ------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _open(self, path: str, offset: int, length: int | None) -> AsyncIterator[AsyncIterator[bytes]]:
        async with AsyncExitStack() as stack:
            yield await self._stores.first_that_has(
                path, lambda store: stack.enter_async_context(store.reader(path, offset=offset, length=length))
            )

    async def _second_does(self, path: str, act: Callable[[], Awaitable[T]]) -> T | None:
        """Have the second store do something; where it needn't have, its failure is told.

        Raises:
            PathNotFoundError: It lacks the file.
            StorageError: It failed, and both stores are required.
        """
        try:
            return await act()
        except PathNotFoundError:
            raise
        except StorageError as error:
            if self._required == "both":
                raise
            self._fell_behind(path, error)
            return None

    async def _primary_writer(self, path: str, *, append: bool, resume_token: str | None) -> FileWriter:
        try:
            return await self.inner.writer(path, append=append, resume_token=resume_token)
        except PathNotFoundError:
            if not append or not await exists(self._second, path):
                raise
        await self._repairs.copy(path, Side.PRIMARY)
        return await self.inner.writer(path, append=append, resume_token=resume_token)

    async def _in_step(self, path: str, primary: FileWriter, second: FileWriter) -> FileWriter | None:
        """Go on with both, or with the first one alone, where one has more than the other.

        Raises:
            WriteConflictError: They might continue committed contents that differ: then no place is right.
        """
        differ = WriteConflictError(f"one store has {primary.size} bytes, the other one {second.size}", path=path)
        try:
            if self._required == "both":
                await self._require_new(path, differ)
                return second
            await throw_away(second, differ)
            self._fell_behind(path, differ)
        except BaseException:
            with CancelScope(shield=True):  # a cancelled task still owes the close
                await second.close()
            raise
        return None

    async def _require_new(self, path: str, differ: WriteConflictError) -> None:
        if await exists(self, path):
            raise differ

    async def _second_writer(self, path: str, *, append: bool, resume_token: str | None) -> FileWriter | None:
        try:
            return await self._second.writer(path, append=append, resume_token=resume_token)
        except StorageError as error:
            if self._required == "both":
                raise
            self._fell_behind(path, error)
            return None

    def _fell_behind(self, path: str, error: StorageError) -> None:
        FAILURES.labels(Side.SECOND.value).inc()
        _log.warning("the second of two mirrored stores lacks a write", path=path, error=str(error))

    def _compare(self, one: FileInfo | None, two: FileInfo | None) -> None:
        """Have copied what one store lacks, or has in an older state."""
        if one is None:
            if two is not None and _is_settled(two):
                self._repairs.ask_for(two.path, Side.PRIMARY)
        elif _is_settled(one) and (two is None or _is_older(two, one)):
            self._repairs.ask_for(one.path, Side.SECOND)


def _create(storage: dict[str, dict[str, Any] | None]) -> StorageDriver:
    from holdfast.storage.factory import create  # noqa: PLC0415 - which loads middleware by name

    ((name, parameters),) = storage.items()
    return create(name, parameters or {})


def _joined(one: Capabilities, two: Capabilities) -> Capabilities:
    most = [able.write_max_bytes for able in (one, two) if able.write_max_bytes is not None]
    return replace(
        one,
        write_resume_token=one.write_resume_token and two.write_resume_token,
        write_max_bytes=min(most, default=None),
        list_uploads=one.list_uploads and two.list_uploads,
        exclusive_names=one.exclusive_names or two.exclusive_names,
        shared=one.shared and two.shared,
    )


def _is_settled(info: FileInfo) -> bool:
    return info.modified is None or datetime.now(UTC) - info.modified > _SETTLED


def _is_older(two: FileInfo, one: FileInfo) -> bool:
    """Whether the second store's file is another one than the first's, as far as can be told without reading."""
    if one.size != two.size:
        return True
    return one.modified is not None and two.modified is not None and one.modified - two.modified > _SETTLED


async def _uploads_at(store: StorageDriver, path: str) -> list[UploadInfo]:
    uploads = store.list_uploads(path)
    try:
        return [upload async for upload in uploads if upload.path == path]
    finally:
        await close_iterator(uploads)


async def _has_upload(store: StorageDriver, upload: UploadInfo) -> bool:
    return any(other.upload_id == upload.upload_id for other in await _uploads_at(store, upload.path))
