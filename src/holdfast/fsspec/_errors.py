"""Storage errors as Python's own, which is what programs that use fsspec expect."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from holdfast.storage.errors import (
    AccessDeniedError,
    InvalidPathError,
    PathNotFoundError,
    PreconditionFailedError,
    ReadOnlyStorageError,
    StorageError,
    StorageFullError,
    StorageTimeoutError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["NUMBERS", "system_errors"]

NUMBERS: Final[Mapping[type[StorageError], int]] = {
    PathNotFoundError: errno.ENOENT,
    AccessDeniedError: errno.EACCES,
    PreconditionFailedError: errno.EEXIST,
    ReadOnlyStorageError: errno.EROFS,
    StorageFullError: errno.ENOSPC,
    StorageTimeoutError: errno.ETIMEDOUT,
    InvalidPathError: errno.EINVAL,
}
"""What an error is to a program that knows files; any other is `EIO`, with the error as its cause."""


@contextmanager
def system_errors(path: str, *, reading: bool = False) -> Iterator[None]:
    """Raise storage errors as `OSError`, of the class that Python has for the number.

    Args:
        path: What they are about.
        reading: A path that can't name anything is one at which nothing is.
    """
    try:
        yield
    except StorageError as error:
        number = NUMBERS.get(type(error), errno.EIO)
        if number == errno.EINVAL and reading:
            number = errno.ENOENT
        text = os.strerror(number) if isinstance(error, PathNotFoundError) else str(error)
        raise OSError(number, text, path) from error
