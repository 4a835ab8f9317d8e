"""The one table from OpenDAL's exceptions to storage errors."""

import pytest
from opendal import exceptions

from holdfast.storage.drivers.opendal.errors import KINDS, storage_error
from holdfast.storage.errors import (
    PathNotFoundError,
    PreconditionFailedError,
    StorageError,
    StorageFullError,
    StorageUnavailableError,
    ThrottledError,
    UnexpectedStorageError,
)


def test_every_exception_is_in_the_table() -> None:
    """An exception that OpenDAL adds fails here, not at somebody's registry."""
    known = {kind for kind in vars(exceptions).values() if isinstance(kind, type) and issubclass(kind, Exception)}

    assert set() == known - KINDS.keys()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (exceptions.NotFound("NotFound (permanent) at stat => no such object"), PathNotFoundError),
        (exceptions.NotFound("NotFound (permanent) at list => NoSuchBucket"), UnexpectedStorageError),
        (exceptions.Unexpected("Unexpected (permanent) at stat => what"), UnexpectedStorageError),
        (exceptions.Unexpected("Unexpected (temporary) at stat => connection refused"), StorageUnavailableError),
        (exceptions.Unexpected("Unexpected (permanent) at stat => it said (temporary)"), UnexpectedStorageError),
        (exceptions.RateLimited("RateLimited (temporary) at write"), ThrottledError),
        (exceptions.Unexpected("Unexpected (temporary) at stat => not a directory (os error 20)"), PathNotFoundError),
        (exceptions.Unexpected("Unexpected (temporary) at write => full (os error 28)"), StorageFullError),
        (exceptions.Unexpected("Unexpected (temporary) at stat => refused (os error 111)"), StorageUnavailableError),
        (OSError("ConditionNotMatch (permanent) at read, context: {}"), PreconditionFailedError),
        (OSError("Unexpected (temporary) at read, context: {}"), StorageUnavailableError),
        (FileNotFoundError("while reading"), PathNotFoundError),
        (ConnectionResetError("while reading"), StorageUnavailableError),
    ],
)
def test_what_it_means(error: Exception, kind: type[StorageError]) -> None:
    """By its class, and by what OpenDAL says at the beginning of it: whether it passes."""
    assert kind is type(storage_error(error))
