"""fsspec's files, which differ in what they tell and in how they are ended. All of it blocks."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any, Final

from holdfast.storage.drivers.fsspec._entries import entry_of
from holdfast.storage.errors import PathNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    from fsspec import AbstractFileSystem

    from holdfast.storage.drivers._bridge.backend import Entry

__all__ = ["CHUNK_BYTES", "Reading", "Writing"]

CHUNK_BYTES: Final = 1024 * 1024
"""What is read at once."""

_OBJECT_CHUNK_BYTES: Final = 4 * 1024 * 1024
"""What is read at once where each reading is a request."""

_REMOTE_CHUNK_BYTES: Final = 256 * 1024
"""What is read at once of paramiko's files, which add each answer of 32 KiB to a copy of all that came before.

Of 1 MiB that leaves holes of 4 MiB in the memory of each thread, of which the allocator gives nothing back.
"""

_BLOCK: Final = 5 * 1024 * 1024
_BLOCKS: Final = 9000
"""Object stores take 10,000 parts of an object."""


class Reading:
    """A file that is open for reading.

    Args:
        filesystem: Where it is.
        path: As the filesystem has it.
        offset: Where reading begins.
        is_object: Whether it is an object of a store, and each reading a request.

    Raises:
        PathNotFoundError: It is a directory.
    """

    def __init__(self, filesystem: AbstractFileSystem, path: str, offset: int, *, is_object: bool) -> None:
        info = entry_of(filesystem.info(path))
        if info.is_dir:
            raise PathNotFoundError("is a directory")
        self._file: Any
        if filesystem.protocol == "memory":  # its files are the store's own, with one position for all who read
            self._file = io.BytesIO(filesystem.cat_file(path))
        else:
            self._file = filesystem.open(path, "rb", **({"cache_type": "none"} if is_object else {}))
        self._size = _OBJECT_CHUNK_BYTES if is_object else CHUNK_BYTES
        if _is_paramikos(self._file):
            self._size = _REMOTE_CHUNK_BYTES
        try:
            self.entry: Entry = _sized(info, self._length())
            self._file.seek(offset)
        except BaseException:
            self._file.close()
            raise

    def _length(self) -> int:
        if isinstance(self._file, io.IOBase):
            return int(self._file.seek(0, io.SEEK_END) or self._file.tell())
        if _is_paramikos(self._file):  # of which seeking takes an error for a length of 0
            return int(self._file.stat().st_size)
        self._file.seek(0, io.SEEK_END)
        return int(self._file.tell())

    def read(self) -> bytes:
        """The next bytes; none at the end."""
        chunk: bytes = self._file.read(self._size)
        return chunk

    def close(self) -> None:
        """Close it."""
        self._file.close()


class Writing:
    """A file that is open for writing.

    Args:
        filesystem: Where it is.
        path: As the filesystem has it.
        size: How many bytes it will have.
        is_object: Whether it is an object of a store, sent in parts and whole when it is closed.
    """

    def __init__(self, filesystem: AbstractFileSystem, path: str, size: int, *, is_object: bool) -> None:
        block = max(_BLOCK, -(-size // _BLOCKS))
        self._is_local = filesystem.protocol in {"file", ("file", "local")}
        self._file: Any = filesystem.open(path, "wb", **({"block_size": block} if is_object else {}))
        self.write: Callable[[bytes], object] = self._file.write

    def finish(self) -> None:
        """Make it whole; on a disk of this machine, durably."""
        if self._is_local:
            self._file.flush()
            os.fsync(self._file.fileno())
        self._file.close()

    def discard(self) -> None:
        """Close it without making it whole, where that differs."""
        if hasattr(self._file, "discard"):
            self._file.discard()
            self._file.closed = True  # closing an object's file would send it as it is
        else:
            self._file.close()


def _is_paramikos(file: Any) -> bool:
    return not isinstance(file, io.IOBase) and hasattr(file, "stat")


def _sized(entry: Entry, size: int) -> Entry:
    return entry if entry.size == size else type(entry)(name=entry.name, size=size)
