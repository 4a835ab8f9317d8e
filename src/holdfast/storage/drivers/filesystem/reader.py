"""Streaming reads: one open file, one chunk ahead."""

from __future__ import annotations

import asyncio
import os
import stat
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from holdfast.storage.drivers._tasks import settled
from holdfast.storage.drivers.filesystem._errors import reading_error
from holdfast.storage.drivers.filesystem._root import READ
from holdfast.storage.drivers.filesystem._threads import INLINE_BYTES
from holdfast.storage.errors import IncompleteReadError, PathNotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from holdfast.storage.drivers.filesystem._root import Root
    from holdfast.storage.drivers.filesystem._threads import Threads

__all__ = ["open_chunks", "open_regular"]

CHUNK_BYTES: Final = 1024 * 1024
"""What is read at once. The chunk that the caller has and the one being read are all the memory that a read takes."""


def open_regular(root: Root, path: str, flags: int) -> tuple[int, os.stat_result]:
    """Open a file; the caller closes it.

    Raises:
        PathNotFoundError: Nothing is there, or something that isn't a regular file.
        StorageError: As the table of errors says.
    """
    try:
        fd = root.open(path, flags)
        try:
            status = os.fstat(fd)
        except BaseException:
            os.close(fd)
            raise
    except OSError as error:
        raise reading_error(error, path) from error
    if not stat.S_ISREG(status.st_mode):
        os.close(fd)
        raise PathNotFoundError("is a directory" if stat.S_ISDIR(status.st_mode) else "not a regular file", path=path)
    return fd, status


@asynccontextmanager
async def open_chunks(
    root: Root, threads: Threads, path: str, *, offset: int, length: int | None
) -> AsyncGenerator[AsyncIterator[bytes]]:
    """Open a file for streaming; its size is taken once, and what is read is the file that was opened.

    The file is closed on leaving, after a read that is still running in a thread has ended.
    """
    fd, status = open_regular(root, path, READ)
    try:
        end = status.st_size if length is None else min(status.st_size, offset + length)
        chunks = _chunks(fd, threads, path, offset, end)
        try:
            yield chunks
        finally:
            await chunks.aclose()
    finally:
        os.close(fd)


async def _chunks(fd: int, threads: Threads, path: str, offset: int, end: int) -> AsyncGenerator[bytes]:
    if end - offset <= INLINE_BYTES:
        if offset < end:
            yield _read(fd, path, offset, end)
        return
    reading = asyncio.wrap_future(threads.submit(_read, fd, path, offset, end))
    try:
        while offset < end:
            await settled(reading)
            chunk = reading.result()
            offset += len(chunk)
            if offset < end:
                reading = asyncio.wrap_future(threads.submit(_read, fd, path, offset, end))
            yield chunk
    finally:
        await settled(reading)
        reading.exception()  # what the caller no longer waits for is nobody's error


def _read(fd: int, path: str, offset: int, end: int) -> bytes:
    try:
        chunk = os.pread(fd, min(CHUNK_BYTES, end - offset), offset)
    except OSError as error:
        raise reading_error(error, path) from error
    if not chunk:
        raise IncompleteReadError(f"ended at {offset}, not at {end}", path=path)
    return chunk
