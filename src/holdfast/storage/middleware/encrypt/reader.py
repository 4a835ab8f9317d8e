"""Reading ranges of encrypted files."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Final

from holdfast.storage.errors import IncompleteReadError
from holdfast.storage.middleware.encrypt.sealing import (
    HEADER_BYTES,
    SEALED_BYTES,
    SLOT_BYTES,
    BrokenSealError,
    FileKey,
    content_bytes,
    has_map,
    key_id,
    map_bytes,
    slots_of,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from holdfast.storage.driver import StorageDriver
    from holdfast.storage.middleware.encrypt.keys import Keys
    from holdfast.storage.middleware.encrypt.sealing import Layout, Run

__all__ = ["SealedFiles"]

_AT_ONCE: Final = 16
"""Slots that are decrypted before others have a turn: half a millisecond."""

_MAP_GUESS: Final = 4096
_ATTEMPTS: Final = 3
_NEVER: Final = 1 << 62


class SealedFiles:
    """The encrypted files of a store, to be read.

    Args:
        inner: The store.
        keys: The operator's keys.
        reads_plaintext: Whether files that aren't encrypted are read as they are.
    """

    def __init__(self, inner: StorageDriver, keys: Keys, *, reads_plaintext: bool) -> None:
        self._inner = inner
        self._keys = keys
        self._reads_plaintext = reads_plaintext

    def is_plaintext(self, start: bytes) -> bool:
        """Whether a file that begins like this is to be read as it is."""
        return self._reads_plaintext and key_id(start[:HEADER_BYTES]) is None

    async def content_bytes(self, path: str, size: int) -> int:
        """How long the content of a file of so many bytes is; only for a few files something must be read for that."""
        if self._reads_plaintext and self.is_plaintext(await self.read(path, 0, HEADER_BYTES)):
            return size
        return (await self._layout(path, size)).size if has_map(size) else content_bytes(size)

    @asynccontextmanager
    async def reader(self, path: str, offset: int, length: int | None) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a range; see `StorageDriver.reader`."""
        async with AsyncExitStack() as stack:
            reading = _Reading(self, self._inner, path, offset, length)
            if length == 0 or not await reading.enter(stack):
                await stack.aclose()
                yield await stack.enter_async_context(self._inner.reader(path, offset=offset, length=length))
                return
            yield await stack.enter_async_context(aclosing(reading.content()))

    def key_in(self, header: bytes) -> FileKey:
        """The key of the file that begins with a header."""
        return FileKey.read(self._keys, header)

    async def key(self, path: str) -> FileKey:
        """Read the key of a file."""
        return self.key_in(await self.read(path, 0, HEADER_BYTES))

    async def layout(self, path: str) -> Layout | None:
        """Read which part of a file's content lies where; `None` for a file without dead slots."""
        size = (await self._inner.stat(path)).size
        return await self._layout(path, size) if has_map(size) else None

    async def require_end(self, path: str, key: FileKey, number: int) -> None:
        """Make sure that a file ends before a slot, and hasn't been cut off there.

        Raises:
            BrokenSealError: It has, or it is one with dead slots.
            IncompleteReadError: It is longer: it has been replaced meanwhile.
        """
        last = slots_of(content_bytes((await self._inner.stat(path)).size)) - 1
        if last >= number:
            raise IncompleteReadError("the file was replaced while it was read", path=path)
        slot = await self.read(path, HEADER_BYTES + last * SEALED_BYTES, SEALED_BYTES)
        key.open(last, last, slot, is_last=True)

    async def read(self, path: str, offset: int, length: int) -> bytes:
        """Read a range of a file as it lies in the store."""
        async with self._inner.reader(path, offset=offset, length=length) as chunks:
            return b"".join([chunk async for chunk in chunks])

    async def _layout(self, path: str, size: int) -> Layout:
        key = await self.key(path)
        guess = min(size, _MAP_GUESS)
        end = await self.read(path, size - guess, guess)
        if len(end) == guess and (whole := min(size, map_bytes(end))) > guess:
            end = await self.read(path, size - whole, whole)
        return key.open_map(end)


class _Reading:
    """One reader: its place in the content, its key, and the stream that it reads from.

    That the file has dead slots shows when a slot doesn't open: they are rare, and a request to find out isn't free.
    """

    def __init__(self, files: SealedFiles, inner: StorageDriver, path: str, offset: int, length: int | None) -> None:
        self._files = files
        self._inner = inner
        self._path = path
        self._first = self._next = offset // SLOT_BYTES
        self._end = _NEVER if length is None else (offset + length - 1) // SLOT_BYTES + 1
        self._skip = offset - self._first * SLOT_BYTES
        self._left = _NEVER if length is None else length
        self._begun = b""

    async def enter(self, stack: AsyncExitStack) -> bool:
        """Open the stream and read the header; `False` where the file is to be read as it is."""
        if self._first > 0:
            header = await self._files.read(self._path, 0, HEADER_BYTES)
            if self._files.is_plaintext(header):
                return False
            self._chunks = await stack.enter_async_context(self._slots_reader(with_header=False))
        else:
            self._chunks = await stack.enter_async_context(self._slots_reader(with_header=True))
            header = await self._take_header()
            if self._files.is_plaintext(header):
                return False
        self._key = self._files.key_in(header)
        return True

    async def content(self) -> AsyncGenerator[bytes, None]:
        """Yield the content of the range."""
        async with aclosing(self._healed()) as parts:
            async for content in parts:
                part = content[self._skip : self._skip + self._left]
                self._skip = max(0, self._skip - len(content))
                self._left -= len(part)
                if part:
                    yield part
                if not self._left:
                    return

    def _slots_reader(self, *, with_header: bool) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        start = 0 if with_header else HEADER_BYTES + self._first * SEALED_BYTES
        length = None if self._end == _NEVER else HEADER_BYTES + self._end * SEALED_BYTES - start
        return self._inner.reader(self._path, offset=start, length=length)

    async def _take_header(self) -> bytes:
        begun = b""
        while len(begun) < HEADER_BYTES and (chunk := await anext(self._chunks, None)) is not None:
            begun += chunk
        self._begun = begun[HEADER_BYTES:]
        return begun[:HEADER_BYTES]

    async def _healed(self) -> AsyncGenerator[bytes, None]:
        """Yield the content of the slots, of a file with dead slots or one that was replaced just now as well."""
        try:
            async with aclosing(self._slots(self._chunks)) as slots:
                async for content in slots:
                    yield content
        except BrokenSealError:
            layout = await self._files.layout(self._path)
            if layout is None and not await self._is_replaced():
                raise
        else:
            return
        async with aclosing(self._from_anew() if layout is None else self._mapped(layout)) as slots:
            async for content in slots:
                yield content

    async def _slots(self, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        """Yield the content of slots that lie one after the other; the one with which the stream ends is the last."""
        pending, self._begun = bytearray(self._begun), b""
        while self._next < self._end:
            while len(pending) < SEALED_BYTES and (chunk := await anext(chunks, None)) is not None:
                pending += chunk
            count = min(_AT_ONCE, len(pending) // SEALED_BYTES, self._end - self._next)
            if count:
                content = _opened(self._key, self._next, self._next, pending, count)
                self._next += count
                yield content
                continue
            if pending or not self._first or self._next > self._first:
                yield self._key.open(self._next, self._next, pending, is_last=True)
            else:
                await self._files.require_end(self._path, self._key, self._next)
            return

    async def _mapped(self, layout: Layout) -> AsyncGenerator[bytes, None]:
        """Go on with a file that has dead slots."""
        count = slots_of(layout.size)
        self._key = await self._files.key(self._path)
        for number, run in layout.runs(self._next, min(count, self._end)):
            start, size = HEADER_BYTES + run.first * SEALED_BYTES, layout.sealed_bytes(number, run.count)
            async with (
                self._inner.reader(self._path, offset=start, length=size) as chunks,
                aclosing(self._run(chunks, number, run, ends=number + run.count == count)) as slots,
            ):
                async for content in slots:
                    yield content

    async def _run(
        self, chunks: AsyncIterator[bytes], number: int, run: Run, *, ends: bool
    ) -> AsyncGenerator[bytes, None]:
        pending, done, whole = bytearray(), 0, run.count - ends
        async for chunk in chunks:
            pending += chunk
            while (count := min(_AT_ONCE, len(pending) // SEALED_BYTES, whole - done)) > 0:
                content = _opened(self._key, run.first + done, number + done, pending, count)
                done += count
                yield content
        if done < whole:
            raise BrokenSealError("the file ended before its last slot")
        if ends:
            yield self._key.open(run.first + whole, number + whole, pending, is_last=True)

    async def _from_anew(self) -> AsyncGenerator[bytes, None]:
        """Read the file that took the place of the one whose header was read."""
        for left in reversed(range(_ATTEMPTS)):
            self._key = await self._files.key(self._path)
            async with self._slots_reader(with_header=False) as chunks, aclosing(self._slots(chunks)) as slots:
                try:
                    async for content in slots:
                        yield content
                except BrokenSealError:
                    if not left or not await self._is_replaced():
                        raise
                    continue
            return

    async def _is_replaced(self) -> bool:
        """Whether another file came between the header and the first slot; then nothing was yielded yet."""
        is_apart = self._first > 0 and self._next == self._first
        return is_apart and (await self._files.read(self._path, 0, HEADER_BYTES)) != self._key.header


def _opened(key: FileKey, place: int, number: int, pending: bytearray, count: int) -> bytes:
    """Take so many slots from the beginning, and decrypt them."""
    size = count * SEALED_BYTES
    with memoryview(pending) as view, view[:size] as slots:
        content = key.open_run(place, number, slots)
    del pending[:size]
    return content
