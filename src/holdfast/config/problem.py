"""What is wrong in a configuration, or worth knowing: one line each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Path", "Problem", "dotted"]

Path: TypeAlias = "tuple[str | int, ...]"
"""The keys and list indexes that lead to a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with one value, or worth knowing about it.

    Attributes:
        path: The value's path.
        place: Where it stands: `file:line:column`, the name of a variable, or the file alone.
        reason: What is wrong, in words that follow the path; never with a secret in it.
    """

    path: Path
    place: str
    reason: str

    def __str__(self) -> str:
        """One line: the place, the dotted path, the reason."""
        return f"{self.place}: {dotted(self.path) or 'the file'}: {self.reason}"


def dotted(path: Path) -> str:
    """Write a path as people do: `http.tls.clientcas.0`."""
    return ".".join(str(part) for part in path)
