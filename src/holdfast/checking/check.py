"""A check, as data and one function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from holdfast.checking.trial import Trial

__all__ = ["Check"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing to find out.

    Attributes:
        name: Its name, of one or two words.
        what: What it does, in words.
        run: Does it. Returning means that all is well; it raises the storage's own error, or `BrokenPromiseError`.
        needs: The checks that must not have failed before.
        capability: The driver's capability that it is about; where that isn't declared, it isn't tried.
        without: What the registry does where the capability is missing.
        remedy: What to do where the storage answers, and wrongly.
        patience: How much more time it gets than others, since it moves much content.
    """

    name: str
    what: str
    run: Callable[[Trial], Awaitable[None]]
    needs: tuple[str, ...] = ()
    capability: str | None = None
    without: str = ""
    remedy: str = ""
    patience: float = 1.0
