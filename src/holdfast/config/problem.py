"""What is wrong in a configuration, or worth knowing: one line each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from holdfast.storage.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Path", "Problem", "dotted", "in_one_line"]

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
    """Write a path as people do: `http.tls.clientcas.0`. A key with a line break in it is quoted."""
    return ".".join(part if part.isprintable() else repr(part) for part in map(str, path))


def in_one_line(problems: Sequence[Problem]) -> ConfigurationError:
    """Return the error that tells the first of some problems, at least one, and how many more there are."""
    first, *others = problems
    more = f" ({len(others)} more: `holdfast config check` tells all)" if others else ""
    return ConfigurationError(f"{first}{more}")
