import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest
from anyio import CancelScope

from holdfast.storage.drivers._tasks import settled, together, whole

pytestmark = pytest.mark.anyio


class Step:
    """A step that waits to be let go on, takes its time to clear up, and notes what happened to it."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.entered = asyncio.Event()
        self.events: list[str] = []

    async def run(self) -> str:
        """Wait; then end."""
        self.entered.set()
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.events.append("cancelled")
            raise
        finally:
            for _ in range(3):
                await asyncio.sleep(0)
            self.events.append("cleared up")
        return "result"


async def _fail(after: Awaitable[object]) -> str:
    await after
    raise KeyError


async def _cancel_often(task: asyncio.Task[object], times: int = 3) -> None:
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0)


async def test_whole_runs_to_the_end_when_cancelled_often() -> None:
    """Steps aren't interrupted by any number of cancellations, which come through afterwards."""
    step = Step()
    caller = asyncio.ensure_future(whole(step.run()))
    await step.entered.wait()
    await _cancel_often(caller)
    running = caller.done()
    step.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await caller

    assert not running
    assert ["cleared up"] == step.events


async def test_whole_returns_and_raises_what_the_steps_do() -> None:
    """Without a cancellation it is as if the steps were awaited."""
    step = Step()
    step.gate.set()

    assert await whole(step.run()) == "result"
    with pytest.raises(KeyError):
        await whole(_fail(asyncio.sleep(0)))


async def test_cancellation_hides_the_failure_of_steps() -> None:
    """Who is cancelled while steps fail sees the cancellation, and no warning of an error that nobody took."""
    gate = asyncio.Event()
    caller = asyncio.ensure_future(whole(_fail(gate.wait())))
    await asyncio.sleep(0)
    await _cancel_often(caller)
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await caller


async def test_settled_leaves_the_future_alone() -> None:
    """The future isn't cancelled with who waits for it, and its failure isn't raised."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    caller = asyncio.ensure_future(settled(future))
    await _cancel_often(caller)
    future.set_exception(KeyError())
    with pytest.raises(asyncio.CancelledError):
        await caller
    await settled(future)

    assert isinstance(future.exception(), KeyError)


async def test_cancelled_scope_does_not_spin(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scope that is cancelled, and so cancels in each turn of the loop, doesn't keep the loop busy meanwhile."""
    waits = 0
    real = asyncio.wait

    async def wait(*args: Any, **kwargs: Any) -> Any:
        nonlocal waits
        waits += 1
        return await real(*args, **kwargs)

    monkeypatch.setattr(asyncio, "wait", wait)
    step = Step()
    ended: list[str] = []

    async def caller(scope: CancelScope) -> None:
        with scope:
            await whole(step.run())
            ended.append("not cancelled")

    scope = CancelScope()
    task = asyncio.ensure_future(caller(scope))
    await step.entered.wait()
    scope.cancel()
    for _ in range(100):
        await asyncio.sleep(0)
    step.gate.set()
    await task

    assert waits <= 3
    assert ([], ["cleared up"]) == (ended, step.events)


async def test_together_keeps_the_order_of_steps() -> None:
    """Results come in the order of the steps, whichever ended first."""
    first, second = Step(), Step()
    caller = asyncio.ensure_future(together(first.run(), asyncio.sleep(0, "other"), second.run()))
    second.gate.set()
    await asyncio.sleep(0)
    first.gate.set()

    assert await caller == ["result", "other", "result"]


async def test_together_fails_with_the_first_and_ends_the_others() -> None:
    """A failure is raised once the other steps were cancelled and have cleared up."""
    step = Step()
    with pytest.raises(KeyError):
        await together(step.run(), _fail(step.entered.wait()))

    assert ["cancelled", "cleared up"] == step.events


@pytest.mark.parametrize("times", [1, 2, 5])
async def test_together_cancelled_awaits_all_steps(times: int) -> None:
    """However often the caller is cancelled, no step is still at work when it comes through."""
    steps = [Step(), Step()]
    caller = asyncio.ensure_future(together(*(step.run() for step in steps)))
    await asyncio.gather(*(step.entered.wait() for step in steps))
    await _cancel_often(caller, times)
    with pytest.raises(asyncio.CancelledError):
        await caller

    assert [["cancelled", "cleared up"]] * 2 == [step.events for step in steps]
