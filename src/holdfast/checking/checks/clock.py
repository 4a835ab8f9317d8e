"""Whether the store's clock and ours agree."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from holdfast.checking.trial import SMALL

if TYPE_CHECKING:
    from holdfast.checking.trial import Trial

__all__ = ["clock"]

_ALLOWED_SECONDS: Final = 60.0


async def clock(trial: Trial) -> None:
    """Compare the time of a file that was just written."""
    path = trial.path("file")
    before = datetime.now(UTC)
    await trial.driver.put_content(path, SMALL)
    after = datetime.now(UTC)
    modified = (await trial.driver.stat(path)).modified
    if modified is None:
        trial.note("the store doesn't tell when a file was written")
        return
    ahead = (modified - after).total_seconds() if modified > after else min(0.0, (modified - before).total_seconds())
    if abs(ahead) > _ALLOWED_SECONDS:
        which = "ahead of" if ahead > 0 else "behind"
        trial.warn(
            f"the store's clock is {abs(ahead):.0f} seconds {which} this machine's: signed requests are refused at 15"
            " minutes, and uploads are purged too soon or too late; set both by NTP"
        )
