"""The folder of the copies: what any number of processes may do with it at once, none of it waiting for the network.

    <rootdirectory>/
    ├── lock                          locked while room is made; says how many bytes are taken
    ├── new/<random>                  being filled, locked by its process, already as long as it will be
    └── <algorithm>/<two digits>/<hex>    whole

The files are the only truth: there is no index to be lost, `lock` may say too much after a crash, and then all is
counted anew as soon as room is needed. A file's access time, set by us, tells when it was last used.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from cachetools import LRUCache

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from holdfast.storage.driver import Buffer
    from holdfast.storage.middleware._digests import WrittenDigest

__all__ = ["CacheFolder", "NewCopy"]

_SPARED_SECONDS: Final = 60
"""A copy that was used just now isn't taken away: somebody may be about to open it by its path."""

_REMEMBERED: Final = 100_000
_BLOCK: Final = 1024 * 1024


class _Identity(NamedTuple):
    """What tells one state of a file from another. Reading it, and noting that it was used, change none of this."""

    inode: int
    size: int
    modified: int


class _Copy(NamedTuple):
    used: float
    size: int
    path: Path


class CacheFolder:
    """The copies, and how much they take.

    All methods block, and raise `OSError` where the disk fails.

    Args:
        root: The folder; made when it is first written to.
        size: Bytes that copies take at most, those being made included.
        maxfile: The largest file that is copied, in bytes.
    """

    def __init__(self, root: Path, *, size: int, maxfile: int) -> None:
        self._root = root
        self._size = size
        self._maxfile = min(maxfile, size)
        self._verified: LRUCache[WrittenDigest, _Identity] = LRUCache(_REMEMBERED)

    def path(self, digest: WrittenDigest) -> Path:
        """Where the copy of a digest's content is, if there is one."""
        return self._root / digest.algorithm / digest.hex[:2] / digest.hex

    def has(self, digest: WrittenDigest) -> bool:
        """Whether there is a copy, good or not; as quick as asking the kernel. A disk that fails has none."""
        try:
            self.path(digest).stat()
        except OSError:
            return False
        return True

    def open(self, digest: WrittenDigest) -> int | None:
        """Open a copy, once it is known to be what its digest says; `None` where there is none, or a damaged one.

        Each process reads a copy whole before it uses it for the first time, or for the first time since it changed.
        """
        try:
            file = os.open(self.path(digest), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            if not self._is_good(file, digest):
                self.drop(digest)
                os.close(file)
                return None
            os.utime(file, ns=(time.time_ns(), os.fstat(file).st_mtime_ns))
        except BaseException:
            os.close(file)
            raise
        return file

    def begin(self, digest: WrittenDigest, size: int) -> NewCopy | None:
        """Begin a copy of so many bytes; `None` where it is too large, or no room can be made."""
        if size > self._maxfile:
            return None
        path = self._root / "new" / secrets.token_hex(16)
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._taken() as lock:  # also while it is made: one that isn't locked is taken for a dead process's
            if not self._reserve(lock, size):
                return None
            try:
                file = _made(path, size)
            except BaseException:
                path.unlink(missing_ok=True)
                _write_number(lock, max(0, (_read_number(lock) or 0) - size))
                raise
        return NewCopy(self, digest, path, file, size)

    def drop(self, digest: WrittenDigest) -> None:
        """Delete a copy; none is no error."""
        path = self.path(digest)
        try:
            size = path.stat().st_size
            path.unlink()
        except FileNotFoundError:
            return
        self._give_back(size)

    def adopt(self, new: NewCopy) -> None:
        """Give a whole new copy its name."""
        path = self.path(new.digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        identity = _identity(new.file)
        with self._taken() as lock:  # else who counts meanwhile might meet it at neither place
            before = path.stat().st_size if path.exists() else 0
            new.path.rename(path)
            _write_number(lock, max(0, (_read_number(lock) or 0) - before))
        self._verified[new.digest] = identity

    def discard(self, new: NewCopy) -> None:
        """Delete a new copy."""
        new.path.unlink(missing_ok=True)
        self._give_back(new.size)

    def _is_good(self, file: int, digest: WrittenDigest) -> bool:
        identity = _identity(file)
        if self._verified.get(digest) == identity:
            return True
        hashing = hashlib.new(digest.algorithm)
        at = 0
        while block := os.pread(file, _BLOCK, at):
            hashing.update(block)
            at += len(block)
        if hashing.hexdigest() != digest.hex:
            return False
        self._verified[digest] = identity
        return True

    # Room -----------------------------------------------------------------------------------------

    def _reserve(self, lock: int, size: int) -> bool:
        taken = _read_number(lock)
        if taken is None or taken + size > self._size:
            taken = self._make_room(size)
        has_room = taken + size <= self._size
        _write_number(lock, taken + size if has_room else taken)
        return has_room

    def _give_back(self, size: int) -> None:
        if size:
            with self._taken() as lock:
                _write_number(lock, max(0, (_read_number(lock) or 0) - size))

    @contextmanager
    def _taken(self) -> Iterator[int]:
        """Hold the lock, among processes and threads."""
        self._root.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield lock
        finally:
            os.close(lock)

    def _make_room(self, size: int) -> int:
        """Count all files, and delete those used longest ago, and a tenth more than is needed: counting takes time.

        Returns:
            How many bytes are taken then.
        """
        copies = sorted(self._copies())
        taken = sum(copy.size for copy in copies) + self._being_made()
        if taken + size <= self._size:
            return taken
        spared = time.time() - _SPARED_SECONDS
        for copy in copies:
            if taken + size <= self._size * 9 // 10 or copy.used > spared:
                break
            copy.path.unlink(missing_ok=True)
            taken -= copy.size
        return taken

    def _copies(self) -> Iterator[_Copy]:
        for path in self._root.glob("*/[0-9a-f][0-9a-f]/*"):
            with suppress(FileNotFoundError):  # another process has dropped it
                info = path.stat()
                yield _Copy(info.st_atime, info.st_size, path)

    def _being_made(self) -> int:
        """How many bytes the new copies take; those of dead processes are deleted."""
        taken = 0
        for path in (self._root / "new").glob("*"):
            try:
                file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                taken += os.fstat(file).st_size
            else:
                path.unlink(missing_ok=True)
            finally:
                os.close(file)
        return taken


class NewCopy:
    """A copy that is being made.

    All methods block, and raise `OSError` where the disk fails.

    Attributes:
        digest: What its content must hash to.
        path: Where it is while it is made.
        file: The open file.
        size: How many bytes it is to have.
    """

    def __init__(self, folder: CacheFolder, digest: WrittenDigest, path: Path, file: int, size: int) -> None:
        self.digest = digest
        self.path = path
        self.file = file
        self.size = size
        self._folder = folder
        self._hashing = hashlib.new(digest.algorithm)
        self._at = 0

    def write(self, data: Buffer) -> None:
        """Append, and hash."""
        view = memoryview(data)
        self._hashing.update(view)
        while view:
            written = os.pwrite(self.file, view, self._at)
            self._at += written
            view = view[written:]

    def read(self, size: int, at: int) -> bytes:
        """Read what was written."""
        return os.pread(self.file, size, at)

    def finish(self) -> bool:
        """Take the content for a copy, if it is what the digest says; else throw it away."""
        is_good = self._at == self.size and self._hashing.hexdigest() == self.digest.hex
        if is_good:
            self._folder.adopt(self)
        else:
            self._folder.discard(self)
        return is_good

    def abandon(self) -> None:
        """Throw it away."""
        self._folder.discard(self)

    def close(self) -> None:
        """Close the file; what is at its path stays."""
        os.close(self.file)


def _made(path: Path, size: int) -> int:
    """Make a file of a length, open and locked."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        os.truncate(file, size)
    except BaseException:
        os.close(file)
        raise
    return file


def _identity(file: int) -> _Identity:
    info = os.fstat(file)
    return _Identity(info.st_ino, info.st_size, info.st_mtime_ns)


def _read_number(file: int) -> int | None:
    text = os.pread(file, 32, 0)
    return int(text) if text.strip().isdigit() else None


def _write_number(file: int, number: int) -> None:
    os.pwrite(file, b"%-31d\n" % number, 0)
