"""A backend that is a plain dictionary: small enough to see what a bridge makes of one, and to let it fail."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from holdfast.storage.drivers._bridge.backend import Backend, Entry, OpenFile, Traits
from holdfast.storage.errors import PathNotFoundError

__all__ = ["FolderBackend"]


class FolderBackend(Backend):
    """Files and directories by path.

    Attributes:
        files: What is there.
        directories: All directories but the root.
        calls: What was asked for, in order, as `method path`.
    """

    def __init__(self, traits: Traits) -> None:
        self._traits = traits
        self.files: dict[str, bytes] = {}
        self.directories: set[str] = set()
        self.calls: list[str] = []

    @property
    def traits(self) -> Traits:
        """See `Backend.traits`."""
        return self._traits

    async def stat(self, path: str) -> Entry:
        """See `Backend.stat`."""
        self.calls.append(f"stat {path}")
        if path in self.files:
            return Entry(name=path.rpartition("/")[2], size=len(self.files[path]))
        if path in self.directories or not path:
            return Entry(name=path.rpartition("/")[2], is_dir=True)
        raise PathNotFoundError

    @asynccontextmanager
    async def open(self, path: str, *, offset: int) -> AsyncGenerator[OpenFile]:
        """See `Backend.open`."""
        entry = await self.stat(path)
        if entry.is_dir:
            raise PathNotFoundError
        yield OpenFile(entry, _pieces(self.files[path][offset:]))

    async def save(self, path: str, chunks: AsyncIterator[bytes], *, size: int, create_only: bool = False) -> None:
        """See `Backend.save`."""
        del size, create_only
        self.calls.append(f"save {path}")
        self._require_directory(path)
        self.files[path] = b"".join([chunk async for chunk in chunks])

    async def rename(self, source: str, path: str) -> None:
        """See `Backend.rename`."""
        self.calls.append(f"rename {path}")
        self._require_directory(path)
        if source not in self.files:
            raise PathNotFoundError
        self.files[path] = self.files.pop(source)

    async def copy(self, source: str, path: str) -> None:
        """See `Backend.copy`."""
        self.files[path] = self.files[source]

    async def remove(self, path: str) -> None:
        """See `Backend.remove`."""
        self.files.pop(path, None)

    async def scan(self, directory: str) -> list[Entry]:
        """See `Backend.scan`."""
        self.calls.append(f"scan {directory}")
        below = f"{directory}/" if directory else ""
        names = dict.fromkeys(self.files, False) | dict.fromkeys(self.directories, True)
        return [
            Entry(name=path[len(below) :], is_dir=is_dir)
            for path, is_dir in names.items()
            if path.startswith(below) and "/" not in path[len(below) :]
        ]

    async def below(self, directory: str, *, after: str) -> AsyncIterator[tuple[str, Entry]]:
        """See `Backend.below`."""
        raise NotImplementedError

    async def make_directory(self, path: str) -> None:
        """See `Backend.make_directory`."""
        if path:
            self._require_directory(path)
            self.directories.add(path)

    async def remove_directory(self, path: str) -> bool:
        """See `Backend.remove_directory`."""
        if await self.scan(path):
            return False
        self.directories.discard(path)
        return True

    async def sign(self, path: str, *, method: str, seconds: int) -> str | None:
        """See `Backend.sign`."""
        del path, method, seconds
        return None

    def identify(self) -> str:
        """See `Backend.identify`."""
        return "a dictionary"

    async def aclose(self) -> None:
        """See `Backend.aclose`."""

    def _require_directory(self, path: str) -> None:
        directory = path.rpartition("/")[0]
        if directory and directory not in self.directories:
            raise PathNotFoundError


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    if content:
        yield content
