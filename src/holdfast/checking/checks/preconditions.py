"""Writes under a condition: whether the store really keeps to it when two come at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from holdfast.checking.errors import BrokenPromiseError
from holdfast.storage.driver import CreateOnly, MatchVersion, Precondition
from holdfast.storage.errors import PreconditionFailedError

if TYPE_CHECKING:
    from holdfast.checking.trial import Trial

__all__ = ["create_only", "match_version"]

_WRITERS: Final = 4


async def create_only(trial: Trial) -> None:
    """Create a file that is there already, and let several create another one at once."""
    path = trial.path("file")
    await trial.timed(lambda: trial.driver.put_content(path, b"first", precondition=CreateOnly()))
    await _refused(trial, path, CreateOnly(), "a file that was only to be created replaced another one")
    trial.demand(await trial.driver.get_content(path) == b"first", "a refused write has changed the file")
    await _one_wins(trial, trial.path("race"), CreateOnly())


async def match_version(trial: Trial) -> None:
    """Replace a version, then replace it again, and let several replace another one at once."""
    path = trial.path("file")
    first = await trial.driver.put_content(path, b"first")
    if first is None:
        raise BrokenPromiseError("a write tells no version")
    told = (await trial.driver.stat(path)).version
    trial.demand(told == first, "a description and the write before it tell different versions")
    second = await trial.timed(lambda: trial.driver.put_content(path, b"second", precondition=MatchVersion(first)))
    if second is None or second == first:
        raise BrokenPromiseError("a write tells no version, or the one that it has replaced")
    await _refused(trial, path, MatchVersion(first), "a version was replaced that wasn't there any more")
    trial.demand(await trial.driver.get_content(path) == b"second", "a refused write has changed the file")
    await _one_wins(trial, path, MatchVersion(second))


async def _refused(trial: Trial, path: str, precondition: Precondition, message: str) -> None:
    try:
        await trial.driver.put_content(path, b"refused", precondition=precondition)
    except PreconditionFailedError:
        return
    raise BrokenPromiseError(message)


async def _one_wins(trial: Trial, path: str, precondition: Precondition) -> None:
    writes = (
        trial.driver.put_content(path, f"writer {number}".encode(), precondition=precondition)
        for number in range(_WRITERS)
    )
    results = await asyncio.gather(*writes, return_exceptions=True)
    failures = [result for result in results if isinstance(result, BaseException)]
    for failure in failures:
        if not isinstance(failure, PreconditionFailedError):
            raise failure
    winners = _WRITERS - len(failures)
    trial.demand(winners == 1, f"of {_WRITERS} that wrote at once under one condition, {winners} succeeded")
    winner = next(number for number, result in enumerate(results) if not isinstance(result, BaseException))
    found = await trial.driver.get_content(path)
    trial.demand(found == f"writer {winner}".encode(), "the file has what a refused writer wrote")
