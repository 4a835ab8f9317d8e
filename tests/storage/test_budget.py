import asyncio

import pytest

from holdfast.storage.budget import MemoryBudget

pytestmark = pytest.mark.anyio


async def settle() -> None:
    """Let every task that can run do so."""
    for _ in range(10):
        await asyncio.sleep(0)


class Holder:
    """A task that holds a part of a budget until it is released."""

    def __init__(self, budget: MemoryBudget, amount: int) -> None:
        self.holds = False
        self._release = asyncio.Event()
        self.task = asyncio.create_task(self._run(budget, amount))

    async def _run(self, budget: MemoryBudget, amount: int) -> None:
        async with budget.reserve(amount):
            self.holds = True
            await self._release.wait()
        self.holds = False

    async def release(self) -> None:
        """End holding."""
        self._release.set()
        await self.task


async def test_waits_for_room() -> None:
    """Who asks for more than is left waits until it is there."""
    budget = MemoryBudget(10)
    first, second = Holder(budget, 6), Holder(budget, 5)
    await settle()

    assert (True, False) == (first.holds, second.holds)
    await first.release()
    await settle()
    assert second.holds
    await second.release()


async def test_in_order() -> None:
    """A large request isn't overtaken by small ones for ever."""
    budget = MemoryBudget(10)
    first, large, small = Holder(budget, 6), Holder(budget, 10), Holder(budget, 1)
    await settle()

    assert (True, False, False) == (first.holds, large.holds, small.holds)
    await first.release()
    await settle()
    assert (True, False) == (large.holds, small.holds)
    await large.release()
    await settle()
    assert small.holds
    await small.release()


async def test_more_than_all() -> None:
    """More than the total counts as all of it."""
    budget = MemoryBudget(10)
    async with budget.reserve(1000):
        waiting = Holder(budget, 1)
        await settle()
        held_before = waiting.holds
    await settle()

    assert (False, True) == (held_before, waiting.holds)
    await waiting.release()


@pytest.mark.parametrize("position", [0, 1, 2])
async def test_cancelled_while_waiting(position: int) -> None:
    """A waiting request that is cancelled takes nothing and holds nobody up."""
    budget = MemoryBudget(10)
    first = Holder(budget, 10)
    waiting = [Holder(budget, 5) for _ in range(3)]
    await settle()
    waiting[position].task.cancel()
    await first.release()
    await settle()

    others = [holder for index, holder in enumerate(waiting) if index != position]
    assert [True, True] == [holder.holds for holder in others]
    for holder in others:
        await holder.release()
    async with asyncio.timeout(1), budget.reserve(10):
        pass


async def test_cancelled_in_its_turn() -> None:
    """A request that is cancelled at the very moment of its turn gives it back."""
    budget = MemoryBudget(10)
    async with budget.reserve(10):
        second = Holder(budget, 10)
        await settle()
    second.task.cancel()  # leaving the block made it its turn, of which it has yet to hear
    await asyncio.wait({second.task})

    async with asyncio.timeout(1), budget.reserve(10):
        pass


async def test_failure_returns_it() -> None:
    """What is held is returned when the body fails."""
    budget = MemoryBudget(10)
    with pytest.raises(KeyError):
        async with budget.reserve(10):
            raise KeyError

    async with asyncio.timeout(1), budget.reserve(10):
        pass
