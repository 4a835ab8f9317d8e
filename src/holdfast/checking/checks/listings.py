"""Lists and walks: complete, and in the order of bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.checking.trial import SMALL

if TYPE_CHECKING:
    from holdfast.checking.trial import Trial

__all__ = ["listing", "walk"]


async def listing(trial: Trial) -> None:
    """List a directory, whole and in pieces."""
    for name in ("b", "a-b", "c/file", "a.b", "B", "d/e/file"):
        await trial.driver.put_content(trial.path(name), SMALL)
    expected = [trial.path(name) for name in ("B", "a-b", "a.b", "b", "c", "d")]
    for found in await trial.repeated(lambda _: trial.driver.list(trial.path())):
        trial.demand(found == expected, _differs(found, expected))
    first = await trial.driver.list(trial.path(), limit=4)
    trial.demand(len(first) == 4, f"asked for 4 of {len(expected)}, {len(first)} are listed")
    rest = await trial.driver.list(trial.path(), start_after=first[-1])
    trial.demand([*first, *rest] == expected, "a list in pieces isn't the same as the whole")


async def walk(trial: Trial) -> None:
    """Walk a tree: Distribution's own walks rely on no order, ours on that of bytes."""
    names = ["a-b", "a.b", "a/b", "a/c/d", "ab"]
    if not trial.driver.capabilities.exclusive_names:
        names.insert(0, "a")
    for name in reversed(names):
        await trial.driver.put_content(trial.path(name), SMALL)
    expected = [trial.path(name) for name in names]

    async def walked() -> list[str]:
        return [file.path async for file in trial.driver.walk(trial.path())]

    for found in await trial.repeated(lambda _: walked()):
        trial.demand(found == expected, _differs(found, expected))


def _differs(found: list[str], expected: list[str]) -> str:
    missing = sorted(set(expected) - set(found))
    if missing:
        return f"{len(missing)} of {len(expected)} aren't there, the first {missing[0]}"
    extra = sorted(set(found) - set(expected))
    if extra:
        return f"there is {extra[0]}, which was never written"
    return f"not in the order of bytes: {', '.join(path.rpartition('/')[2] for path in found)}"
