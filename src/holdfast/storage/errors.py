"""Every error that storage raises, one tree.

    HoldfastError
    ├── ConfigurationError                 wrong before anything runs; the operator mends the configuration
    │   ├── InvalidStorageDriverError      no driver has that name
    │   ├── InvalidMiddlewareError         no middleware has that name
    │   ├── DuplicateDriverError           two factories claim one name
    │   ├── DriverLoadError                the name is known, its code can't be imported
    │   └── InvalidParameterError          a parameter is unknown, missing or of the wrong type
    └── StorageError                       an operation failed; carries driver, op, path, retryable
        ├── PathNotFoundError              nothing is there: the only error that means "absent"
        ├── InvalidPathError               the path can't name anything
        ├── InvalidOffsetError             a negative offset or length
        ├── UnsupportedOperationError      the driver's capabilities exclude the call
        ├── PreconditionFailedError        create-only met content, or the version has changed
        ├── WriteConflictError             another writer holds or has replaced this unfinished write
        ├── WriterClosedError              a writer was used after close, commit or cancel
        ├── InvalidResumeTokenError        the token isn't of this driver, path or unfinished write
        ├── AccessDeniedError              the backend, or a symbolic link's target, refused us
        ├── StorageFullError               no space, no inodes, or over a quota
        ├── ReadOnlyStorageError           the backend takes no writes
        ├── ThrottledError                 asked to slow down (retryable)
        ├── StorageTimeoutError            no answer in time (retryable)
        ├── StorageUnavailableError        the backend can't be reached or is failing (retryable)
        ├── IncompleteReadError            content ended before its promised length (retryable)
        ├── BatchDeleteError               some of many deletes failed; says which and why
        └── UnexpectedStorageError         anything the driver's table doesn't map; its cause says what

A driver raises these with `raise ... from cause`; it need not fill `driver`, `op` and `path`: the
error-context layer does. Only a mapped not-found becomes `PathNotFoundError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "AccessDeniedError",
    "BatchDeleteError",
    "ConfigurationError",
    "DriverLoadError",
    "DuplicateDriverError",
    "HoldfastError",
    "IncompleteReadError",
    "InvalidMiddlewareError",
    "InvalidOffsetError",
    "InvalidParameterError",
    "InvalidPathError",
    "InvalidResumeTokenError",
    "InvalidStorageDriverError",
    "PathNotFoundError",
    "PreconditionFailedError",
    "ReadOnlyStorageError",
    "StorageError",
    "StorageFullError",
    "StorageTimeoutError",
    "StorageUnavailableError",
    "ThrottledError",
    "UnexpectedStorageError",
    "UnsupportedOperationError",
    "WriteConflictError",
    "WriterClosedError",
]


class HoldfastError(Exception):
    """The root of everything Holdfast raises on purpose."""


# Configuration ---------------------------------------------------------------------------------


class ConfigurationError(HoldfastError):
    """The configuration is wrong; its message is one line that says where and what to write instead."""


class InvalidStorageDriverError(ConfigurationError):
    """No storage driver has the name that was asked for.

    Attributes:
        name: The name that was asked for.
        known: The names that exist, sorted.
    """

    def __init__(self, name: str, known: Iterable[str], *, nearest: str | None = None) -> None:
        self.name = name
        self.known = tuple(sorted(known))
        guess = f" Did you mean {nearest!r}?" if nearest else ""
        super().__init__(
            f"no storage driver is named {name!r}.{guess} Known drivers: {', '.join(self.known) or 'none'}."
            " A driver of another package is found once that package is installed."
        )


class InvalidMiddlewareError(ConfigurationError):
    """No middleware of its kind has the name that was asked for.

    Attributes:
        kind: What was looked for, such as `storage middleware`.
        name: The name that was asked for.
        known: The names that exist, sorted.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], *, nearest: str | None = None) -> None:
        self.kind = kind
        self.name = name
        self.known = tuple(sorted(known))
        guess = f" Did you mean {nearest!r}?" if nearest else ""
        super().__init__(
            f"no {kind} is named {name!r}.{guess} Known: {', '.join(self.known) or 'none'}."
            " One of another package is found once that package is installed."
        )


class DuplicateDriverError(ConfigurationError):
    """Two factories claim one name; nothing decides silently which of them wins.

    Attributes:
        name: The name they claim.
        owners: Who claims it: a distribution's name and version, or where it was registered.
    """

    def __init__(self, name: str, owners: Iterable[str], *, kind: str = "storage driver") -> None:
        self.name = name
        self.owners = tuple(owners)
        super().__init__(f"the {kind} name {name!r} is claimed by more than one: {' and '.join(self.owners)}")


class DriverLoadError(ConfigurationError):
    """A known driver's or middleware's code can't be imported, most often because its extra isn't installed.

    Attributes:
        name: The driver's name.
    """

    def __init__(self, name: str, reason: str, *, remedy: str | None = None, kind: str = "storage driver") -> None:
        self.name = name
        super().__init__(f"{kind} {name!r} can't be loaded: {reason}" + (f"; {remedy}" if remedy else ""))


class InvalidParameterError(ConfigurationError):
    """A parameter is unknown, missing or of the wrong type. The value is never part of the message.

    Attributes:
        driver: The name of the driver, or of the middleware, whose parameter it is.
        key: The parameter, dotted where it is nested.
        reason: What is wrong with it.
    """

    def __init__(self, driver: str, key: str, reason: str, *, kind: str = "storage driver") -> None:
        self.driver = driver
        self.key = key
        self.reason = reason
        super().__init__(f"{kind} {driver!r}: parameter {key!r}: {reason}")


# Operations ------------------------------------------------------------------------------------


class StorageError(HoldfastError):
    """A storage operation failed.

    Attributes:
        message: What went wrong, in words.
        driver: The driver's name.
        op: The contract's operation, such as `get_content`.
        path: The storage path.
        retryable: Whether the same call may succeed later without anybody changing anything.
    """

    retryable: ClassVar[bool] = False

    def __init__(self, message: str = "", *, path: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.driver: str | None = None
        self.op: str | None = None

    def locate(self, *, driver: str, op: str, path: str) -> None:
        """Fill in what isn't known yet of where the error happened; what an inner layer said stays."""
        self.driver = self.driver or driver
        self.op = self.op or op
        self.path = self.path or path

    def __str__(self) -> str:
        """`filesystem: get_content /a/b: no such file`, with what is known."""
        where = " ".join(part for part in (self.op, self.path) if part)
        what = self.message or (type(self).__doc__ or "").partition("\n")[0].rstrip(".")
        return ": ".join(part for part in (self.driver, where, what) if part)


class PathNotFoundError(StorageError):
    """Nothing is at the path."""


class InvalidPathError(StorageError):
    """The path can't name anything here."""


class InvalidOffsetError(StorageError):
    """An offset or length is negative."""


class UnsupportedOperationError(StorageError):
    """The driver's capabilities exclude this call."""


class PreconditionFailedError(StorageError):
    """The content isn't in the state that the caller required; nothing was written."""


class WriteConflictError(StorageError):
    """Another writer holds this unfinished write, or has replaced it."""


class WriterClosedError(StorageError):
    """The writer was closed, committed or cancelled before."""


class InvalidResumeTokenError(StorageError):
    """The resume token isn't one of this driver for this path's unfinished write."""


class AccessDeniedError(StorageError):
    """Access was refused."""


class StorageFullError(StorageError):
    """No space is left."""


class ReadOnlyStorageError(StorageError):
    """The storage takes no writes."""


class ThrottledError(StorageError):
    """The backend asks to slow down.

    Attributes:
        retry_after: Seconds that the backend asks to wait, when it says so.
    """

    retryable = True

    def __init__(self, message: str = "", *, path: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message, path=path)
        self.retry_after = retry_after


class StorageTimeoutError(StorageError):
    """The backend didn't answer in time."""

    retryable = True


class StorageUnavailableError(StorageError):
    """The backend can't be reached or is failing."""

    retryable = True


class IncompleteReadError(StorageError):
    """The content ended before the length that was promised."""

    retryable = True


class BatchDeleteError(StorageError):
    """Some deletes of a batch failed; those not named were done.

    Attributes:
        failures: Path to the error that kept it from being deleted.
    """

    def __init__(self, failures: Mapping[str, StorageError]) -> None:
        self.failures = dict(failures)
        first, error = next(iter(self.failures.items()))
        super().__init__(f"{len(self.failures)} of the deletes failed, the first {first}: {error}")


class UnexpectedStorageError(StorageError):
    """The backend failed in a way that the driver doesn't know; see the cause."""
