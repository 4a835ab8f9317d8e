import asyncio
from typing import Any

import pytest

from holdfast.storage.drivers._objectstore import retrying
from holdfast.storage.drivers._objectstore.driver import ObjectStoreDriver
from holdfast.storage.errors import (
    AccessDeniedError,
    PathNotFoundError,
    StorageUnavailableError,
    WriteConflictError,
)
from tests.storage.drivers.objectstore.faults import once
from tests.storage.drivers.objectstore.memory_bucket import MemoryBucket, Store
from tests.storage.drivers.objectstore.stage import (
    PATH,
    content,
    is_quiet,
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


async def test_appending_to_content_that_breaks_off(store: Store) -> None:
    """Content is adopted in whole, also where its connection ends early."""

    class Breaking(MemoryBucket):
        async def _chunks(self, key: str, pieces: Any) -> Any:
            async for chunk in super()._chunks(key, pieces):
                yield chunk[: len(chunk) // 2 or 1]
                return

    bucket = Breaking(store, opened(store, copy_part=None)._bucket.limits)
    bucket.keep(PATH[1:], text(50))
    driver = ObjectStoreDriver("memory-bucket", bucket, rootdirectory="", chunksize=8)
    writer = await driver.writer(PATH, append=True)

    assert writer.size == 50
    await writer.write(text(5, 50))
    await writer.commit()
    assert await content(store) == text(55)


@pytest.mark.parametrize("size", [4, 29, 30, 31, 60, 61, 63, 91])
async def test_adopted_parts_are_large_enough(driver: ObjectStoreDriver, store: Store, size: int) -> None:
    """No part of what is copied is too small for others to follow, whatever the size and the store's limit."""
    MemoryBucket(store).keep(PATH[1:], text(size))
    writer = await driver.writer(PATH, append=True)
    sizes = _sizes(store)
    await writer.write(text(20, size))
    await writer.commit()

    assert max(sizes) <= 30
    assert max(sizes) - min(sizes) <= len(sizes)
    assert await content(store) == text(size + 20)


@pytest.mark.parametrize("copy_part", [30, None])
@pytest.mark.parametrize("replacement", [b"another's content", None])
async def test_content_replaced_while_it_is_adopted(
    store: Store, copy_part: int | None, replacement: bytes | None
) -> None:
    """What is appended to is one content or none; nothing of a failed opening stays."""
    driver = opened(store, copy_part=copy_part)
    before = asyncio.all_tasks()
    MemoryBucket(store).keep(PATH[1:], text(61))

    def replace(op: str, when: str, _key: str) -> None:
        if (op, when) == ("head", "after"):
            store.fail = Store().fail
            store.objects.pop(PATH[1:])
            if replacement is not None:
                MemoryBucket(store).keep(PATH[1:], replacement)

    store.fail = replace
    with pytest.raises(WriteConflictError if replacement else PathNotFoundError):
        await driver.writer(PATH, append=True)

    assert await content(store) == replacement
    assert {} == store.uploads
    assert await is_quiet(driver, before=before)
    await (await driver.writer(PATH)).cancel()


async def _kept(driver: ObjectStoreDriver, size: int) -> str:
    writer = await driver.writer(PATH)
    await writer.write(text(size))
    await writer.close()
    return str(writer.resume_token)


async def test_record_of_a_completed_upload(driver: ObjectStoreDriver, store: Store) -> None:
    """A commit whose record couldn't be deleted can be repeated by whoever continues, and then it is clean."""
    token = await _kept(driver, 20)
    writer = await driver.writer(PATH, append=True, resume_token=token)
    await writer.write(text(3, 20))
    store.fail = lambda op, _when, _key: _refuse(op == "delete")
    with pytest.raises(AccessDeniedError):
        await writer.commit()
    store.fail = Store().fail
    await writer.close()
    again = await driver.writer(PATH, append=True, resume_token=token)
    await again.write(text(3, again.size))
    await again.commit()

    assert await content(store) == text(23)
    assert [PATH[1:]] == [*store.objects]


def _refuse(refused: bool) -> None:  # noqa: FBT001 - what it does
    if refused:
        raise AccessDeniedError


async def test_cancelled_after_a_commit_that_only_left_its_record(driver: ObjectStoreDriver, store: Store) -> None:
    """Cancelling clears up the record; the content was committed."""
    await _kept(driver, 20)
    writer = await driver.writer(PATH, append=True)
    store.fail = once("delete", "before", AccessDeniedError)
    with pytest.raises(AccessDeniedError):
        await writer.commit()
    await writer.cancel()

    assert [PATH[1:]] == [*store.objects]


async def test_lost_upload_over_content_of_the_same_size(driver: ObjectStoreDriver, store: Store) -> None:
    """Where the store has dropped the upload, older content of the same size isn't taken for what was committed."""
    MemoryBucket(store).keep(PATH[1:], b"y" * 20)
    made = store.objects[PATH[1:]]
    store.objects[PATH[1:]] = type(made)(made.pieces, made.modified.replace(year=2020), made.version)
    await _kept(driver, 20)
    store.uploads.clear()
    writer = await driver.writer(PATH, append=True)
    with pytest.raises(WriteConflictError):
        await writer.commit()
    await writer.cancel()

    assert await content(store) == b"y" * 20
    assert [PATH[1:]] == [*store.objects]


async def test_upload_of_this_session_thrown_away(driver: ObjectStoreDriver, store: Store) -> None:
    """Content that happens to be as long as ours is no success when our upload was aborted behind our back."""
    writer = await driver.writer(PATH)
    await writer.write(text(20))
    await asyncio.sleep(0)
    MemoryBucket(store).keep(PATH[1:], b"y" * 20)
    async for upload in driver.list_uploads(PATH):
        await driver.abort_upload(upload)
    with pytest.raises(WriteConflictError):
        await writer.commit()
    await writer.close()

    assert await content(store) == b"y" * 20


def _claim_lost(store: Store, moment: str) -> list[str]:
    """Let the claim that comes next fail for good, before or after it happens; nothing else that comes later does."""
    failed: list[str] = []

    def fail(op: str, when: str, _key: str) -> None:
        claiming = (op, when) in {("put", moment), ("head", "before")}
        if claiming and len(failed) < retrying._ATTEMPTS:
            failed.append(op)
            raise StorageUnavailableError

    store.fail = fail
    return failed


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("end", ["close", "cancel"])
async def test_a_claim_whose_answer_never_came(driver: ObjectStoreDriver, store: Store, moment: str, end: str) -> None:
    """Whether it has happened or not, it isn't taken for another process's: closing keeps all, cancelling nothing."""
    first = await driver.writer(PATH)
    await first.write(text(12))
    await first.close()
    second = await driver.writer(PATH, append=True)
    failed = _claim_lost(store, moment)
    with pytest.raises(StorageUnavailableError):
        await second.write(text(20, 12))
    size = second.size
    await getattr(second, end)()

    assert retrying._ATTEMPTS == len(failed)
    if end == "close":
        assert size >= 12
        assert text(32)[:size] == await unfinished(store)
    else:
        assert not store.objects
        assert not store.uploads


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_claim_that_cannot_be_made_while_closing(driver: ObjectStoreDriver, store: Store, moment: str) -> None:
    """What can't be sent as a part goes into the record, also when it isn't known who holds that."""
    first = await driver.writer(PATH)
    await first.write(text(12))
    await first.close()
    second = await driver.writer(PATH, append=True)
    await second.write(text(5, 12))
    failed = _claim_lost(store, moment)
    await second.close()

    assert retrying._ATTEMPTS == len(failed)
    assert text(17) == await unfinished(store)
