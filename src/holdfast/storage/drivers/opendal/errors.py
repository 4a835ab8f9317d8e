"""The one table from OpenDAL's exceptions to storage errors."""

from __future__ import annotations

import errno
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from opendal import exceptions

from holdfast.storage.drivers._objectstore.bucket import PastEndError
from holdfast.storage.errors import (
    AccessDeniedError,
    PathNotFoundError,
    PreconditionFailedError,
    ReadOnlyStorageError,
    StorageError,
    StorageFullError,
    StorageTimeoutError,
    StorageUnavailableError,
    ThrottledError,
    UnexpectedStorageError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["KINDS", "storage_error", "translated"]

KINDS: Final[Mapping[type[Exception], type[StorageError]]] = {
    exceptions.NotFound: PathNotFoundError,
    exceptions.NotADirectory: PathNotFoundError,
    exceptions.IsADirectory: PathNotFoundError,
    exceptions.PermissionDenied: AccessDeniedError,
    exceptions.ConditionNotMatch: PreconditionFailedError,
    exceptions.AlreadyExists: PreconditionFailedError,
    exceptions.RateLimited: ThrottledError,
    exceptions.RangeNotSatisfied: PastEndError,
    exceptions.Conflict: StorageUnavailableError,
    exceptions.ConfigInvalid: UnexpectedStorageError,
    exceptions.IsSameFile: UnexpectedStorageError,
    exceptions.Unsupported: UnexpectedStorageError,
    exceptions.Unexpected: UnexpectedStorageError,
    exceptions.Error: UnexpectedStorageError,
    FileNotFoundError: PathNotFoundError,
    PermissionError: AccessDeniedError,
    TimeoutError: StorageTimeoutError,
    ConnectionError: StorageUnavailableError,
    OSError: UnexpectedStorageError,
}
"""What each exception means, or the nearest of its bases; open files raise Python's own."""

_BEGINNING: Final = re.compile(r"(?P<kind>\w+) \((?P<status>permanent|temporary|persistent)\)").match
"""How an error of OpenDAL begins. Whether it passes is told there alone, and of what open files raise, which it is."""

NUMBERS: Final[Mapping[int, type[StorageError]]] = {
    errno.ENOENT: PathNotFoundError,
    errno.ENOTDIR: PathNotFoundError,
    errno.EISDIR: PathNotFoundError,
    errno.ENOTEMPTY: UnexpectedStorageError,
    errno.EACCES: AccessDeniedError,
    errno.EPERM: AccessDeniedError,
    errno.EROFS: ReadOnlyStorageError,
    errno.ENOSPC: StorageFullError,
    errno.EDQUOT: StorageFullError,
}
"""What an error of this machine's system means; OpenDAL takes them for passing ones, whatever they are."""

_NUMBER: Final = re.compile(r"\(os error (\d+)\)").search
"""The number of such an error, as Rust writes it."""

_NO_BUCKET: Final = re.compile(r"NoSuchBucket|ContainerNotFound|bucket does not exist").search
"""That the bucket is missing, which isn't the absence of an object; OpenDAL has one word for both."""

_CHARACTERS: Final = 500


def storage_error(error: Exception) -> StorageError:
    """Translate an exception; raise the result `from` it."""
    text = " ".join(str(error).split())
    kind = next((KINDS[base] for base in type(error).__mro__ if base in KINDS), UnexpectedStorageError)
    beginning = _BEGINNING(text)
    if beginning is not None and isinstance(error, OSError):
        kind = KINDS.get(getattr(exceptions, beginning["kind"], type(error)), kind)
    if kind is PathNotFoundError and _NO_BUCKET(text):
        kind = UnexpectedStorageError
    if kind is UnexpectedStorageError:
        number = _NUMBER(text)
        passing = StorageUnavailableError if beginning is not None and beginning["status"] != "permanent" else kind
        kind = NUMBERS.get(int(number[1]), passing) if number else passing
    return kind(text[:_CHARACTERS])


@contextmanager
def translated() -> Iterator[None]:
    """Raise OpenDAL's exceptions as storage errors."""
    try:
        yield
    except tuple(KINDS) as error:
        raise storage_error(error) from error
