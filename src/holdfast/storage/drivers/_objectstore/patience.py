"""How long a store may take nothing of what is sent to it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

__all__ = ["patience"]


@asynccontextmanager
async def patience(seconds: float) -> AsyncIterator[Callable[[], object]]:
    """Raise `TimeoutError` so many seconds after the last sign of life, which who is inside gives by a call.

    aiohttp limits how long an answer takes, and not how long sending does: it would wait for ever for a store that
    takes connections and then doesn't read.

    Yields:
        What to call, from any thread, when the store has taken something.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(seconds) as limit:

        def extend() -> None:
            with suppress(RuntimeError):  # it is over
                limit.reschedule(loop.time() + seconds)

        yield partial(loop.call_soon_threadsafe, extend)
