import asyncio

import pytest
from structlog.testing import capture_logs

from holdfast.registry.maintenance.background import repeat, running

pytestmark = pytest.mark.anyio


async def test_work_that_fails_gets_its_next_turn() -> None:
    """An error is logged with its traceback, and doesn't end the work."""
    turns = 0
    enough = asyncio.Event()

    async def work() -> None:
        nonlocal turns
        turns += 1
        if turns == 3:
            enough.set()
        raise LookupError(turns)

    with capture_logs() as logs:
        async with running(repeat("a test", work, first=0, interval=0)), asyncio.timeout(20):
            await enough.wait()

    assert {("background work failed", "a test", "error", True)} == {
        (line["event"], line["work"], line["log_level"], line["exc_info"]) for line in logs
    }


async def test_it_ends_with_its_block() -> None:
    """Leaving cancels what runs and waits until it has cleaned up; nothing runs on."""
    steps = []
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0)
            steps.append("cleaned up")

    async with running(repeat("a test", work, first=0, interval=0)):
        await begun.wait()
    assert ["cleaned up"] == steps


async def test_nothing_to_run() -> None:
    """Without any work there is nothing to wait for."""
    before = asyncio.all_tasks()
    async with running():
        assert before == asyncio.all_tasks()
