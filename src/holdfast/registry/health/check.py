"""One check: what is asked, how often, and how many failures count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Check"]

_LONGEST = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check.

    Attributes:
        name: What reports call it; no two checks may share one.
        probe: Returns when all is well, and raises what is wrong.
        interval: Seconds from the end of one look to the next.
        threshold: How many failures in a row make a failing check; a single success ends it.
        timeout: Seconds after which no answer is a failure; 0 for half a minute, as a check that waits forever would
            go on telling what was true long ago.
    """

    name: str
    probe: Callable[[], Awaitable[None]]
    interval: float = 10.0
    threshold: int = 1
    timeout: float = 0.0

    def __post_init__(self) -> None:
        if self.interval <= 0 or self.threshold < 1 or self.timeout < 0:
            raise ValueError("a check's interval is over 0, its threshold 1 or more, its timeout 0 or more")

    @property
    def limit(self) -> float:
        """Seconds that one look may take."""
        return self.timeout or _LONGEST
