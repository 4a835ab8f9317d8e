"""What the adapter of a storage library does: files by relative path, directories where there are any.

A path has no slash at its ends; the empty one is the root. Errors are those of `holdfast.storage.errors`, made by the
one table of the driver's `errors.py`. Trying again is not a backend's business.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

__all__ = ["Backend", "Entry", "OpenFile", "Traits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What a backend is, and what it can do.

    Attributes:
        tree: Directories are things of their own; otherwise a path is a key, and `save` shows content when it is whole.
        shared: Another process given the same options sees the same files.
        rename: `rename` renames a file, over what is there.
        replaces: It does so at once: who reads finds the old or the new file, and never none.
        copy: `copy` copies within the backend.
        removes_empty: `remove_directory` refuses a directory that isn't empty; where it would take all with it,
            directories are never removed.
        ordered: `below` lists all keys in byte order, from any key on, with their sizes.
        create_only: `save` can be told to write only where nothing is.
        sign_get: `sign` makes URLs for `GET`.
        sign_head: `sign` makes URLs for `HEAD`.
        max_piece: The most bytes that content may have, where the backend takes it in one piece only.
    """

    tree: bool
    shared: bool = True
    rename: bool = False
    replaces: bool = False
    copy: bool = False
    removes_empty: bool = False
    ordered: bool = False
    create_only: bool = False
    sign_get: bool = False
    sign_head: bool = False
    max_piece: int | None = None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A file or a directory, as the backend tells of it.

    Attributes:
        name: The last component of its path.
        is_dir: Whether it is a directory.
        size: Its bytes; `None` where a listing doesn't tell.
        modified: When it was written, aware, UTC; `None` where the backend doesn't tell.
        version: Changes with the content, as far as the backend tells: an ETag, or time and size.
    """

    name: str
    is_dir: bool = False
    size: int | None = None
    modified: datetime | None = None
    version: str | None = None


class OpenFile(NamedTuple):
    """A file that is being read.

    Attributes:
        entry: The file as it was opened, its size included.
        chunks: Its bytes from the offset on, in non-empty pieces of at most `MAX_CHUNK_BYTES`.
    """

    entry: Entry
    chunks: AsyncIterator[bytes]


class Backend(ABC):
    """One backend of a storage library, as the driver's options name it."""

    @property
    @abstractmethod
    def traits(self) -> Traits:
        """Constant for its lifetime; known without a request."""

    @abstractmethod
    async def stat(self, path: str) -> Entry:
        """Describe a file, or a directory where there are any.

        Raises:
            PathNotFoundError: Nothing is there.
        """

    @abstractmethod
    def open(self, path: str, *, offset: int) -> AbstractAsyncContextManager[OpenFile]:
        """Open a file for reading; entering it waits until it is open. Leaving it frees everything.

        What is read is the content of one moment, or an error. An offset at or past the end yields nothing.

        Raises:
            PathNotFoundError: Nothing, or a directory, is there.
        """

    @abstractmethod
    async def save(self, path: str, chunks: AsyncIterator[bytes], *, size: int, create_only: bool = False) -> None:
        """Write a file, whose directory is there, in bounded memory. In a tree it may show before it is whole.

        Failed, an object that was there stands; in a tree, the beginning of the new content may be left.

        Args:
            path: The file.
            chunks: Its content.
            size: How many bytes that will be.
            create_only: Only where nothing is. Never asked where `traits.create_only` doesn't hold.

        Raises:
            PathNotFoundError: Its directory isn't there.
            PreconditionFailedError: `create_only`, and something is there.
        """

    @abstractmethod
    async def rename(self, source: str, path: str) -> None:
        """Rename a file over what is there. Never asked where `traits.rename` doesn't hold.

        Raises:
            PathNotFoundError: The source, or the directory of the other path, isn't there.
        """

    @abstractmethod
    async def copy(self, source: str, path: str) -> None:
        """Copy a file within the backend. Never asked where `traits.copy` doesn't hold.

        Raises:
            PathNotFoundError: The source isn't there.
        """

    @abstractmethod
    async def remove(self, path: str) -> None:
        """Delete a file. One that isn't there is no error; a directory stays."""

    @abstractmethod
    async def scan(self, directory: str) -> list[Entry]:
        """List what is directly in a directory, in any order. None is there: an empty list.

        Where a path can be a file and a directory, both are listed.
        """

    @abstractmethod
    async def below(self, directory: str, *, after: str) -> AsyncIterator[tuple[str, Entry]]:
        """List all files below a directory with their paths, those greater than one only.

        It holds nothing open between two of them. Never asked where `traits.ordered` doesn't hold.
        """

    @abstractmethod
    async def make_directory(self, path: str) -> None:
        """Make a directory, whose own directory is there; the root with all above it. It may be there already."""

    @abstractmethod
    async def remove_directory(self, path: str) -> bool:
        """Remove a directory that is empty, never a file, and tell whether it is gone.

        Never asked where `traits.removes_empty` doesn't hold.
        """

    @abstractmethod
    async def sign(self, path: str, *, method: str, seconds: int) -> str | None:
        """Return a URL that is good for a method and so long; `None` where that can't be had."""

    @abstractmethod
    def identify(self) -> str:
        """Tell which backend this is, for a log line; never a secret."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close all connections and end all threads; idempotent."""
