"""The one table from errno to storage errors."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final

from holdfast.storage.errors import (
    AccessDeniedError,
    InvalidPathError,
    PathNotFoundError,
    ReadOnlyStorageError,
    StorageError,
    StorageFullError,
    StorageTimeoutError,
    StorageUnavailableError,
    UnexpectedStorageError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ABSENT", "BUSY", "OutsideRootError", "RootError", "reading_error", "writing_error"]

ABSENT: Final = (FileNotFoundError, NotADirectoryError)
"""What a path raises that isn't there: where a file is, nothing can be below."""

BUSY: Final = frozenset({errno.EBUSY, errno.ESTALE, errno.EAGAIN})
"""What passes by itself, as on a network share whose server restarted; worth a few tries more."""


class OutsideRootError(OSError):
    """A symbolic link leads out of the root directory."""


class RootError(OSError):
    """The root directory itself can't be used: it isn't a directory, or we may not enter it."""


_COMMON: Mapping[int, tuple[type[StorageError], str]] = {
    errno.ENAMETOOLONG: (InvalidPathError, "the name is too long for this filesystem"),
    errno.EACCES: (AccessDeniedError, "permission denied"),
    errno.EPERM: (AccessDeniedError, "operation not permitted"),
    errno.ELOOP: (AccessDeniedError, "symbolic links that can't be followed"),
    errno.ENOSPC: (StorageFullError, "no space left on the device"),
    errno.EDQUOT: (StorageFullError, "disk quota exceeded"),
    errno.EFBIG: (StorageFullError, "larger than the filesystem or the process's limit allows"),
    errno.EROFS: (ReadOnlyStorageError, "the filesystem is mounted read-only"),
    errno.EBUSY: (StorageUnavailableError, "the file is busy"),
    errno.ESTALE: (StorageUnavailableError, "the network share has lost the file's handle"),
    errno.EAGAIN: (StorageUnavailableError, "the path kept changing while it was followed"),
    errno.EMFILE: (StorageUnavailableError, "this process has too many open files"),
    errno.ENFILE: (StorageUnavailableError, "the system has too many open files"),
    errno.ENOMEM: (StorageUnavailableError, "out of memory"),
    errno.EIO: (StorageUnavailableError, "input/output error"),
    errno.ENXIO: (StorageUnavailableError, "no such device"),
    errno.ENODEV: (StorageUnavailableError, "no such device"),
    errno.ENOTCONN: (StorageUnavailableError, "the filesystem isn't connected"),
    errno.EHOSTDOWN: (StorageUnavailableError, "the network share's host is down"),
    errno.ETIMEDOUT: (StorageTimeoutError, "the network share didn't answer in time"),
}
_READING: Mapping[int, tuple[type[StorageError], str]] = {
    **_COMMON,
    errno.ENOENT: (PathNotFoundError, "no such file or directory"),
    errno.ENOTDIR: (PathNotFoundError, "a file is where a directory is meant"),
    errno.EISDIR: (PathNotFoundError, "is a directory"),
}
_WRITING: Mapping[int, tuple[type[StorageError], str]] = {
    **_COMMON,
    errno.ENOENT: (StorageUnavailableError, "the directory kept being removed while it was written to"),
    errno.ENOTDIR: (InvalidPathError, "a file is where a directory is meant"),
    errno.EISDIR: (InvalidPathError, "is a directory"),
    errno.EEXIST: (InvalidPathError, "is a directory"),
    errno.ENOTEMPTY: (InvalidPathError, "is a directory"),
}


def reading_error(error: OSError, path: str) -> StorageError:
    """Translate what reading, describing or deleting met; raise the result `from` the error."""
    return _translated(_READING, error, path)


def writing_error(error: OSError, path: str) -> StorageError:
    """Translate what writing or moving met; raise the result `from` the error."""
    return _translated(_WRITING, error, path)


def _translated(table: Mapping[int, tuple[type[StorageError], str]], error: OSError, path: str) -> StorageError:
    if isinstance(error, OutsideRootError):
        message = "a symbolic link leads out of the root directory (an absolute link counts as leading out)"
        return AccessDeniedError(message, path=path)
    if isinstance(error, RootError):
        kind, _ = _COMMON.get(error.errno or 0, (UnexpectedStorageError, ""))
        return kind(f"the root directory {error.filename}: {error.strerror}", path=path)
    number = error.errno or 0
    if number in table:
        kind, message = table[number]
        return kind(message, path=path)
    name = errno.errorcode.get(number, str(number))
    return UnexpectedStorageError(f"{name}: {os.strerror(number) if number else error}", path=path)
