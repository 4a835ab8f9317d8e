import errno
import os

import pytest

from holdfast.storage import PathNotFoundError
from holdfast.storage.drivers.filesystem._errors import OutsideRootError, RootError, reading_error, writing_error
from holdfast.storage.errors import (
    AccessDeniedError,
    InvalidPathError,
    ReadOnlyStorageError,
    StorageError,
    StorageFullError,
    StorageUnavailableError,
    UnexpectedStorageError,
)

_ABSENT_WHEN_READING = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR}


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_only_what_says_so_is_absent(number: int) -> None:
    """Of all errors a system has, three mean "not there" when reading, and none when writing."""
    error = OSError(number, os.strerror(number))

    assert isinstance(reading_error(error, "/a"), PathNotFoundError) == (number in _ABSENT_WHEN_READING)
    assert not isinstance(writing_error(error, "/a"), PathNotFoundError)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, StorageFullError),
        (errno.EDQUOT, StorageFullError),
        (errno.EROFS, ReadOnlyStorageError),
        (errno.EACCES, AccessDeniedError),
        (errno.EPERM, AccessDeniedError),
        (errno.ENOTDIR, InvalidPathError),
        (errno.EISDIR, InvalidPathError),
        (errno.ENOTEMPTY, InvalidPathError),
        (errno.ENAMETOOLONG, InvalidPathError),
        (errno.ESTALE, StorageUnavailableError),
        (errno.EBUSY, StorageUnavailableError),
        (errno.EMFILE, StorageUnavailableError),
        (errno.EIO, StorageUnavailableError),
        (errno.EBADMSG, UnexpectedStorageError),
    ],
)
def test_what_writing_can_meet(number: int, kind: type[StorageError]) -> None:
    """Each error is what its reader can act on, and names the path."""
    error = writing_error(OSError(number, os.strerror(number)), "/a")

    assert type(error) is kind
    assert error.path == "/a"


def test_unknown_error_is_named() -> None:
    """What the table doesn't know is told by the system's own name for it."""
    assert "EBADMSG" in str(reading_error(OSError(errno.EBADMSG, "x"), "/a"))


def test_trouble_with_the_root_is_never_absence() -> None:
    """A root that is no directory isn't an empty store; one that is full or read-only is told as such."""
    for number, kind in ((errno.ENOTDIR, UnexpectedStorageError), (errno.ENOSPC, StorageFullError)):
        error = reading_error(RootError(number, os.strerror(number), "/root"), "/a")

        assert type(error) is kind
        assert "the root directory /root" in str(error)


def test_leading_out_is_a_refusal() -> None:
    """It has the number of a rename across filesystems, and isn't one."""
    assert type(writing_error(OutsideRootError(errno.EXDEV, "x"), "/a")) is AccessDeniedError
