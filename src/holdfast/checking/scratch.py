"""The directory that checks write to: nothing else is written or deleted, and it is removed whatever happens."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from holdfast.storage import ops
from holdfast.storage.errors import BatchDeleteError, PathNotFoundError, StorageError
from holdfast.storage.layers.forwarding import ForwardingDriver, ForwardingWriter

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from holdfast.storage.driver import Buffer, FileWriter, Precondition, StorageDriver, UploadInfo

__all__ = ["Scratch", "ScratchDriver"]


class Scratch:
    """A directory with a name that nobody else has, and what was written in it.

    Attributes:
        folder: Its path.
    """

    def __init__(self) -> None:
        self.folder = f"/holdfast-check-{secrets.token_hex(6)}"
        self._written: dict[str, None] = {}
        self._unfinished: dict[str, None] = {}

    def driver(self, inner: StorageDriver) -> ScratchDriver:
        """Put a driver in bounds: it writes and deletes in the directory alone, and what it writes is noted."""
        return ScratchDriver(inner, self)

    def note(self, path: str) -> None:
        """Note that something may be at a path from now on.

        Raises:
            AssertionError: It isn't in the directory.
        """
        self.demand(path)
        self._written[path] = None

    def note_unfinished(self, path: str) -> None:
        """Note that an unfinished write may be at a path from now on."""
        self.note(path)
        self._unfinished[path] = None

    def note_finished(self, path: str) -> None:
        """Note that there is none any more."""
        self._unfinished.pop(path, None)

    def demand(self, path: str) -> None:
        """Refuse a path that isn't in the directory.

        Raises:
            AssertionError: It isn't.
        """
        if not ops.is_below(path, self.folder):
            raise AssertionError(f"{path} isn't in {self.folder}: a check touches nothing else")

    async def remove(self, driver: StorageDriver, *, seconds: float) -> list[str]:
        """Remove the directory by whatever the storage allows, and tell what couldn't be removed, sorted.

        Where the storage doesn't answer in time, that is the directory as a whole.

        Args:
            driver: The storage.
            seconds: How long each of removing and looking may take.
        """
        if not self._written:
            return []
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._delete(driver)
        try:
            async with asyncio.timeout(seconds):
                return await self._left(driver)
        except TimeoutError:
            return [self.folder]

    async def _delete(self, driver: StorageDriver) -> None:
        """Delete all at once; else, since that needs rights of its own, such as listing, one after the other."""
        try:
            await driver.delete(self.folder)
        except PathNotFoundError:
            pass
        except StorageError:
            for path in list(self._unfinished):
                with suppress(StorageError):
                    writer = await driver.writer(path)
                    await writer.cancel()
                    self.note_finished(path)
            await self._delete_files(driver)
            return
        self._written.clear()
        self._unfinished.clear()

    async def _delete_files(self, driver: StorageDriver) -> None:
        failed: Collection[str] = self._written
        try:
            await driver.delete_files(list(self._written))
            failed = ()
        except BatchDeleteError as error:
            failed = error.failures
        except StorageError:
            return
        self._written = {path: None for path in self._written if path in failed}

    async def _left(self, driver: StorageDriver) -> list[str]:
        """What the storage shows; where it doesn't show anything, what nobody has said is gone."""
        try:
            left = [file.path async for file in driver.walk(self.folder)]
        except PathNotFoundError:
            left = []
        except StorageError:
            left = [path for path in self._written if await _may_be_there(driver, path)]
        unfinished = list(self._unfinished)
        if driver.capabilities.list_uploads:
            with suppress(StorageError):
                unfinished = [upload.path async for upload in driver.list_uploads(self.folder)]
        return sorted([*left, *(f"{path} (unfinished)" for path in unfinished)])


async def _may_be_there(driver: StorageDriver, path: str) -> bool:
    try:
        return await ops.exists(driver, path)
    except StorageError:
        return True


class ScratchDriver(ForwardingDriver):
    """A driver that writes and deletes within one directory, which notes what was written.

    A write that was refused has written nothing; one whose answer didn't come may have.
    """

    def __init__(self, inner: StorageDriver, scratch: Scratch) -> None:
        super().__init__(inner)
        self._scratch = scratch

    async def put_content(self, path: str, content: Buffer, *, precondition: Precondition | None = None) -> str | None:
        """See `StorageDriver.put_content`."""
        self._scratch.demand(path)
        try:
            version = await self.inner.put_content(path, content, precondition=precondition)
        except StorageError as error:
            if error.retryable:
                self._scratch.note(path)
            raise
        except BaseException:
            self._scratch.note(path)
            raise
        self._scratch.note(path)
        return version

    async def writer(self, path: str, *, append: bool = False, resume_token: str | None = None) -> FileWriter:
        """See `StorageDriver.writer`."""
        self._scratch.demand(path)
        self._scratch.note_unfinished(path)
        writer = await self.inner.writer(path, append=append, resume_token=resume_token)
        return _ScratchWriter(writer, path, self._scratch)

    async def move(self, source: str, destination: str) -> None:
        """See `StorageDriver.move`."""
        self._scratch.demand(source)
        self._scratch.note(destination)
        await self.inner.move(source, destination)

    async def delete(self, path: str) -> None:
        """See `StorageDriver.delete`."""
        self._scratch.demand(path)
        await self.inner.delete(path)

    async def delete_files(self, paths: Sequence[str]) -> None:
        """See `StorageDriver.delete_files`."""
        for path in paths:
            self._scratch.demand(path)
        await self.inner.delete_files(paths)

    async def abort_upload(self, upload: UploadInfo) -> None:
        """See `StorageDriver.abort_upload`."""
        self._scratch.demand(upload.path)
        await self.inner.abort_upload(upload)


class _ScratchWriter(ForwardingWriter):
    def __init__(self, inner: FileWriter, path: str, scratch: Scratch) -> None:
        super().__init__(inner)
        self._path = path
        self._scratch = scratch

    async def commit(self) -> None:
        """See `FileWriter.commit`."""
        await self.inner.commit()
        self._scratch.note_finished(self._path)

    async def cancel(self) -> None:
        """See `FileWriter.cancel`."""
        await self.inner.cancel()
        self._scratch.note_finished(self._path)
