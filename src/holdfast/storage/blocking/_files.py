"""Files as Python knows them, over the contract's readers and writers."""

from __future__ import annotations

import io
import os
import warnings
from typing import TYPE_CHECKING, Any

from anyio import CancelScope

from holdfast.storage import ops
from holdfast.storage.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractContextManager
    from types import TracebackType

    from anyio.from_thread import BlockingPortal
    from typing_extensions import Buffer

    from holdfast.storage.driver import FileWriter, StorageDriver

__all__ = ["RawReader", "RawWriter", "ReadingFile", "WritingFile"]

_BUFFER_BYTES = 128 * 1024
"""Small reads and writes are gathered to this size before the loop's thread is asked."""


class RawReader(io.RawIOBase):
    """A file's content from a position on; a seek to elsewhere opens another reader there.

    Args:
        driver: The driver.
        portal: Where it runs.
        path: The file.
        offset: The first position.
        opened: The set that this file is in as long as it is open.
    """

    def __init__(
        self, driver: StorageDriver, portal: BlockingPortal, path: str, *, offset: int, opened: set[Any]
    ) -> None:
        super().__init__()
        self._driver = driver
        self._portal = portal
        self._path = path
        self._position = offset
        self._opened = opened
        self._chunk = memoryview(b"")
        self._stream: AbstractContextManager[object] | None = None
        self._chunks = self._enter()
        opened.add(self)

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Buffer) -> int:
        """Fill a buffer as far as the chunk at hand goes; 0 at the end."""
        if not self._chunk:
            self._chunk = memoryview(self._portal.call(_next_chunk, self._entered()))
        with memoryview(buffer).cast("B") as target:
            count = min(len(target), len(self._chunk))
            target[:count] = self._chunk[:count]
        self._take(count)
        return count

    def readall(self) -> bytes:
        """Read to the end in one go."""
        rest = bytes(self._chunk) + self._portal.call(_all_chunks, self._entered())
        self._chunk = memoryview(b"")
        self._position += len(rest)
        return rest

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a position; what is there is read with the next read. From the end, it asks for the size.

        Raises:
            ValueError: The position would be negative.
        """
        position = offset
        if whence == os.SEEK_CUR:
            position += self._position
        elif whence == os.SEEK_END:
            position += self._portal.call(self._driver.stat, self._path).size
        if position < 0:
            raise ValueError(f"negative seek position {position}")
        ahead = position - self._position
        if 0 <= ahead <= len(self._chunk):
            self._take(ahead)
        else:
            self._leave()
            self._position = position
        return position

    def tell(self) -> int:
        """The position."""
        return self._position

    def close(self) -> None:
        """Free everything; idempotent."""
        if not self.closed:
            try:
                self._leave()
            finally:
                self._opened.discard(self)
                super().close()

    def abandon(self) -> None:
        """Close a file that nobody closed."""
        self.close()

    def __del__(self) -> None:
        """Do nothing: the driver closes what it still has, and the collector may run in the loop's own thread."""

    def _take(self, count: int) -> None:
        self._chunk = self._chunk[count:]
        self._position += count

    def _entered(self) -> AsyncIterator[bytes]:
        if self._stream is None:
            self._chunks = self._enter()
        return self._chunks

    def _enter(self) -> AsyncIterator[bytes]:
        stream = self._portal.wrap_async_context_manager(self._driver.reader(self._path, offset=self._position))
        chunks = stream.__enter__()
        self._stream = stream
        return chunks

    def _leave(self) -> None:
        self._chunk = memoryview(b"")
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.__exit__(None, None, None)


class RawWriter(io.RawIOBase):
    """A write that closing commits, unless a write failed or it was cancelled.

    Args:
        driver: The driver.
        portal: Where it runs.
        path: The file.
        append: Whether it continues what is there.
        opened: The set that this file is in as long as it is open.
    """

    def __init__(
        self, driver: StorageDriver, portal: BlockingPortal, path: str, *, append: bool, opened: set[Any]
    ) -> None:
        super().__init__()
        self._portal = portal
        self._opened = opened
        self._failed = False
        self._cancelled = False
        self._writer: FileWriter = portal.call(_open_writer, driver, path, append)
        opened.add(self)

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Buffer, /) -> int:
        """Write all of it; after `cancel`, drop it."""
        with memoryview(data).cast("B") as content:
            if not self._cancelled:
                self._write(content)
            return len(content)

    def tell(self) -> int:
        """The size so far."""
        return self._writer.size

    def close(self) -> None:
        """Commit; or, if a write failed, throw away, since what is missing can't be committed. Idempotent."""
        if not self.closed:
            try:
                if self._failed:
                    self.cancel()
                elif not self._cancelled:
                    self._portal.call(_commit, self._writer)
            finally:
                self._opened.discard(self)
                super().close()

    def cancel(self) -> None:
        """Throw away what was written; idempotent."""
        if not self._cancelled:
            self._cancelled = True
            self._portal.call(_cancel, self._writer)

    def abandon(self) -> None:
        """Throw away a write that nobody closed: whether it was whole nobody knows."""
        try:
            self.cancel()
        finally:
            self.close()

    def __del__(self) -> None:
        """Do nothing: the driver closes what it still has, and the collector may run in the loop's own thread."""

    def _write(self, content: memoryview) -> None:
        try:
            self._portal.call(self._writer.write, content)
        except BaseException:
            self._failed = True
            raise


class ReadingFile(io.BufferedReader):
    """A file open for reading: `read`, `seek`, iteration over lines, and whatever takes a binary file."""

    def __init__(self, raw: RawReader) -> None:
        super().__init__(raw, _BUFFER_BYTES)

    def __del__(self) -> None:
        """Warn of a file that nobody closed."""
        _warn_if_open(self)


class WritingFile(io.BufferedWriter):
    """A file open for writing: closing it commits. Leaving its `with` block by an exception, or `cancel`, doesn't.

    A wrapper that closes this file, such as `io.TextIOWrapper`, commits in doing so: hold a `with` block on this file
    around the wrapper's.
    """

    def __init__(self, raw: RawWriter) -> None:
        super().__init__(raw, _BUFFER_BYTES)
        self._raw_writer = raw

    def cancel(self) -> None:
        """Throw away what was written, and close; after `close` it does nothing."""
        if not self.closed:
            try:
                self._raw_writer.cancel()
            finally:
                self.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Commit, or after an exception, cancel; should that fail as well, a note of the exception says so."""
        if error is None:
            self.close()
            return
        try:
            self.cancel()
        except StorageError as failure:
            error.add_note(f"throwing away what was written failed as well: {failure}")

    def __del__(self) -> None:
        """Warn of a file that nobody closed; it isn't committed."""
        _warn_if_open(self)


def _warn_if_open(file: ReadingFile | WritingFile) -> None:
    if not file.closed:
        warnings.warn(f"unclosed file {type(file).__name__}", ResourceWarning, stacklevel=2, source=file)


async def _open_writer(driver: StorageDriver, path: str, append: bool) -> FileWriter:  # noqa: FBT001 - the portal passes by position
    return await driver.writer(path, append=append)


async def _commit(writer: FileWriter) -> None:
    try:
        await writer.commit()
    except BaseException as error:
        with CancelScope(shield=True):
            await ops.throw_away(writer, error)
        raise


async def _cancel(writer: FileWriter) -> None:
    try:
        await writer.cancel()
    finally:
        await writer.close()


async def _next_chunk(chunks: AsyncIterator[bytes]) -> bytes:
    return await anext(chunks, b"")


async def _all_chunks(chunks: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in chunks])
