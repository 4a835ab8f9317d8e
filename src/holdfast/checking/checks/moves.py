"""Moving: what an upload ends with."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Final

from holdfast.checking.trial import SMALL

if TYPE_CHECKING:
    from holdfast.checking.trial import Trial
    from holdfast.storage.driver import StorageDriver

__all__ = ["large_move", "move"]

_RENAMED_SECONDS: Final = 0.01
"""Nothing is copied in less: it has only got another name."""


async def move(trial: Trial) -> None:
    """Move a small file over another one."""
    source, destination = trial.path("source"), trial.path("folder/destination")
    await trial.driver.put_content(source, SMALL)
    await trial.driver.put_content(destination, b"old")
    await trial.timed(lambda: trial.driver.move(source, destination))
    trial.demand(await trial.driver.get_content(destination) == SMALL, "what was moved has other bytes now")
    await trial.demand_absent(source, "what was moved away is still there")


async def large_move(trial: Trial) -> None:
    """Move the large file; on object stores the store copies it, in several parts."""
    changes = trial.hints.large_move
    if changes:
        async with trial.variant(changes) as driver:
            await _move_large(trial, driver)
    else:
        await _move_large(trial, trial.driver)


async def _move_large(trial: Trial, driver: StorageDriver) -> None:
    destination = trial.path("destination")
    start = perf_counter()
    await trial.timed(lambda: driver.move(trial.large_path, destination))
    seconds = perf_counter() - start
    if seconds > _RENAMED_SECONDS:
        trial.bytes_per_second = trial.large.size / seconds
    await trial.demand_large(destination)
    await trial.demand_absent(trial.large_path, "what was moved away is still there")
