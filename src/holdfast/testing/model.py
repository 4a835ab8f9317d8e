"""The contract as a dictionary: what a driver has to look like after a sequence of operations."""

from __future__ import annotations

from dataclasses import dataclass, field

from holdfast.storage.errors import InvalidPathError, PathNotFoundError, PreconditionFailedError
from holdfast.storage.ops import is_below

__all__ = ["Content", "Model"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Content by its size and what varies it: short to print, whatever its length."""

    size: int
    seed: int

    def expand(self) -> bytes:
        """The content itself."""
        period = bytes((self.seed * 31 + position * 7) % 251 for position in range(251))
        return (period * (self.size // 251 + 1))[: self.size]


@dataclass(slots=True)
class Model:
    """What a driver has to look like: content by path, and unfinished writes by path.

    Attributes:
        exclusive_names: Whether a path is a file or a directory, never both.
    """

    exclusive_names: bool = True
    files: dict[str, bytes] = field(default_factory=dict)
    unfinished: dict[str, bytes] = field(default_factory=dict)

    def is_directory(self, path: str) -> bool:
        """Whether a file is below the path."""
        return any(other != path and is_below(other, path) for other in self.files)

    def check_free(self, path: str) -> None:
        """Refuse a path that is, or goes through, the other kind, where that matters."""
        if not self.exclusive_names:
            return
        if self.is_directory(path) or any(other != path and is_below(path, other) for other in self.files):
            raise InvalidPathError(path=path)

    def content(self, path: str) -> bytes:
        """The content of a file."""
        if path not in self.files:
            raise PathNotFoundError(path=path)
        return self.files[path]

    def put(self, path: str, content: bytes, *, create_only: bool = False) -> None:
        """Make a file."""
        self.check_free(path)
        if create_only and path in self.files:
            raise PreconditionFailedError(path=path)
        self.files[path] = content

    def begin(self, path: str, *, append: bool) -> None:
        """Begin or continue an unfinished write."""
        self.check_free(path)
        if not append:
            self.unfinished[path] = b""
        elif path not in self.unfinished:
            self.unfinished[path] = self.content(path)

    def commit(self, path: str) -> None:
        """End an unfinished write as content."""
        self.put(path, self.unfinished.pop(path))

    def move(self, source: str, destination: str) -> None:
        """Move a file."""
        content = self.content(source)
        if source != destination:
            del self.files[source]
            try:
                self.check_free(destination)
            except InvalidPathError:
                self.files[source] = content
                raise
            self.files[destination] = content

    def delete(self, path: str) -> None:
        """Delete everything at and below a path."""
        gone = [other for other in (*self.files, *self.unfinished) if is_below(other, path)]
        if not gone:
            raise PathNotFoundError(path=path)
        for other in gone:
            self.files.pop(other, None)
            self.unfinished.pop(other, None)

    def children(self, path: str) -> list[str]:
        """A directory's children, sorted."""
        below = [other[len(path) + 1 :] for other in self.walk(path)]
        return sorted({f"{path}/{rest.partition('/')[0]}" for rest in below})

    def walk(self, path: str) -> list[str]:
        """A directory's files, sorted."""
        if not self.is_directory(path):
            raise PathNotFoundError(path=path)
        return sorted(other for other in self.files if other != path and is_below(other, path))
