import asyncio

import pytest

from holdfast.registry.store.parallel import in_parallel

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("at_once", [1, 3, 100])
@pytest.mark.parametrize("count", [0, 1, 10])
async def test_results_in_order(count: int, at_once: int) -> None:
    """The results are in the order of the items, and never more calls run than are allowed."""
    running = most = 0

    async def call(item: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(count - item):
            await asyncio.sleep(0)
        running -= 1
        return item * 2

    assert [item * 2 for item in range(count)] == await in_parallel(call, range(count), at_once=at_once)
    assert min(count, at_once) == most


async def test_an_error_ends_all() -> None:
    """The first error is raised when nothing runs any more, and nothing more is begun."""
    begun, ended = [], []

    async def call(item: int) -> None:
        begun.append(item)
        try:
            await asyncio.sleep(0)
            if item == 1:
                raise LookupError(item)
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0)
            ended.append(item)

    with pytest.raises(LookupError):
        await in_parallel(call, range(100), at_once=3)
    assert [0, 1, 2] == sorted(begun) == sorted(ended)


async def test_cancelled() -> None:
    """A cancellation reaches what runs, and waits for it."""
    ended = []
    begun = asyncio.Event()

    async def call(item: int) -> None:
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0)
            ended.append(item)

    task = asyncio.create_task(in_parallel(call, range(2), at_once=2))
    await begun.wait()
    task.cancel()
    await asyncio.wait({task})
    assert (True, [0, 1]) == (task.cancelled(), sorted(ended))
