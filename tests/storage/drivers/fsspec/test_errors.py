"""The one table from what filesystems raise to storage errors."""

import errno
import socket
from typing import ClassVar

import paramiko
import pytest
from botocore.exceptions import EndpointConnectionError

from holdfast.storage.drivers.fsspec.errors import CLASSES, NUMBERS, storage_error
from holdfast.storage.errors import (
    AccessDeniedError,
    PathNotFoundError,
    StorageError,
    StorageFullError,
    StorageTimeoutError,
    StorageUnavailableError,
    UnexpectedStorageError,
)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (FileNotFoundError(), PathNotFoundError),
        (NotADirectoryError(), PathNotFoundError),
        (PermissionError(), AccessDeniedError),
        (OSError(errno.ENOSPC, "full"), StorageFullError),
        (OSError("Failure"), UnexpectedStorageError),
        (OSError(errno.EIO, "broken"), UnexpectedStorageError),
        (ConnectionResetError(), StorageUnavailableError),
        (socket.gaierror("unknown host"), StorageUnavailableError),
        (TimeoutError(), StorageTimeoutError),
        (EOFError(), StorageUnavailableError),
        (paramiko.AuthenticationException(), AccessDeniedError),
        (paramiko.SSHException("Server connection dropped"), StorageUnavailableError),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), StorageUnavailableError),
        (ValueError("what"), UnexpectedStorageError),
        (KeyError("name"), UnexpectedStorageError),
    ],
)
def test_what_it_means(error: Exception, kind: type[StorageError]) -> None:
    """Each is what the table says of the nearest of its classes; what nobody knows is never "not found"."""
    assert kind is type(storage_error(error))


def test_missing_bucket_is_no_missing_file() -> None:
    """s3fs says "not found" of both, and what S3 said stands behind it."""

    class ClientError(Exception):
        response: ClassVar[dict[str, dict[str, str]]] = {"Error": {"Code": "NoSuchBucket"}}

    error = FileNotFoundError("The specified bucket does not exist")
    error.__cause__ = ClientError()

    assert UnexpectedStorageError is type(storage_error(error))


def test_only_not_found_means_absent() -> None:
    """No more than these mean that nothing is there."""
    absent = {name for name, kind in CLASSES.items() if kind is PathNotFoundError}
    numbers = {number for number, kind in NUMBERS.items() if kind is PathNotFoundError}

    assert {
        "builtins.FileNotFoundError",
        "builtins.NotADirectoryError",
        "builtins.IsADirectoryError",
        "azure.core.exceptions.ResourceNotFoundError",
    } == absent
    assert {errno.ENOENT, errno.ENOTDIR, errno.EISDIR} == numbers
