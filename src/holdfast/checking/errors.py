"""What a check raises besides the errors of storage."""

from __future__ import annotations

__all__ = ["BrokenPromiseError"]


class BrokenPromiseError(Exception):
    """The storage gave an answer, and not the one that the contract of drivers promises.

    Attributes:
        said: The store's own words; `None` where it said nothing.
        refused: Whether the answer was that access is denied.
    """

    def __init__(self, message: str, *, said: str | None = None, refused: bool = False) -> None:
        super().__init__(message)
        self.said = said
        self.refused = refused
