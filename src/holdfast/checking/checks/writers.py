"""Writers: large files, and writes that are closed and continued."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from holdfast.checking.trial import SMALL

if TYPE_CHECKING:
    from holdfast.checking.trial import Trial

__all__ = ["append", "large_read", "large_write", "resume"]


async def large_write(trial: Trial) -> None:
    """Write a file that is sent in several parts; it shows only once it is committed."""
    if trial.part is not None and trial.large.size <= trial.part:
        trial.warn(f"the driver sends {trial.part} bytes at once, so it went in one piece; give a larger size")
    start = perf_counter()
    async with trial.writing(trial.driver, trial.large_path) as writer:
        for chunk in trial.large.chunks():
            await writer.write(chunk)
        await trial.demand_absent(trial.large_path, "a file shows before it is committed")
        await writer.commit()
    trial.went(trial.large.size, perf_counter() - start)
    found = (await trial.driver.stat(trial.large_path)).size
    trial.demand(found == trial.large.size, f"{trial.large.size} bytes were written, and the file has {found}")


async def large_read(trial: Trial) -> None:
    """Read the large file back, whole."""
    trial.went(trial.large.size, await trial.demand_large(trial.large_path))


async def append(trial: Trial) -> None:
    """Close a writer, and continue with another one."""
    path = trial.path("file")
    await _begin(trial, path)
    await trial.demand_absent(path, "a file shows that was never committed")
    async with trial.writing(trial.driver, path, append=True) as writer:
        trial.demand(writer.size == len(SMALL), f"{len(SMALL)} bytes were written, {writer.size} are continued")
        await writer.write(SMALL)
        await writer.commit()
    trial.demand(
        await trial.driver.get_content(path) == SMALL * 2, "a continued file has other bytes than were written"
    )


async def resume(trial: Trial) -> None:
    """Close a writer, and continue by the token it told, with enough for several parts."""
    path = trial.path("file")
    chunks = list(trial.large.chunks())
    half = len(chunks) // 2
    async with trial.writing(trial.driver, path) as writer:
        for chunk in chunks[:half]:
            await writer.write(chunk)
    token = writer.resume_token
    trial.demand(token is not None, "a closed writer tells no token")
    async with trial.writing(trial.driver, path, append=True, resume_token=token) as writer:
        for chunk in chunks[half:]:
            await writer.write(chunk)
        await writer.commit()
    await trial.demand_large(path)


async def _begin(trial: Trial, path: str) -> None:
    async with trial.writing(trial.driver, path) as writer:
        await writer.write(SMALL)
