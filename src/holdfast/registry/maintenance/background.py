"""Work that a registry does beside its requests, for as long as it runs."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine

__all__ = ["repeat", "running"]

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def running(*works: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run each in a task of its own; on leaving they are cancelled and waited for."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


async def repeat(name: str, work: Callable[[], Awaitable[None]], *, first: float, interval: float) -> None:
    """Do a work again and again. When it fails, that is logged, and it gets its next turn all the same.

    Args:
        name: What it is, for the log.
        work: The work.
        first: Seconds to wait before the first time.
        interval: Seconds from the end of one time to the beginning of the next.
    """
    await asyncio.sleep(first)
    while True:
        try:
            await work()
        except Exception:  # noqa: BLE001 - whatever it was, it is logged, and the next turn may go better
            _log.exception("background work failed", work=name)
        await asyncio.sleep(interval)
