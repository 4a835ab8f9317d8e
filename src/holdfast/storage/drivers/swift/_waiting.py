"""Waiting for listings, which lag behind writes, for a while."""

from __future__ import annotations

import asyncio
import time
from typing import Final

__all__ = ["SECONDS", "Looking"]

SECONDS: Final = 15.0
"""How long a listing is waited for: as long as upstream does. Clusters in good order are behind by less."""

_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 2.0


class Looking:
    """Looking again and again, with pauses in between that double, until it has been long enough."""

    def __init__(self) -> None:
        self._until = time.monotonic() + SECONDS
        self._pause = 0.0

    async def again(self) -> bool:
        """Wait until it is time to look (at first it is), and tell whether it still makes sense."""
        if self._pause:
            if time.monotonic() + self._pause > self._until:
                return False
            await asyncio.sleep(self._pause)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE) or _FIRST_PAUSE
        return True
