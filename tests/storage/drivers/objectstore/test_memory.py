import asyncio

import pytest

from holdfast.storage.drivers._objectstore.driver import ObjectStoreDriver
from tests.storage.drivers.objectstore.memory_bucket import Store
from tests.storage.drivers.objectstore.stage import (
    PATH,
    content,
    is_quiet,
    land,
    opened,
    text,
)

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("small_sizes")]

_RECORD = ".uploads~/a/b~"


def _sizes(store: Store) -> list[int]:
    """The sizes of the parts that the one upload has."""
    (upload,) = store.uploads.values()
    return [len(content) for content, _ in upload.parts.values()]


async def test_small_writers_need_no_budget(store: Store) -> None:
    """Who collects little isn't kept waiting by those who send much."""
    driver = opened(store, memory=8)
    large = await driver.writer("/large")
    await large.write(text(5))  # holds all there is
    small = await driver.writer("/small")
    async with asyncio.timeout(5):
        await small.write(text(2))
        await small.commit()
    await large.close()

    assert await content(store, "/small") == text(2)


async def test_memory_is_taken_for_the_whole_part(driver: ObjectStoreDriver) -> None:
    """Who has begun to collect a part has all that it takes: two who hold halves would wait for each other."""
    writer = await driver.writer(PATH)
    held = []
    for start in range(0, 8, 2):
        await writer.write(text(2, start))
        held.append(driver._budget.total - driver._budget._left)
    await land(writer)
    held.append(driver._budget.total - driver._budget._left)
    await writer.cancel()

    assert held == [0, 8, 8, 8, 0]


@pytest.mark.parametrize("memory", [1, 8, 20])
async def test_many_writers_on_a_small_budget(store: Store, memory: int) -> None:
    """All make progress, whatever some of them do: cancel, fail or be cancelled while they wait."""
    driver = opened(store, memory=memory)
    before = asyncio.all_tasks()

    async def write(number: int) -> None:
        writer = await driver.writer(f"/{number}")
        try:
            for start in range(0, 60, 6):
                await writer.write(text(6, start))
            await (writer.cancel() if number % 5 == 1 else writer.commit())
        finally:
            await writer.close()

    tasks = [asyncio.create_task(write(number)) for number in range(40)]
    async with asyncio.timeout(20):
        for number, task in enumerate(tasks):
            if number % 5 == 2:
                for _ in range(number):
                    await asyncio.sleep(0)
                task.cancel()
        await asyncio.wait(tasks)

    assert await is_quiet(driver, before=before)
    for number, task in enumerate(tasks):
        if not task.cancelled():
            assert await content(store, f"/{number}") == (None if number % 5 == 1 else text(60))


async def test_memory_is_bounded(store: Store) -> None:
    """What the parts of all writers take together stays within the budget."""
    driver = opened(store, memory=40)
    most = 0

    def watch(_op: str, _when: str, _key: str) -> None:
        nonlocal most
        most = max(most, driver._budget.total - driver._budget._left)

    store.fail = watch

    async def write(number: int) -> None:
        writer = await driver.writer(f"/{number}")
        await writer.write(text(100))
        await writer.commit()

    await asyncio.gather(*(write(number) for number in range(20)))

    assert 32 <= most <= 40
