"""What a check raises besides the errors of storage."""

from __future__ import annotations

__all__ = ["BrokenPromiseError"]


class BrokenPromiseError(Exception):
    """The storage gave an answer, and not the one that the contract of drivers promises.

    Attributes:
        remedy: What to do; empty for what the check itself says.
        said: The store's own words; `None` where it said nothing.
    """

    def __init__(self, message: str, *, remedy: str = "", said: str | None = None) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.said = said
