"""Deleting: a file, many at once, a directory and not its namesakes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from holdfast.checking.trial import SMALL
from holdfast.storage import ops

if TYPE_CHECKING:
    from holdfast.checking.trial import Trial

__all__ = ["delete", "delete_directory", "delete_many"]

_MANY: Final = 10


async def delete(trial: Trial) -> None:
    """Delete files one by one."""
    paths = [trial.path(str(number)) for number in range(trial.plan.repetitions)]
    for path in paths:
        await trial.driver.put_content(path, SMALL)
    deleted = await trial.repeated(lambda number: trial.driver.delete(paths[number]))
    for path in paths[: len(deleted)]:
        await trial.demand_absent(path, "what was deleted is still there")


async def delete_many(trial: Trial) -> None:
    """Delete many files in one call, one that isn't there among them."""
    paths = [trial.path(str(number)) for number in range(_MANY)]
    for path in paths:
        await trial.driver.put_content(path, b"")
    await trial.timed(lambda: trial.driver.delete_files([*paths, trial.path("nothing")]))
    for path in (paths[0], paths[-1]):
        await trial.demand_absent(path, "what was deleted with others is still there")


async def delete_directory(trial: Trial) -> None:
    """Delete a directory; names that only begin like it stay."""
    namesakes = [trial.path(name) for name in ("folder-b", "folder.b", "folderb/file")]
    inside = [trial.path(f"folder/{name}") for name in ("a", "b/c", "b/d/e")]
    for path in [*namesakes, *inside]:
        await trial.driver.put_content(path, SMALL)
    await trial.timed(lambda: trial.driver.delete(trial.path("folder")))
    for path in inside:
        await trial.demand_absent(path, "a directory was deleted, and something in it is still there")
    for path in namesakes:
        trial.demand(await ops.exists(trial.driver, path), f"with a directory {path} was deleted, which isn't in it")
