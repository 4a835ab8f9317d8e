"""The one table from what fsspec's filesystems raise to storage errors.

fsspec asks its filesystems for Python's own `FileNotFoundError` and `PermissionError`, and most keep to it. What comes
from the libraries under them is known by its class's full name: none of them needs to be installed.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any, Final

from holdfast.storage.errors import (
    AccessDeniedError,
    IncompleteReadError,
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
    from collections.abc import Mapping

__all__ = ["CLASSES", "NUMBERS", "storage_error"]

NUMBERS: Final[Mapping[int, type[StorageError]]] = {
    errno.ENOENT: PathNotFoundError,
    errno.ENOTDIR: PathNotFoundError,
    errno.EISDIR: PathNotFoundError,
    errno.EACCES: AccessDeniedError,
    errno.EPERM: AccessDeniedError,
    errno.EROFS: ReadOnlyStorageError,
    errno.ENOSPC: StorageFullError,
    errno.EDQUOT: StorageFullError,
    errno.EBUSY: ThrottledError,  # s3fs says so for SlowDown and ServiceUnavailable
    errno.EREMOTEIO: StorageUnavailableError,  # s3fs says so for InternalError
    errno.ETIMEDOUT: StorageTimeoutError,
    errno.ECONNREFUSED: StorageUnavailableError,
    errno.ECONNRESET: StorageUnavailableError,
    errno.ECONNABORTED: StorageUnavailableError,
    errno.EPIPE: StorageUnavailableError,
    errno.EHOSTUNREACH: StorageUnavailableError,
    errno.ENETUNREACH: StorageUnavailableError,
}
"""What the number of an `OSError` means."""

CLASSES: Final[Mapping[str, type[StorageError]]] = {
    "builtins.FileNotFoundError": PathNotFoundError,
    "builtins.NotADirectoryError": PathNotFoundError,
    "builtins.IsADirectoryError": PathNotFoundError,
    "builtins.FileExistsError": PreconditionFailedError,
    "builtins.PermissionError": AccessDeniedError,
    "builtins.TimeoutError": StorageTimeoutError,
    "builtins.ConnectionError": StorageUnavailableError,
    "builtins.EOFError": StorageUnavailableError,  # paramiko: the connection has ended
    "socket.gaierror": StorageUnavailableError,
    "asyncio.exceptions.TimeoutError": StorageTimeoutError,
    "fsspec.exceptions.FSTimeoutError": StorageTimeoutError,
    "s3fs.utils.FileExpired": IncompleteReadError,
    "paramiko.ssh_exception.AuthenticationException": AccessDeniedError,
    "paramiko.ssh_exception.BadHostKeyException": UnexpectedStorageError,
    "paramiko.ssh_exception.SSHException": StorageUnavailableError,
    "paramiko.ssh_exception.NoValidConnectionsError": StorageUnavailableError,
    "botocore.exceptions.NoCredentialsError": AccessDeniedError,
    "botocore.exceptions.ConnectTimeoutError": StorageTimeoutError,
    "botocore.exceptions.ReadTimeoutError": StorageTimeoutError,
    "botocore.exceptions.ConnectionError": StorageUnavailableError,
    "botocore.exceptions.HTTPClientError": StorageUnavailableError,
    "aiohttp.client_exceptions.ServerTimeoutError": StorageTimeoutError,
    "aiohttp.client_exceptions.ClientError": StorageUnavailableError,
    "requests.exceptions.Timeout": StorageTimeoutError,
    "requests.exceptions.ConnectionError": StorageUnavailableError,
    "azure.core.exceptions.ResourceNotFoundError": PathNotFoundError,
    "azure.core.exceptions.ResourceExistsError": PreconditionFailedError,
    "azure.core.exceptions.ClientAuthenticationError": AccessDeniedError,
    "azure.core.exceptions.ServiceRequestError": StorageUnavailableError,
    "azure.core.exceptions.ServiceResponseError": StorageUnavailableError,
    "ftplib.error_temp": StorageUnavailableError,
    "smbprotocol.exceptions.SMBConnectionClosed": StorageUnavailableError,
    "smbprotocol.exceptions.SMBAuthenticationError": AccessDeniedError,
}
"""What an exception's class means; one that isn't here counts as the nearest of its bases, then as unexpected."""

_NO_BUCKET: Final = frozenset({"NoSuchBucket", "InvalidBucketName"})


def storage_error(error: Exception) -> StorageError:
    """Translate an exception; raise the result `from` it."""
    message = f"{type(error).__name__}: {error}".rstrip(": ")
    kind = _kind(error)
    if kind is PathNotFoundError and _code(error.__cause__) in _NO_BUCKET:
        kind = UnexpectedStorageError  # s3fs: the bucket is missing, which isn't the absence of a file
    if kind is UnexpectedStorageError and _was_replaced(error):
        kind = IncompleteReadError
    return kind(message)


def _was_replaced(error: BaseException | None) -> bool:
    """Whether an object of S3 isn't the one any more that was opened: s3fs stumbles over stores that say so briefly."""
    while error is not None:
        if _code(error) == "PreconditionFailed":
            return True
        error = error.__cause__ or error.__context__
    return False


def _kind(error: Exception) -> type[StorageError]:
    for base in type(error).__mro__:
        name = f"{base.__module__}.{base.__qualname__}"
        if name in CLASSES:
            return CLASSES[name]
        if name == "builtins.OSError" and isinstance(error, OSError):
            return NUMBERS.get(error.errno or 0, UnexpectedStorageError)
    return UnexpectedStorageError


def _code(cause: BaseException | None) -> str | None:
    """The code in an answer of S3 that botocore has read."""
    answer: Any = getattr(cause, "response", None)
    return answer.get("Error", {}).get("Code") if isinstance(answer, dict) else None
