"""Calls that block, in threads."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from anyio import to_thread

from holdfast.storage.drivers._tasks import settled

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["acquired"]

T = TypeVar("T")


async def acquired(call: Callable[[], T], *, release: Callable[[T], object]) -> T:
    """Run a call in a thread whose result must be let go of, should a cancellation keep it from the caller."""
    task = asyncio.ensure_future(to_thread.run_sync(call))
    try:
        await settled(task)
    except BaseException:
        if not task.cancelled() and task.exception() is None:
            release(task.result())
        raise
    return task.result()
