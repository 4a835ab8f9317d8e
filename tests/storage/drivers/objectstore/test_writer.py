import asyncio
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.storage.driver import Buffer
from holdfast.storage.drivers._objectstore.bucket import Part
from holdfast.storage.drivers._objectstore.driver import ObjectStoreDriver
from holdfast.storage.errors import (
    AccessDeniedError,
    StorageFullError,
    StorageUnavailableError,
    UnexpectedStorageError,
    WriterClosedError,
)
from holdfast.testing.suite.examples import example_settings
from tests.storage.drivers.objectstore.faults import NthFault, once
from tests.storage.drivers.objectstore.memory_bucket import MemoryBucket, Store
from tests.storage.drivers.objectstore.stage import (
    PATH,
    SMALL,
    content,
    land,
    opened,
    text,
    unfinished,
)

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("small_sizes")]

_RECORD = ".uploads~/a/b~"


def _sizes(store: Store) -> list[int]:
    """The sizes of the parts that the one upload has."""
    (upload,) = store.uploads.values()
    return [len(content) for content, _ in upload.parts.values()]


# Appending ----------------------------------------------------------------------------------------


@example_settings(60)
@given(
    writes=st.lists(st.integers(0, 40), max_size=8),
    old=st.none() | st.integers(0, 100),
    chunksize=st.sampled_from([1, 4, 8, 30]),
    limits=st.sampled_from(
        [{}, {"equal_parts": True}, {"copy_part": None}, {"create_only": False, "match_version": False}]
    ),
)
def test_content_is_what_was_written(
    *, writes: list[int], old: int | None, chunksize: int, limits: dict[str, Any]
) -> None:
    """However content is cut into writes and sessions, on whatever store, appended or not: it is what was written."""

    async def write() -> None:
        store = Store()
        if old is not None:
            MemoryBucket(store).keep(PATH[1:], text(old))
        written = old or 0
        for number, size in enumerate(writes):
            driver = opened(store, chunksize=chunksize, **limits)
            writer = await driver.writer(PATH, append=number > 0 or old is not None)
            assert writer.size == written
            await writer.write(bytearray(text(size, written)))
            written += size
            await writer.close()
            await driver.aclose()
            assert await unfinished(store) == text(written)
        assert await content(store) == (text(old) if old is not None else None)

    asyncio.run(write())


class _Slow(MemoryBucket):
    """Takes its time for parts, and tells how many bytes of them are on their way."""

    flying = most = 0

    async def put_part(self, key: str, upload_id: str, number: int, content: Buffer) -> Part:
        """As always, but slowly."""
        self.flying += len(content)
        self.most = max(self.most, self.flying)
        for _ in range(20):
            await asyncio.sleep(0)
        self.flying -= len(content)
        return await super().put_part(key, upload_id, number, content)


async def test_parts_leave_while_content_comes(store: Store) -> None:
    """A part goes out as soon as it is full, several at a time; what is on its way at once is bounded."""
    bucket = _Slow(store, SMALL)
    driver = ObjectStoreDriver("memory-bucket", bucket, rootdirectory="", chunksize=8)
    writer = await driver.writer(PATH)
    await writer.write(text(90))
    await asyncio.sleep(0)
    held = 90 - sum(_sizes(store)) - bucket.flying
    await writer.commit()

    assert held < 8
    assert bucket.most == 24
    assert await content(store) == text(90)


async def test_mutable_content_is_copied(driver: ObjectStoreDriver, store: Store) -> None:
    """What the caller does to its buffer afterwards changes nothing."""
    writer = await driver.writer(PATH)
    buffer = bytearray(text(20))
    await writer.write(buffer)
    buffer[:] = b"x" * 20
    await writer.write(memoryview(text(4, 20)))
    await writer.commit()

    assert await content(store) == text(24)


async def test_cancelled_write_has_accepted_what_it_says(driver: ObjectStoreDriver, store: Store) -> None:
    """After a cancellation `size` tells from where to go on; going on gives the same content."""
    for steps in range(40):
        writer = await driver.writer(PATH)
        writing = asyncio.ensure_future(writer.write(text(90)))
        for _ in range(steps):
            await asyncio.sleep(0)
        writing.cancel()
        await asyncio.wait({writing})
        await writer.write(text(90 - writer.size, writer.size))
        await writer.commit()

        assert await content(store) == text(90)


@pytest.mark.parametrize("end", ["close", "commit", "cancel"])
async def test_cancelled_end_has_happened(driver: ObjectStoreDriver, store: Store, end: str) -> None:
    """Whoever is cancelled while a write ends finds that it has ended, as a whole."""
    expected = {"close": (None, text(15)), "commit": (text(15), None), "cancel": (None, None)}
    for steps in range(30):
        store.objects.clear()
        writer = await driver.writer(PATH)
        await writer.write(text(15))
        ending = asyncio.ensure_future(getattr(writer, end)())
        for _ in range(steps):
            await asyncio.sleep(0)
        ending.cancel()
        await asyncio.wait({ending})
        if steps == 0:  # it had not even begun
            await getattr(writer, end)()

        assert expected[end] == (await content(store), await unfinished(store))
        assert (writer.resume_token is not None) == (end == "close")


async def test_cancelled_while_its_upload_begins(driver: ObjectStoreDriver, store: Store) -> None:
    """An upload is known to its writer however early that is cancelled, and so is thrown away with it."""
    for steps in range(30):
        writer = await driver.writer(PATH)
        writing = asyncio.ensure_future(writer.write(text(9)))
        for _ in range(steps):
            await asyncio.sleep(0)
        writing.cancel()
        await asyncio.wait({writing})
        await writer.cancel()

        assert {} == store.uploads


async def test_largest_object(driver: ObjectStoreDriver, store: Store) -> None:
    """The largest object of the store can be written, to the byte; one byte more is refused before it is accepted."""
    writer = await driver.writer(PATH)
    await writer.write(text(1000))
    await writer.write(b"")
    with pytest.raises(StorageFullError):
        await writer.write(b"x")
    await writer.close()

    assert writer.size == 1000
    assert await unfinished(store) == text(1000)


async def test_most_parts(store: Store) -> None:
    """As many equal parts as there may be are filled to the last byte; one more is refused, and says what to do."""
    driver = opened(store, equal_parts=True, max_parts=5)
    writer = await driver.writer(PATH)
    await writer.write(text(40))
    with pytest.raises(StorageFullError, match="chunksize"):
        await writer.write(b"x")
    await writer.close()
    writer = await driver.writer(PATH, append=True)
    await writer.commit()

    assert await content(store) == text(40)


# Errors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "raised"), [(AccessDeniedError, AccessDeniedError), (RuntimeError, UnexpectedStorageError)]
)
async def test_part_that_fails(
    driver: ObjectStoreDriver, store: Store, error: type[Exception], raised: type[Exception]
) -> None:
    """Whatever a part fails with, the write fails: content that lacks a part is never committed."""
    writer = await driver.writer(PATH)
    await writer.write(text(16))
    await land(writer)
    store.fail = once("put_part", "before", error)
    await writer.write(text(16, 16))
    with pytest.raises(raised):
        await writer.commit()
    await writer.close()

    assert await content(store) is None
    assert await unfinished(store) == text(16)


async def test_part_that_is_called_back(driver: ObjectStoreDriver, store: Store) -> None:
    """A part whose task is cancelled, as all are when a loop ends, is missing, and so nothing is committed."""
    before = asyncio.all_tasks()
    writer = await driver.writer(PATH)
    await writer.write(text(9))
    for task in asyncio.all_tasks() - before:
        task.cancel()
    with pytest.raises(UnexpectedStorageError):
        await writer.commit()
    await writer.close()

    assert await content(store) is None
    assert await unfinished(store) == b""


async def test_part_that_is_missing_for_no_reason(driver: ObjectStoreDriver, store: Store) -> None:
    """Whatever we have overlooked: parts that are fewer bytes than were accepted don't become content."""
    writer = await driver.writer(PATH)
    await writer.write(text(20))
    await land(writer)
    del cast("Any", writer)._sender._parts[1]
    with pytest.raises(UnexpectedStorageError):
        await writer.commit()
    await writer.cancel()

    assert await content(store) is None


async def test_after_an_error_a_writer_only_ends(driver: ObjectStoreDriver, store: Store) -> None:
    """Whoever didn't look at an error can't append at the wrong place after it; what was accepted is kept."""
    writer = await driver.writer(PATH)
    store.fail = once("begin_upload", "before", AccessDeniedError)
    with pytest.raises(AccessDeniedError):
        await writer.write(text(30))
    accepted = writer.size
    with pytest.raises(WriterClosedError):
        await writer.write(b"more")
    with pytest.raises(WriterClosedError):
        await writer.commit()
    await writer.close()

    assert accepted == 8
    assert await unfinished(store) == text(8)


@pytest.mark.parametrize("size", [3, 7, 8, 15, 20])
async def test_failed_commit_keeps_all(driver: ObjectStoreDriver, store: Store, size: int) -> None:
    """A commit that fails loses nothing: closed, the write can be continued and committed."""
    writer = await driver.writer(PATH)
    await writer.write(text(size))
    await land(writer)
    store.fail = NthFault(0, times=6)
    with pytest.raises(StorageUnavailableError):
        await writer.commit()
    store.fail = Store().fail
    await writer.close()

    assert await content(store) is None
    assert await unfinished(store) == text(size)


@pytest.mark.parametrize("op", ["put_part", "begin_upload"])
@pytest.mark.parametrize("error", [AccessDeniedError, StorageUnavailableError])
async def test_rest_that_can_not_be_sent_goes_into_the_record(
    driver: ObjectStoreDriver, store: Store, op: str, error: type[Exception]
) -> None:
    """Closing keeps all as long as it can write the record, and so nobody needs to hear of it."""
    writer = await driver.writer(PATH)
    await writer.write(text(7))

    def fail(now: str, _when: str, _key: str) -> None:
        if now == op:
            raise error

    store.fail = fail
    await writer.close()
    store.fail = Store().fail

    assert writer.resume_token is not None
    assert await unfinished(store) == text(7)


async def test_record_keeps_what_it_held(driver: ObjectStoreDriver, store: Store) -> None:
    """Bytes of an earlier session stay where they were when the part that they went into doesn't arrive."""
    writer = await driver.writer(PATH)
    await writer.write(text(3))
    await writer.close()
    token = writer.resume_token
    writer = await driver.writer(PATH, append=True)
    store.fail = once("put_part", "before", AccessDeniedError)
    await writer.write(text(20, 3))
    with pytest.raises(AccessDeniedError):
        await writer.close()

    assert (3, token) == (writer.size, writer.resume_token)
    assert await unfinished(store) == text(3)
    assert {} == store.uploads


@pytest.mark.parametrize("end", ["write", "commit", "cancel"])
async def test_ended_writer(driver: ObjectStoreDriver, end: str) -> None:
    """After any end only `close` does nothing; the rest says that the writer is closed."""
    sizes = []
    for first in ("close", "commit", "cancel"):
        writer = await driver.writer(PATH)
        await writer.write(b"x")
        await getattr(writer, first)()
        await writer.close()
        with pytest.raises(WriterClosedError):
            await (writer.write(b"y") if end == "write" else getattr(writer, end)())
        sizes.append(writer.size)

    assert sizes == [1, 1, 1]
