"""Small files: written, read, replaced, described."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.checking.errors import BrokenPromiseError
from holdfast.checking.trial import SMALL
from holdfast.storage.errors import AccessDeniedError, PathNotFoundError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from holdfast.checking.trial import Trial

__all__ = ["absent", "names", "overwrite", "ranges", "reach", "read", "stat", "write"]


async def reach(trial: Trial) -> None:
    """Ask for something that needs no content to be there."""
    try:
        await trial.repeated(lambda _: trial.driver.list("/", limit=1))
    except AccessDeniedError:
        trial.warn("it answers, and refuses to list")


async def write(trial: Trial) -> None:
    """Write small files."""
    await trial.repeated(lambda number: trial.driver.put_content(trial.path(str(number)), SMALL))
    await trial.driver.put_content(trial.path("empty"), b"")


async def read(trial: Trial) -> None:
    """Read back what was written, an empty file as well."""
    for content in (SMALL, b""):
        path = trial.path(str(len(content)))
        await trial.driver.put_content(path, content)
        found = await trial.repeated(lambda _, path=path: trial.driver.get_content(path))  # type: ignore[misc]
        trial.demand(set(found) == {content}, f"other bytes came back than were written to {path}")


async def overwrite(trial: Trial) -> None:
    """Replace a file's content by a shorter one."""
    path = trial.path("file")
    await trial.driver.put_content(path, SMALL)
    await trial.repeated(lambda number: trial.driver.put_content(path, SMALL[: 100 + number]))
    found = await trial.driver.get_content(path)
    trial.demand(found != SMALL, "a file that was replaced still has its old content")
    trial.demand(SMALL.startswith(found) and len(found) < 200, "a file that was replaced has neither content")


async def stat(trial: Trial) -> None:
    """Describe a file and a directory."""
    path = trial.path("folder/file")
    await trial.driver.put_content(path, SMALL)
    for info in await trial.repeated(lambda _: trial.driver.stat(path)):
        trial.demand(not info.is_dir, "a file is described as a directory")
        trial.demand(info.size == len(SMALL), f"a file of {len(SMALL)} bytes is described as one of {info.size}")
    trial.demand((await trial.driver.stat(trial.path("folder"))).is_dir, "a directory is described as a file")


async def absent(trial: Trial) -> None:
    """Ask for what isn't there."""
    path = trial.path("nothing")
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "read": lambda: trial.driver.get_content(path),
        "described": lambda: trial.driver.stat(path),
        "listed": lambda: trial.driver.list(path),
    }
    for verb, call in calls.items():
        try:
            await call()
        except PathNotFoundError:
            continue
        raise BrokenPromiseError(f"what was never written can be {verb}")


async def ranges(trial: Trial) -> None:
    """Read parts of a file, at its end and past it too."""
    path = trial.path("file")
    await trial.driver.put_content(path, SMALL)
    end = len(SMALL)
    for offset, length in ((0, 10), (100, 200), (end - 5, None), (end - 5, 100), (end, None), (end + 10, 5)):
        found = await trial.timed(lambda offset=offset, length=length: _range(trial, path, offset, length))  # type: ignore[misc]
        expected = SMALL[offset:] if length is None else SMALL[offset : offset + length]
        which = f"{'all' if length is None else length} bytes from {offset}"
        trial.demand(found == expected, f"asked for {which}, of {end}, other bytes came back")


async def names(trial: Trial) -> None:
    """Use names that differ in their case alone, and long ones."""
    files = {"tags/Latest": b"upper", "tags/latest": b"lower", f"_{'x' * 127}/link": b"long"}
    for name, content in files.items():
        await trial.driver.put_content(trial.path(name), content)
    for name, content in files.items():
        found = await trial.driver.get_content(trial.path(name))
        trial.demand(found == content, "names that differ in their case alone are one file")


async def _range(trial: Trial, path: str, offset: int, length: int | None) -> bytes:
    async with trial.driver.reader(path, offset=offset, length=length) as chunks:
        return b"".join([chunk async for chunk in chunks])
