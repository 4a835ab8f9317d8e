"""How soon one sees what was done."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING, Final

from holdfast.checking.errors import BrokenPromiseError
from holdfast.storage.errors import PathNotFoundError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from holdfast.checking.trial import Trial

__all__ = ["listed_at_once", "read_at_once"]

_PATIENCE_SECONDS: Final = 10.0
_PAUSE_SECONDS: Final = 0.2


async def read_at_once(trial: Trial) -> None:
    """Read what was written, replaced and deleted a moment ago."""
    for number in range(trial.plan.repetitions):
        path = trial.path(str(number))

        async def content(path: str = path) -> bytes | None:
            try:
                return await trial.driver.get_content(path)
            except PathNotFoundError:
                return None

        await trial.driver.put_content(path, b"new")
        await _demand(content, b"new", "what was written")
        await trial.driver.put_content(path, b"newer")
        await _demand(content, b"newer", "what was replaced")
        await trial.driver.delete(path)
        await _demand(content, None, "what was deleted")


async def listed_at_once(trial: Trial) -> None:
    """List what was written and deleted a moment ago."""

    async def listed() -> list[str]:
        try:
            return await trial.driver.list(trial.path("folder"))
        except PathNotFoundError:
            return []

    for number in range(trial.plan.repetitions):
        path = trial.path(f"folder/{number}")
        await trial.driver.put_content(path, b"new")
        await _demand_listed(trial, listed, [path], "written")
        await trial.driver.delete(path)
        await _demand_listed(trial, listed, [], "deleted")
        if trial.warned:
            return


async def _demand_listed(
    trial: Trial, listed: Callable[[], Awaitable[list[str]]], expected: list[str], verb: str
) -> None:
    late = await _seconds_until(listed, expected)
    if late is None:
        raise BrokenPromiseError(f"what was {verb} isn't so in lists after {_PATIENCE_SECONDS:.0f} seconds")
    if late:
        trial.warn(f"lists show what was {verb} only after {late:.1f} seconds")


async def _demand(ask: Callable[[], Awaitable[bytes | None]], expected: bytes | None, what: str) -> None:
    late = await _seconds_until(ask, expected)
    if late is None:
        raise BrokenPromiseError(f"{what} isn't seen after {_PATIENCE_SECONDS:.0f} seconds")
    if late:
        raise BrokenPromiseError(f"{what} is seen only after {late:.1f} seconds")


async def _seconds_until(ask: Callable[[], Awaitable[object]], expected: object) -> float | None:
    """How long it takes until a question has an answer: 0 for at once, `None` for too long."""
    if await ask() == expected:
        return 0.0
    start = perf_counter()
    while perf_counter() - start < _PATIENCE_SECONDS:
        await asyncio.sleep(_PAUSE_SECONDS)
        if await ask() == expected:
            return perf_counter() - start
    return None
