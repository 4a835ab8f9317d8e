"""A file of the filesystem, read in blocks and written as a stream that shows when it is closed."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from fsspec.asyn import sync
from fsspec.spec import AbstractBufferedFile

from holdfast.fsspec._errors import system_errors
from holdfast.storage.ops import close_writer, throw_away

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import TracebackType

    from holdfast.storage.driver import FileWriter

__all__ = ["HoldfastFile"]


class HoldfastFile(AbstractBufferedFile):  # type: ignore[misc]  # fsspec ships no types
    """A file of a storage driver.

    Nothing shows at the path before the file is closed. A `with` block that is left by an exception throws away what
    was written, where fsspec's own files would keep the half of it.

    `ab` begins with what is there, `xb` refuses to begin where something is.
    """

    _writer: FileWriter | None = None
    closed: bool

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the file; by an exception, without what was written."""
        if kind is not None and self.mode != "rb" and not self.closed:
            self.discard()
            self.closed = True
            return
        super().__exit__(kind, error, traceback)

    def commit(self) -> None:
        """Let show what was written, after `autocommit=False`."""
        if self._writer is not None:
            writer, self._writer = self._writer, None
            self._wait(_committed(writer))

    def discard(self) -> None:
        """Throw away what was written."""
        if self._writer is not None:
            writer, self._writer = self._writer, None
            self._wait(_discarded(writer))

    def _initiate_upload(self) -> None:
        self._writer = self._wait(self._begun())

    def _upload_chunk(self, final: bool = False) -> None:  # noqa: FBT001, FBT002 - fsspec's own signature
        writer, content = self._writer, self.buffer.getvalue()
        if writer is None:
            raise OSError(errno.EIO, "what was written was thrown away", self.path)
        try:
            self._wait(writer.write(content))
            if final and self.autocommit:
                self.commit()
        except BaseException:
            self.discard()
            raise

    async def _begun(self) -> FileWriter:
        driver = self.fs.storage()
        writer: FileWriter = await driver.writer(self.path)
        if self.mode == "ab" and await self.fs._exists(self.path):  # noqa: SLF001 - the asynchronous side of fsspec
            try:
                async with driver.reader(self.path) as chunks:
                    async for chunk in chunks:
                        await writer.write(chunk)
            except BaseException as error:
                await throw_away(writer, error)
                raise
        return writer

    def _wait(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        async def told() -> Any:
            with system_errors(self.path):
                return await coroutine

        return sync(self.fs.loop, told)


async def _committed(writer: FileWriter) -> None:
    try:
        await writer.commit()
    except BaseException as error:
        await throw_away(writer, error)
        raise
    await close_writer(writer)


async def _discarded(writer: FileWriter) -> None:
    try:
        await writer.cancel()
    finally:
        await close_writer(writer)
