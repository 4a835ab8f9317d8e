import asyncio
from collections.abc import Sequence

import pytest

from holdfast.storage.drivers._objectstore.bucket import Part
from holdfast.storage.drivers._objectstore.driver import ObjectStoreDriver
from holdfast.storage.errors import (
    AccessDeniedError,
    InvalidPathError,
    InvalidResumeTokenError,
    WriteConflictError,
)
from tests.storage.drivers.objectstore.faults import once
from tests.storage.drivers.objectstore.memory_bucket import MemoryBucket, Store
from tests.storage.drivers.objectstore.stage import PATH, bucket_of, content, text, unfinished

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("small_sizes")]


async def test_one_of_many_that_append_at_once(driver: ObjectStoreDriver) -> None:
    """Of those that open a write to go on with it at the same moment one gets it; the others are told at once."""
    writer = await driver.writer(PATH)
    await writer.write(text(20))
    await writer.close()
    opening = [driver.writer(PATH, append=True) for _ in range(5)]
    found = await asyncio.gather(*opening, return_exceptions=True)
    (got,) = [one for one in found if not isinstance(one, BaseException)]

    assert [WriteConflictError] * 4 == [type(one) for one in found if one is not got]
    await got.cancel()


async def test_last_of_many_that_begin_at_once(driver: ObjectStoreDriver, store: Store) -> None:
    """Of those that begin anew at the same moment the last one has the path; the others are told when they commit."""
    writers = await asyncio.gather(*(driver.writer(PATH) for _ in range(4)))

    async def write(number: int) -> int:
        try:
            await writers[number].write(bytes([number]) * 20)
            await writers[number].commit()
        except WriteConflictError:
            return -1
        finally:
            await asyncio.gather(writers[number].close(), return_exceptions=True)
        return number

    told = await asyncio.gather(*(write(number) for number in range(4)))

    assert 3 == told.count(-1)
    assert await content(store) == bytes([max(told)]) * 20
    assert ({}, 1) == (store.uploads, len(store.objects))


async def test_beginning_anew_waits_for_an_end(driver: ObjectStoreDriver, store: Store) -> None:
    """A write that begins while the one before is being committed isn't undone by what that one still clears up."""
    for steps in range(60):
        writer = await driver.writer(PATH)
        await writer.write(text(20))
        await writer.close()
        first = await driver.writer(PATH, append=True)
        ending = asyncio.ensure_future(first.commit())
        for _ in range(steps):
            await asyncio.sleep(0)
        second = await driver.writer(PATH)
        await second.write(b"second")
        await second.close()
        await asyncio.gather(ending, return_exceptions=True)
        await first.close()

        assert await unfinished(store) == b"second"


async def test_beginning_anew_waits_for_a_record_to_go(
    driver: ObjectStoreDriver, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deletion of the record of a committed write never hits the record of the next one, however late it is."""
    writer = await driver.writer(PATH)
    await writer.write(text(20))
    await writer.close()
    first = await driver.writer(PATH, append=True)
    entered, gate = asyncio.Event(), asyncio.Event()
    delete = bucket_of(driver).delete

    async def late(key: str) -> None:
        if not entered.is_set():
            entered.set()
            await gate.wait()
        await delete(key)

    monkeypatch.setattr(bucket_of(driver), "delete", late)
    ending = asyncio.ensure_future(first.commit())
    await entered.wait()

    async def begin() -> None:
        second = await driver.writer(PATH)
        await second.write(b"second")
        await second.close()

    beginning = asyncio.ensure_future(begin())
    for _ in range(100):
        await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(ending, beginning)

    assert await content(store) == text(20)
    assert await unfinished(store) == b"second"


async def test_appending_does_not_wait_for_an_end(
    driver: ObjectStoreDriver, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who appends while a long commit is running is told now."""
    writer = await driver.writer(PATH)
    await writer.write(text(20))
    entered, gate = asyncio.Event(), asyncio.Event()
    complete = bucket_of(driver).complete_upload

    async def held(key: str, upload_id: str, parts: Sequence[Part]) -> None:
        entered.set()
        await gate.wait()
        await complete(key, upload_id, parts)

    monkeypatch.setattr(bucket_of(driver), "complete_upload", held)
    ending = asyncio.ensure_future(writer.commit())
    await entered.wait()
    async with asyncio.timeout(5):
        with pytest.raises(WriteConflictError):
            await driver.writer(PATH, append=True)
    gate.set()
    await ending

    assert await content(store) == text(20)


async def test_failed_opening_leaves_the_open_writer_alone(driver: ObjectStoreDriver, store: Store) -> None:
    """A write that couldn't begin anew has replaced nothing."""
    writer = await driver.writer(PATH)
    await writer.write(b"x")
    store.fail = once("read", "before", AccessDeniedError)
    with pytest.raises(AccessDeniedError):
        await driver.writer(PATH)
    await writer.commit()

    assert await content(store) == b"x"


async def test_dropped_writers_are_forgotten(driver: ObjectStoreDriver) -> None:
    """Neither paths nor writers are remembered once they have ended."""
    for number in range(20):
        await (await driver.writer(f"/{number}")).cancel()

    assert (0, 0) == (len(driver._writers), len(driver._locks))


@pytest.mark.parametrize("token", ["", "x", "AAAAAAAAAAAAAAAAAAAAAA", "é", "A" * 2048])
async def test_tokens_that_are_not_of_this_write(driver: ObjectStoreDriver, token: str) -> None:
    """A token of another write, or of nothing, is refused; the write stays."""
    writer = await driver.writer(PATH)
    await writer.write(b"x")
    await writer.close()
    with pytest.raises(InvalidResumeTokenError):
        await driver.writer(PATH, append=True, resume_token=token)
    again = await driver.writer(PATH, append=True, resume_token=writer.resume_token)

    assert again.size == 1
    await again.cancel()


async def test_path_that_has_no_key(store: Store) -> None:
    """A path that the root directory makes too long is refused before anything is done."""
    driver = ObjectStoreDriver("memory-bucket", MemoryBucket(store), rootdirectory="r" * 100, chunksize=8)
    path = "/" + "/".join("n" * 200 for _ in range(5))[:1000]
    for use in (driver.get_content, driver.stat, driver.writer):
        with pytest.raises(InvalidPathError):
            await use(path)

    assert 0 == store.calls.total()
    await driver.aclose()
