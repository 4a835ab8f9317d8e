"""The one table from what Swift, Keystone and httpx say to storage errors."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import msgspec

from holdfast.storage.drivers._objectstore.bucket import PastEndError
from holdfast.storage.drivers._objectstore.httpx_errors import (
    HTTPX_ERRORS,
    HTTPX_KINDS,
    described,
    nearest_kind,
    one_line,
)
from holdfast.storage.drivers._objectstore.retry_after import seconds_to_wait
from holdfast.storage.errors import (
    AccessDeniedError,
    PathNotFoundError,
    PreconditionFailedError,
    StorageError,
    StorageFullError,
    StorageTimeoutError,
    StorageUnavailableError,
    ThrottledError,
    UnexpectedStorageError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpx

__all__ = ["KINDS", "STATUSES", "exception_error", "response_error", "status_error", "translated"]

STATUSES: Final[Mapping[int, type[StorageError]]] = {
    401: AccessDeniedError,
    403: AccessDeniedError,
    404: PathNotFoundError,
    408: StorageTimeoutError,
    409: StorageUnavailableError,  # another request was faster by its time, or a segment isn't to be had
    412: PreconditionFailedError,
    413: StorageFullError,  # a quota
    416: PastEndError,
    422: StorageUnavailableError,  # the content was damaged on its way
    429: ThrottledError,
    498: ThrottledError,  # what Swift's own rate limiting answers
    499: StorageUnavailableError,  # the content ended before its announced length
    500: StorageUnavailableError,
    502: StorageUnavailableError,
    503: ThrottledError,
    504: StorageTimeoutError,
    507: StorageFullError,
}
"""What a status means; other 5xx mean that the service fails."""

KINDS: Final[Mapping[type[Exception], type[StorageError]]] = {
    **HTTPX_KINDS,
    msgspec.DecodeError: UnexpectedStorageError,
    msgspec.ValidationError: UnexpectedStorageError,
}
"""What each exception of the libraries means; one of a class that isn't here counts as the nearest of its bases."""


def response_error(response: httpx.Response) -> StorageError:
    """Translate an answer that isn't a success, of which the body has been read."""
    status = response.status_code
    kind = STATUSES.get(status, StorageUnavailableError if status >= 500 else UnexpectedStorageError)
    said = "" if "html" in response.headers.get("Content-Type", "") else one_line(response.text)
    message = f"HTTP {status} to {response.request.method}: {said or response.reason_phrase}"
    if kind is ThrottledError:
        return ThrottledError(message, retry_after=seconds_to_wait(response.headers.get("Retry-After")))
    return kind(message)


def status_error(status: str) -> StorageError:
    """Translate a status with its words, as the answer to a bulk request has it for one of its objects."""
    code, _, _ = status.partition(" ")
    number = int(code) if code.isdecimal() else 0
    kind = STATUSES.get(number, StorageUnavailableError if number >= 500 else UnexpectedStorageError)
    return kind(f"HTTP {one_line(status)}")


def exception_error(error: Exception) -> StorageError:
    """Translate an exception of httpx or msgspec; raise the result `from` the exception."""
    kind = nearest_kind(error, KINDS)
    return described(error, kind)


@contextmanager
def translated() -> Iterator[None]:
    """Raise exceptions of the libraries as storage errors."""
    try:
        yield
    except (*HTTPX_ERRORS, msgspec.DecodeError) as error:
        raise exception_error(error) from error
