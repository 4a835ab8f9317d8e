import asyncio

import pytest

from holdfast.registry.store.joint import JointReads

pytestmark = pytest.mark.anyio


class Shelf:
    """Something to read, slowly: each reading takes what is there when it begins, and ends when it is let."""

    def __init__(self) -> None:
        self.content = 0
        self.begun = 0
        self.cancelled = 0
        self._gate = asyncio.Event()

    async def read(self) -> int:
        """Read."""
        self.begun += 1
        found = self.content
        try:
            await self._gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if found < 0:
            raise ValueError(found)
        return found

    async def let(self) -> None:
        """End the readings that have begun."""
        await settle()
        gate, self._gate = self._gate, asyncio.Event()
        gate.set()
        await settle()


async def settle() -> None:
    """Let every task that can run do so."""
    for _ in range(10):
        await asyncio.sleep(0)


async def emptied(reads: JointReads[int]) -> None:
    """Wait until nothing is kept of what was read: after a shared reading others are waited for, for a moment."""
    async with asyncio.timeout(5):
        while reads._lines:  # noqa: ASYNC110 - nobody is told when a line is dropped
            await asyncio.sleep(0)


async def test_nobody_gets_what_is_older_than_their_request() -> None:
    """Those who ask while a reading runs share the next one, which sees what was written before they asked."""
    shelf, reads = Shelf(), JointReads[int]()
    first = asyncio.create_task(reads.read("key", shelf.read))
    await settle()
    shelf.content = 1
    others = [asyncio.create_task(reads.read("key", shelf.read)) for _ in range(5)]
    await shelf.let()
    assert 0 == await first
    await shelf.let()

    assert [1] * 5 == await asyncio.gather(*others)
    assert 2 == shelf.begun


async def test_keys_do_not_wait_for_each_other() -> None:
    """Readings of different things run at once."""
    shelf, reads = Shelf(), JointReads[int]()
    tasks = [asyncio.create_task(reads.read(key, shelf.read)) for key in range(3)]
    await settle()

    assert 3 == shelf.begun
    await shelf.let()
    assert [0, 0, 0] == await asyncio.gather(*tasks)


async def test_nothing_is_remembered() -> None:
    """A request after the last one was answered reads anew, and nothing is kept for its key."""
    shelf, reads = Shelf(), JointReads[int]()
    for content in range(3):
        shelf.content = content
        task = asyncio.create_task(reads.read("key", shelf.read))
        await shelf.let()
        assert content == await task

    assert {} == reads._lines


async def test_a_failure_is_everybodys_who_shared_it() -> None:
    """And nobody's who asked later."""
    shelf, reads = Shelf(), JointReads[int]()
    shelf.content = -1
    first = asyncio.create_task(reads.read("key", shelf.read))
    await settle()
    others = [asyncio.create_task(reads.read("key", shelf.read)) for _ in range(2)]
    await shelf.let()
    shelf.content = 7
    later = asyncio.create_task(reads.read("key", shelf.read))
    await shelf.let()
    await shelf.let()

    results = await asyncio.gather(first, *others, later, return_exceptions=True)
    assert [ValueError, ValueError, ValueError, int] == [type(result) for result in results]
    assert {} == reads._lines


@pytest.mark.parametrize("leave", [0, 1, 2])
async def test_one_who_leaves_takes_nobody_along(leave: int) -> None:
    """A reading goes on while somebody waits for it."""
    shelf, reads = Shelf(), JointReads[int]()
    tasks = []
    for _ in range(3):
        tasks.append(asyncio.create_task(reads.read("key", shelf.read)))
        await settle()
    tasks[leave].cancel()
    for _ in range(3):
        await shelf.let()

    left = [task for number, task in enumerate(tasks) if number != leave]
    assert [0, 0] == await asyncio.gather(*left)
    assert tasks[leave].cancelled()
    await emptied(reads)


async def test_what_nobody_waits_for_is_cancelled() -> None:
    """The last one to leave ends the reading, and awaits its end; who comes then reads anew."""
    shelf, reads = Shelf(), JointReads[int]()
    first = asyncio.create_task(reads.read("key", shelf.read))
    await settle()
    second = asyncio.create_task(reads.read("key", shelf.read))
    await settle()
    second.cancel()
    first.cancel()
    third = asyncio.create_task(reads.read("key", shelf.read))
    await shelf.let()

    assert 0 == await third
    assert (2, 1) == (shelf.begun, shelf.cancelled)
    assert {} == reads._lines


async def test_who_asks_again_at_once_is_read_for_with_those_who_waited() -> None:
    """Clients that ask again and again share each reading all together, not every second one by halves."""
    reads = JointReads[None]()
    begun = 0

    async def read() -> None:
        nonlocal begun
        begun += 1
        await asyncio.sleep(0.05)

    async def client() -> None:
        for _ in range(6):
            await reads.read("key", read)
            await asyncio.sleep(0.001)  # its way through the network

    first = asyncio.create_task(client())
    await settle()
    await asyncio.gather(first, *(client() for _ in range(5)))

    assert 7 == begun
