"""A sorted mapping of paths, in which directories are what the paths imply."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Tree"]

T = TypeVar("T")

_AFTER_SLASH = chr(ord("/") + 1)
"""What sorts right behind everything that begins with a slash."""


class Tree(Generic[T]):
    """Values by path, in byte order: paths are ASCII, so the order of characters is that of bytes."""

    def __init__(self) -> None:
        self._values: dict[str, T] = {}
        self._paths: list[str] = []

    def get(self, path: str) -> T | None:
        """Return the value at a path, or `None`."""
        return self._values.get(path)

    def __setitem__(self, path: str, value: T) -> None:
        """Put a value at a path, in the place of one that is there."""
        if path not in self._values:
            insort(self._paths, path)
        self._values[path] = value

    def pop(self, path: str) -> T | None:
        """Remove and return the value at a path; `None` if there is none."""
        value = self._values.pop(path, None)
        if value is not None:
            del self._paths[bisect_left(self._paths, path)]
        return value

    def pop_below(self, path: str) -> list[T]:
        """Remove and return the values at and below a path."""
        first, last = self._range(path)
        removed = [self._values.pop(below) for below in self._paths[first:last]]
        del self._paths[first:last]
        own = self.pop(path)
        return removed if own is None else [own, *removed]

    def has_below(self, path: str) -> bool:
        """Whether anything is below a directory."""
        first, last = self._range(path)
        return first < last

    def children(self, path: str) -> list[str]:
        """Return the full paths of a directory's direct children, sorted."""
        prefix = _prefix(path)
        position, last = self._range(path)
        found = []
        while position < last:
            name, slash, _ = self._paths[position][len(prefix) :].partition("/")
            found.append(prefix + name)
            position = bisect_left(self._paths, prefix + name + _AFTER_SLASH) if slash else position + 1
        return sorted(found)

    def walk(self, path: str, start_after: str | None = None) -> Iterator[tuple[str, T]]:
        """Yield what is below a directory, in order; what is changed meanwhile is seen as it then is."""
        prefix = _prefix(path)
        position = bisect_right(self._paths, max(prefix, start_after or ""))
        while position < len(self._paths) and self._paths[position].startswith(prefix):
            current = self._paths[position]
            yield current, self._values[current]
            position = bisect_right(self._paths, current)

    def _range(self, path: str) -> tuple[int, int]:
        return bisect_left(self._paths, _prefix(path)), bisect_left(self._paths, path.rstrip("/") + _AFTER_SLASH)


def _prefix(path: str) -> str:
    return "/" if path == "/" else path + "/"
