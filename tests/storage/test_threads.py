import asyncio
import threading

import pytest

from holdfast.storage.errors import UnexpectedStorageError
from holdfast.storage.threads import Threads

pytestmark = pytest.mark.anyio


class _Gate:
    """A call that has begun and goes on until it is let."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.may_end = threading.Event()
        self.ended = False

    def __call__(self) -> str:
        self.begun.set()
        assert self.may_end.wait(10)
        self.ended = True
        return "result"

    async def until_begun(self) -> None:
        await asyncio.to_thread(self.begun.wait, 10)


async def test_a_cancelled_call_is_waited_for() -> None:
    """Who is cancelled goes on only when the thread doesn't work any more."""
    threads, gate = Threads(1, name="test"), _Gate()
    task = asyncio.ensure_future(threads.run(gate))
    await gate.until_begun()
    task.cancel()
    asyncio.get_running_loop().call_later(0.02, gate.may_end.set)
    with pytest.raises(asyncio.CancelledError):
        await task

    assert gate.ended
    await threads.aclose()


async def test_a_call_that_is_cancelled_in_the_queue_never_begins() -> None:
    """It happens as a whole or not at all; what was asked for later is done in order."""
    threads, gate = Threads(1, name="test"), _Gate()
    done: list[str] = []
    first = asyncio.ensure_future(threads.run(gate))
    await gate.until_begun()
    second, third = (asyncio.ensure_future(threads.run(done.append, word)) for word in ("second", "third"))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    gate.may_end.set()
    await asyncio.gather(first, third)

    assert ["third"] == done
    await threads.aclose()


async def test_what_a_cancelled_call_opened_is_released() -> None:
    """Nobody else knows that it is open."""
    threads, gate = Threads(1, name="test"), _Gate()
    released: list[str] = []
    task = asyncio.ensure_future(threads.acquire(gate, release=released.append))
    await gate.until_begun()
    task.cancel()
    gate.may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert ["result"] == released
    await threads.aclose()


async def test_closing_waits_and_leaves_no_thread() -> None:
    """After `aclose` no thread is left, another one does nothing, and a call is refused."""
    threads, gate = Threads(3, name="of-this-test"), _Gate()
    running = asyncio.ensure_future(threads.run(gate))
    await gate.until_begun()
    asyncio.get_running_loop().call_later(0.02, gate.may_end.set)
    await threads.aclose()
    await threads.aclose()

    assert gate.ended
    assert "result" == await running
    assert [] == [thread.name for thread in threading.enumerate() if "of-this-test" in thread.name]
    with pytest.raises(UnexpectedStorageError, match="the driver is closed"):
        await threads.run(gate)
