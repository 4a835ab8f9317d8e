"""From an error to what a person needs to know of it: what the store said, what it needs, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from holdfast.checking.errors import BrokenPromiseError
from holdfast.checking.finding import Problem
from holdfast.storage.errors import (
    AccessDeniedError,
    BatchDeleteError,
    HoldfastError,
    IncompleteReadError,
    InvalidPathError,
    PathNotFoundError,
    PreconditionFailedError,
    ReadOnlyStorageError,
    StorageError,
    StorageFullError,
    StorageTimeoutError,
    StorageUnavailableError,
    ThrottledError,
    UnsupportedOperationError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from holdfast.checking.check import Check
    from holdfast.checking.hints import Hints

__all__ = ["diagnose", "too_late"]

_REMEDIES: Final[Mapping[type[StorageError], str]] = {
    AccessDeniedError: "grant what is needed to the identity that the registry uses",
    ReadOnlyStorageError: "let the storage be written to; else use `storage.maintenance.readonly` and check with"
    " --read-only",
    StorageFullError: "free space, or raise the quota",
    ThrottledError: "raise the store's limits for this bucket or account, or spread the load",
    StorageTimeoutError: "see that the address is right, that no firewall drops the packets, and how busy the store is",
    StorageUnavailableError: "see that the address is right and that the store runs; try again later",
    IncompleteReadError: "see what is between us and the store: something cuts answers short, or changes them",
    InvalidPathError: "choose a shorter root directory, or a store that takes longer names",
    PreconditionFailedError: "see whether something between us and the store repeats requests",
    UnsupportedOperationError: "the store can't do this: configure it as not supported, or choose another store",
    PathNotFoundError: "what was written a moment ago isn't there: choose a store that is consistent, without a cache"
    " in between",
}
_OTHERWISE: Final = "see the driver's page in the documentation for its options, and the store's own log"
_LONGEST: Final = 600


def diagnose(error: StorageError | BrokenPromiseError, check: Check, hints: Hints) -> Problem:
    """Explain why a check failed."""
    told = _told(error) if isinstance(error, StorageError) else error
    if isinstance(told, BrokenPromiseError):
        said, refused, remedy = told.said, told.refused, check.remedy or _OTHERWISE
    else:
        said, refused, remedy = _said(told), isinstance(told, AccessDeniedError), _remedy(told)
    words = f"{said or ''} {told}"
    known = hints.remedy(words)
    permissions = hints.permissions_of(check.name, words) if refused and known is None else ()
    if permissions:
        remedy = f"grant {' and '.join(permissions)} to the identity that the registry uses"
    return Problem(
        error=type(told).__name__,
        message=_in_one_line(str(told)),
        said=said,
        permissions=permissions,
        remedy=known or remedy,
    )


def too_late(check: Check, seconds: float) -> Problem:
    """Explain that a check took too long."""
    return Problem(
        error=StorageTimeoutError.__name__,
        message=f"{check.name}: not done within {seconds:g} seconds",
        said=None,
        permissions=(),
        remedy=f"{_REMEDIES[StorageTimeoutError]}; a store that is merely slow gets more time by --timeout",
    )


def _told(error: StorageError) -> StorageError:
    """The error to tell: of a batch, the first one in it."""
    return next(iter(error.failures.values())) if isinstance(error, BatchDeleteError) else error


def _said(error: StorageError) -> str | None:
    """The store's own words: of the first cause that isn't an error of ours and says something."""
    cause = error.__cause__
    while cause is not None:
        text = _in_one_line(str(cause))
        if text and not isinstance(cause, HoldfastError):
            return text
        cause = cause.__cause__
    return None


def _in_one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def _remedy(error: StorageError) -> str:
    return next((_REMEDIES[kind] for kind in type(error).__mro__ if kind in _REMEDIES), _OTHERWISE)
