"""What a second registry on the same storage sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.checking.trial import SMALL

if TYPE_CHECKING:
    from holdfast.checking.trial import Trial

__all__ = ["share"]


async def share(trial: Trial) -> None:
    """Read with another driver what one has written, and go on with a write that the other has begun."""
    path, unfinished = trial.path("file"), trial.path("unfinished")
    await trial.driver.put_content(path, SMALL)
    async with trial.writing(trial.driver, unfinished) as writer:
        await writer.write(SMALL)
    async with trial.variant({}) as other:
        trial.demand(await other.get_content(path) == SMALL, "a second registry reads other bytes than were written")
        async with trial.writing(other, unfinished, append=True) as writer:
            await writer.write(SMALL)
            await writer.commit()
    found = await trial.driver.get_content(unfinished)
    trial.demand(found == SMALL * 2, "what a second registry went on with has other bytes than were written")
