"""The one table from what Swift, Keystone and httpx say to storage errors."""

from __future__ import annotations

import email.utils
import ssl
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import httpx
import msgspec

from holdfast.storage.drivers._objectstore.bucket import PastEndError
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
    httpx.TimeoutException: StorageTimeoutError,
    httpx.ConnectTimeout: StorageTimeoutError,
    httpx.ReadTimeout: StorageTimeoutError,
    httpx.WriteTimeout: StorageTimeoutError,
    httpx.PoolTimeout: StorageTimeoutError,
    httpx.NetworkError: StorageUnavailableError,
    httpx.ConnectError: StorageUnavailableError,
    httpx.ReadError: StorageUnavailableError,
    httpx.WriteError: StorageUnavailableError,
    httpx.CloseError: StorageUnavailableError,
    httpx.ProxyError: StorageUnavailableError,
    httpx.ProtocolError: StorageUnavailableError,
    httpx.RemoteProtocolError: StorageUnavailableError,
    httpx.DecodingError: StorageUnavailableError,
    httpx.LocalProtocolError: UnexpectedStorageError,
    httpx.HTTPError: UnexpectedStorageError,
    httpx.TransportError: UnexpectedStorageError,
    httpx.RequestError: UnexpectedStorageError,
    httpx.HTTPStatusError: UnexpectedStorageError,
    httpx.TooManyRedirects: UnexpectedStorageError,
    httpx.UnsupportedProtocol: UnexpectedStorageError,
    httpx.InvalidURL: UnexpectedStorageError,
    httpx.CookieConflict: UnexpectedStorageError,
    httpx.StreamError: UnexpectedStorageError,
    httpx.StreamClosed: UnexpectedStorageError,
    httpx.StreamConsumed: UnexpectedStorageError,
    httpx.ResponseNotRead: UnexpectedStorageError,
    httpx.RequestNotRead: UnexpectedStorageError,
    msgspec.DecodeError: UnexpectedStorageError,
    msgspec.ValidationError: UnexpectedStorageError,
}
"""What each exception of the libraries means; one of a class that isn't here counts as the nearest of its bases."""

_MESSAGE_CHARACTERS: Final = 300


def response_error(response: httpx.Response) -> StorageError:
    """Translate an answer that isn't a success, of which the body has been read."""
    status = response.status_code
    kind = STATUSES.get(status, StorageUnavailableError if status >= 500 else UnexpectedStorageError)
    said = "" if "html" in response.headers.get("Content-Type", "") else _one_line(response.text)
    message = f"HTTP {status} to {response.request.method}: {said or response.reason_phrase}"
    if kind is ThrottledError:
        return ThrottledError(message, retry_after=_seconds(response.headers.get("Retry-After")))
    return kind(message)


def status_error(status: str) -> StorageError:
    """Translate a status with its words, as the answer to a bulk request has it for one of its objects."""
    code, _, _ = status.partition(" ")
    number = int(code) if code.isdecimal() else 0
    kind = STATUSES.get(number, StorageUnavailableError if number >= 500 else UnexpectedStorageError)
    return kind(f"HTTP {_one_line(status)}")


def exception_error(error: Exception) -> StorageError:
    """Translate an exception of httpx or msgspec; raise the result `from` the exception."""
    kind = next((KINDS[base] for base in type(error).__mro__ if base in KINDS), UnexpectedStorageError)
    if kind is StorageUnavailableError and _is_distrust(error):
        kind = UnexpectedStorageError
    return kind(f"{type(error).__name__}: {_one_line(str(error))}".rstrip(": "))


@contextmanager
def translated() -> Iterator[None]:
    """Raise exceptions of the libraries as storage errors."""
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, msgspec.DecodeError) as error:
        raise exception_error(error) from error


def _is_distrust(error: BaseException) -> bool:
    """Whether a certificate wasn't trusted, somewhere below: that doesn't pass by itself."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _seconds(retry_after: str | None) -> float | None:
    """Read `Retry-After`: a number of seconds, or a date."""
    if not retry_after:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        date = email.utils.parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MESSAGE_CHARACTERS else line[: _MESSAGE_CHARACTERS - 1] + "…"
