"""Reading an object as a stream that goes on where a connection broke."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Final

from holdfast.storage.drivers._objectstore.bucket import PastEndError
from holdfast.storage.drivers._objectstore.retrying import pause, tell
from holdfast.storage.errors import IncompleteReadError, PathNotFoundError, PreconditionFailedError, StorageError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from holdfast.storage.drivers._objectstore.bucket import Bucket, ObjectInfo, OpenObject

__all__ = ["open_chunks", "read_whole"]

_BREAKS: Final = 5
"""How often in a row a connection may break before a byte comes."""


@asynccontextmanager
async def open_chunks(
    bucket: Bucket, key: str, *, offset: int = 0, length: int | None = None, version: str | None = None
) -> AsyncGenerator[AsyncIterator[bytes]]:
    """Open an object for streaming, as `StorageDriver.reader` has it.

    What is read is one version of the object: where the store tells versions, going on after a break asks for the same,
    once a byte of it was handed on.

    Raises:
        PreconditionFailedError: On entering: a version was asked for, and the object has another one.
    """
    async with AsyncExitStack() as stack:
        if length == 0:
            await bucket.head(key)  # it must be there, even if nothing of it is wanted
            yield _nothing()
            return
        reading = _Reading(bucket, key, offset, length, version)
        stack.push_async_callback(reading.aclose)
        try:
            await reading.open()
        except PastEndError:
            yield _nothing()
            return
        chunks = reading.chunks()
        stack.push_async_callback(chunks.aclose)
        yield chunks


async def read_whole(bucket: Bucket, key: str) -> tuple[ObjectInfo, bytes]:
    """An object's description and content, of one version.

    Raises:
        PathNotFoundError: There is no such object.
    """
    reading = _Reading(bucket, key, 0, None, None)
    async with aclosing(reading):
        await reading.open()
        async with aclosing(reading.chunks()) as chunks:
            content = b"".join([chunk async for chunk in chunks])
        return reading.info, content


class _Reading:
    """One reading of a range.

    Attributes:
        info: What is read, once it is open.
    """

    info: ObjectInfo

    def __init__(self, bucket: Bucket, key: str, offset: int, length: int | None, version: str | None) -> None:
        self._bucket = bucket
        self._key = key
        self._at = offset
        self._length = length
        self._end = 0
        self._version = version
        self._held: ObjectInfo | None = None  # what a byte was handed on of, to which the rest has to belong
        self._opened: OpenObject | None = None
        self._stack = AsyncExitStack()

    async def open(self) -> None:
        """Send the request for what is still missing."""
        self._opened = opened = await self._stack.enter_async_context(
            self._bucket.read(self._key, offset=self._at, length=self._length, version=self._version)
        )
        self.info = info = opened.info
        self._end = info.size if self._length is None else min(info.size, self._at + self._length)

    async def aclose(self) -> None:
        """Free the connection."""
        await self._stack.aclose()

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Yield all of the range, or raise."""
        breaks = 0
        while self._at < self._end:
            try:
                chunk = await self._next()
            except StorageError as error:
                breaks += 1
                if not error.retryable or breaks > _BREAKS:
                    raise
                await self._reopen(error, breaks)
                continue
            breaks = 0
            chunk = chunk[: self._end - self._at]
            self._at += len(chunk)
            self._held, self._version = self.info, self.info.version
            if self._length is not None:
                self._length -= len(chunk)
            yield chunk

    async def _next(self) -> bytes:
        if self._opened is None:
            raise IncompleteReadError(f"broke off at byte {self._at} of {self._end}")
        chunk = await anext(self._opened.chunks, b"")
        if not chunk:
            raise IncompleteReadError(f"ended at byte {self._at} of {self._end}")
        return chunk

    async def _reopen(self, error: StorageError, breaks: int) -> None:
        """Go on from where it broke off, with the same content; before the first byte, with what is there now."""
        self._opened = None
        await self._stack.aclose()
        self._stack = AsyncExitStack()
        seconds = pause(error, breaks)
        tell(error, breaks, seconds)
        await asyncio.sleep(seconds)
        end = self._end
        message = f"broke off at byte {self._at} of {self._end}, and the content isn't the same any more"
        try:
            await self.open()
        except (PathNotFoundError, PreconditionFailedError, PastEndError) as gone:
            raise IncompleteReadError(message) from gone
        # A store that tells no versions may still tell this.
        if self._held is not None and (end, self._held.modified) != (self._end, self.info.modified):
            raise IncompleteReadError(message)


async def _nothing() -> AsyncGenerator[bytes]:
    chunks: tuple[bytes, ...] = ()
    for chunk in chunks:
        yield chunk
