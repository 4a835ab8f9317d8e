import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.storage.drivers._objectstore.bucket import Bucket, ObjectInfo, OpenObject
from holdfast.storage.drivers._objectstore.reader import open_chunks, read_whole
from holdfast.storage.drivers._objectstore.retrying import RetryingBucket
from holdfast.storage.errors import (
    AccessDeniedError,
    IncompleteReadError,
    PathNotFoundError,
    StorageError,
    StorageTimeoutError,
    StorageUnavailableError,
)
from holdfast.testing.suite.examples import example_settings
from tests.storage.drivers.objectstore.memory_bucket import MemoryBucket, Store

pytestmark = pytest.mark.anyio

_CONTENT = bytes(range(256)) * 4
_OTHER = _CONTENT[::-1]


class _Breaking(MemoryBucket):
    """Its connections give so many bytes each, in small chunks, and then break; or they just end."""

    def __init__(self, store: Store, gives: Iterator[int], error: StorageError | None = None) -> None:
        super().__init__(store)
        self.open = 0
        self.asked: list[tuple[int, int | None, str | None]] = []
        self.between: Callable[[], object] = lambda: None
        self._gives = gives
        self._error = error

    @asynccontextmanager
    async def read(
        self, key: str, *, offset: int = 0, length: int | None = None, version: str | None = None
    ) -> AsyncIterator[OpenObject]:
        """As of any object, but for its end."""
        self.asked.append((offset, length, version))
        async with super().read(key, offset=offset, length=length, version=version) as opened:
            self.open += 1
            try:
                yield OpenObject(self.info(opened.info), self._some(opened.chunks))
            finally:
                self.open -= 1

    def info(self, info: ObjectInfo) -> ObjectInfo:
        """What is told of it."""
        return info

    async def _some(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        left = next(self._gives, len(_CONTENT))
        async for chunk in chunks:
            for start in range(0, len(chunk), 100):
                piece = chunk[start : start + min(100, left)]
                left -= len(piece)
                if piece:
                    yield piece
                if not left:
                    self.between()
                    if self._error is not None:
                        raise self._error
                    return


class _Untold(_Breaking):
    """It tells no versions, and asking for one would be wrong."""

    def info(self, info: ObjectInfo) -> ObjectInfo:
        """Without a version."""
        return ObjectInfo(info.key, info.size, info.modified)


def _bucket(*gives: int, error: StorageError | None = None, kind: type[_Breaking] = _Breaking) -> _Breaking:
    bucket = kind(Store(), iter(gives), error)
    bucket.keep("a", _CONTENT)
    return bucket


async def _collect(bucket: Bucket, found: list[bytes], offset: int = 0, length: int | None = None) -> None:
    async with open_chunks(RetryingBucket(bucket), "a", offset=offset, length=length) as chunks:
        async for chunk in chunks:
            found.append(chunk)  # noqa: PERF401 - what came before an error counts


async def _read(bucket: Bucket, offset: int = 0, length: int | None = None) -> bytes:
    found: list[bytes] = []
    await _collect(bucket, found, offset, length)
    return b"".join(found)


@example_settings(100)
@given(
    gives=st.lists(st.integers(1, 400), max_size=10),
    offset=st.integers(0, 1100),
    length=st.none() | st.integers(0, 1100),
    ends=st.booleans(),
)
def test_content_is_whole_wherever_connections_break(
    gives: list[int], offset: int, length: int | None, *, ends: bool
) -> None:
    """Any range is read in whole through any breaks, each time going on with what is missing of the same version."""
    bucket = _bucket(*gives, error=None if ends else StorageTimeoutError())
    version = bucket.store.objects["a"].version
    end = None if length is None else offset + length

    assert _CONTENT[offset:end] == asyncio.run(_read(bucket, offset, length))
    assert bucket.open == 0
    assert [version] * len(bucket.asked[1:]) == [asked[2] for asked in bucket.asked[1:]]


async def test_what_is_asked_for() -> None:
    """Each request asks for the rest, of the range that was asked for; a range is never widened."""
    bucket = _bucket(150, 0, 50)
    version = bucket.store.objects["a"].version
    content = await _read(bucket, 100, 300)

    assert content == _CONTENT[100:400]
    assert bucket.asked == [(100, 300, None), (250, 150, version), (250, 150, version), (300, 100, version)]


@pytest.mark.parametrize(("offset", "length"), [(1024, None), (1025, None), (2000, 5), (0, 0), (2000, 0)])
async def test_nothing_to_read(offset: int, length: int | None) -> None:
    """Past the end is nothing, and so is a length of 0; one request finds that out."""
    bucket = _bucket()

    assert await _read(bucket, offset, length) == b""
    assert bucket.store.calls.total() == 1


async def test_empty_object() -> None:
    """An empty object reads as nothing, from any offset."""
    bucket = _bucket()
    bucket.keep("a", b"")

    assert [b"", b"", b""] == [await _read(bucket), await _read(bucket, 0, 5), await _read(bucket, 5)]


@pytest.mark.parametrize("length", [None, 0, 5])
async def test_missing_object(length: int | None) -> None:
    """A missing object is told on entering, even if nothing of it was to be read."""
    reader = open_chunks(_bucket(), "b", offset=0, length=length)
    with pytest.raises(PathNotFoundError):
        await reader.__aenter__()


@pytest.mark.parametrize("replacement", [_OTHER, _OTHER * 2, b"short", b"", None])
@pytest.mark.parametrize("kind", [_Breaking, _Untold])
async def test_replaced_or_deleted_while_reading(replacement: bytes | None, kind: type[_Breaking]) -> None:
    """After a break the content of another moment is never gone on with: the read is incomplete."""
    bucket = _bucket(300, kind=kind)

    def replace() -> None:
        bucket.store.objects.pop("a")
        if replacement is not None:
            bucket.keep("a", replacement)

    bucket.between = replace
    found: list[bytes] = []
    with pytest.raises(IncompleteReadError):
        await _collect(bucket, found)

    assert b"".join(found) == _CONTENT[:300]
    assert bucket.open == 0


@pytest.mark.parametrize("replacement", [_OTHER, _OTHER * 2, b"short", b""])
@pytest.mark.parametrize("kind", [_Breaking, _Untold])
async def test_replaced_before_the_first_byte(replacement: bytes, kind: type[_Breaking]) -> None:
    """Where nothing was handed on yet, a break is followed by what is there now, whole and with its own description."""
    bucket = _bucket(0, 4096, kind=kind)
    bucket.between = partial(bucket.keep, "a", replacement)
    info, content = await read_whole(RetryingBucket(bucket), "a")

    assert (len(replacement), replacement) == (info.size, content)


async def test_another_version_was_asked_for() -> None:
    """Who asked for a version never gets another one."""
    bucket = _bucket(0)
    version = bucket.store.objects["a"].version
    bucket.between = partial(bucket.keep, "a", _OTHER)
    with pytest.raises(IncompleteReadError):
        async with open_chunks(RetryingBucket(bucket), "a", version=version) as chunks:
            await anext(chunks)


async def test_replaced_while_reading_without_a_break() -> None:
    """A connection that doesn't break gives the content that it was opened on."""
    bucket = _bucket()
    async with open_chunks(RetryingBucket(bucket), "a") as chunks:
        first = await anext(chunks)
        bucket.keep("a", _OTHER)
        rest = [chunk async for chunk in chunks]

    assert first + b"".join(rest) == _CONTENT


async def test_five_breaks_in_a_row_without_a_byte() -> None:
    """Five times in a row a connection may break before a byte comes; any byte begins the count anew."""
    bucket = _bucket(*[0] * 5, 1, *[0] * 4, 1, *[0] * 4)

    assert await _read(bucket) == _CONTENT


@pytest.mark.parametrize("error", [None, StorageUnavailableError("broke")])
async def test_sixth_break_in_a_row(error: StorageError | None) -> None:
    """The sixth gives up, with what broke it, or with how far it came."""
    bucket = _bucket(100, *[0] * 6, error=error)
    with pytest.raises(type(error) if error else IncompleteReadError, match="broke" if error else "byte 100 of 1024"):
        await _read(bucket)

    assert len(bucket.asked) == 6
    assert bucket.open == 0


async def test_failure_that_will_not_pass() -> None:
    """What can't be mended by asking again isn't asked again."""
    bucket = _bucket(100, error=AccessDeniedError())
    with pytest.raises(AccessDeniedError):
        await _read(bucket)

    assert len(bucket.asked) == 1


@pytest.mark.parametrize("gives", [(), (50, 70)])
@pytest.mark.parametrize("how", ["break", "raise", "cancel"])
async def test_leaving_early_frees_the_connection(gives: tuple[int, ...], how: str) -> None:
    """Whoever leaves, in whatever way, leaves no connection open."""
    bucket = _bucket(*gives)
    held = asyncio.Event()

    async def leave() -> None:
        async with open_chunks(RetryingBucket(bucket), "a") as chunks:
            read = 0
            async for chunk in chunks:
                read += len(chunk)
                if read >= 140:
                    held.set()
                    if how == "raise":
                        raise KeyError
                    if how == "break":
                        return
                    await asyncio.Event().wait()

    task = asyncio.ensure_future(leave())
    await held.wait()
    if how == "cancel":
        assert bucket.open == 1
        task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert bucket.open == 0
    assert task.cancelled() == (how == "cancel")


async def test_cancelled_at_any_moment() -> None:
    """A reader that is cancelled while it opens, reads, waits to go on or goes on leaves no connection open."""
    for steps in range(200):
        bucket = _bucket(150, 0, 20, error=StorageTimeoutError() if steps % 2 else None)
        task = asyncio.ensure_future(_read(bucket))
        for _ in range(steps):
            await asyncio.sleep(0)
        finished = task.done()
        task.cancel()
        await asyncio.wait({task})

        assert bucket.open == 0
        if finished:
            assert task.result() == _CONTENT
            return
    pytest.fail("it never came to an end")


async def test_more_than_was_asked_for() -> None:
    """A store that gives more than the range gives no more through us."""

    class Generous(MemoryBucket):
        @asynccontextmanager
        async def read(self, key: str, **arguments: Any) -> AsyncIterator[OpenObject]:
            async with super().read(key, offset=arguments["offset"]) as opened:
                yield opened

    bucket = Generous(Store())
    bucket.keep("a", _CONTENT)

    assert await _read(bucket, 100, 50) == _CONTENT[100:150]


async def test_read_whole() -> None:
    """A small object comes whole with its description, through breaks; what ends early doesn't count as whole."""
    bucket = _bucket(*(random.Random(0).randrange(1, 300) for _ in range(5)))
    info, content = await read_whole(RetryingBucket(bucket), "a")

    assert content == _CONTENT
    assert info == await bucket.head("a")
    bucket.keep("a", b"")
    assert (await read_whole(bucket, "a"))[1] == b""
    with pytest.raises(PathNotFoundError):
        await read_whole(bucket, "b")
