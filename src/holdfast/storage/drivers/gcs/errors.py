"""The one table from what Google's JSON API, httpx and google-auth say to storage errors."""

from __future__ import annotations

import email.utils
import ssl
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import httpx
import msgspec
from google.auth import exceptions as google

from holdfast.storage.drivers._objectstore.bucket import PastEndError
from holdfast.storage.errors import (
    AccessDeniedError,
    PathNotFoundError,
    PreconditionFailedError,
    StorageError,
    StorageTimeoutError,
    StorageUnavailableError,
    ThrottledError,
    UnexpectedStorageError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["KINDS", "REASONS", "STATUSES", "Refusal", "exception_error", "response_error", "translated"]

STATUSES: Final[Mapping[int, type[StorageError]]] = {
    401: AccessDeniedError,
    403: AccessDeniedError,
    404: PathNotFoundError,
    408: StorageTimeoutError,
    409: StorageUnavailableError,  # another request changes the same object just now
    412: PreconditionFailedError,
    416: PastEndError,
    429: ThrottledError,
    500: StorageUnavailableError,
    502: StorageUnavailableError,
    503: ThrottledError,
    504: StorageTimeoutError,
}
"""What a status means, unless the reason says more; other 5xx mean that the service fails."""

REASONS: Final[Mapping[tuple[int, str], type[StorageError]]] = {
    (403, "rateLimitExceeded"): ThrottledError,
    (403, "userRateLimitExceeded"): ThrottledError,
}
"""What a status means together with the reason in the JSON that comes with it."""

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
    google.GoogleAuthError: AccessDeniedError,
    google.RefreshError: AccessDeniedError,
    google.DefaultCredentialsError: AccessDeniedError,
    google.MalformedError: AccessDeniedError,
    google.InvalidResource: AccessDeniedError,
    google.InvalidOperation: AccessDeniedError,
    google.InvalidValue: AccessDeniedError,
    google.InvalidType: AccessDeniedError,
    google.OSError: AccessDeniedError,
    google.UserAccessTokenError: AccessDeniedError,
    google.MutualTLSChannelError: AccessDeniedError,
    google.ClientCertError: AccessDeniedError,
    google.OAuthError: AccessDeniedError,
    google.ReauthFailError: AccessDeniedError,
    google.ReauthSamlChallengeFailError: AccessDeniedError,
    google.TransportError: StorageUnavailableError,
    google.ResponseError: StorageUnavailableError,
    google.TimeoutError: StorageTimeoutError,
    msgspec.DecodeError: UnexpectedStorageError,
    msgspec.ValidationError: UnexpectedStorageError,
}
"""What each exception of the libraries means; one of a class that isn't here counts as the nearest of its bases."""

_NO_BUCKET: Final = "bucket does not exist"
_NO_OBJECT: Final = "no such object"
_MESSAGE_CHARACTERS: Final = 300


class Refusal(msgspec.Struct, frozen=True):
    """What a failed answer says in its body.

    Attributes:
        message: In words; empty, if it says nothing.
        reason: The machine's word for it, such as `rateLimitExceeded`.
    """

    message: str = ""
    reason: str = ""

    @classmethod
    def parse(cls, body: bytes) -> Refusal:
        """Read the JSON of the API, or the plain text that downloads fail with."""
        try:
            answer = msgspec.json.decode(body, type=_Answer)
        except (msgspec.DecodeError, msgspec.ValidationError):
            return cls(_one_line(body.decode(errors="replace")))
        details = answer.error.errors
        return cls(_one_line(answer.error.message), details[0].reason if details else "")

    @property
    def names_bucket(self) -> bool:
        """Whether it says that the bucket is missing."""
        return _NO_BUCKET in self.message.lower()

    @property
    def names_object(self) -> bool:
        """Whether it says that the object is missing."""
        return _NO_OBJECT in self.message.lower()


class _Detail(msgspec.Struct):
    reason: str = ""


class _Failure(msgspec.Struct):
    message: str = ""
    errors: list[_Detail] = []


class _Answer(msgspec.Struct):
    error: _Failure


def response_error(response: httpx.Response, refusal: Refusal) -> StorageError:
    """Translate an answer that isn't a success, of which the body has been read."""
    status = response.status_code
    default = StorageUnavailableError if status >= 500 else UnexpectedStorageError
    kind = REASONS.get((status, refusal.reason)) or STATUSES.get(status, default)
    message = f"HTTP {status}: {refusal.message or response.reason_phrase}"
    if kind is ThrottledError:
        return ThrottledError(message, retry_after=_seconds(response.headers.get("Retry-After")))
    return kind(message)


def exception_error(error: Exception) -> StorageError:
    """Translate an exception of httpx, google-auth or msgspec; raise the result `from` the exception."""
    kind = next((KINDS[base] for base in type(error).__mro__ if base in KINDS), UnexpectedStorageError)
    if kind is AccessDeniedError and getattr(error, "retryable", False):
        kind = StorageUnavailableError
    if kind is StorageUnavailableError and _is_distrust(error):
        kind = UnexpectedStorageError
    return kind(f"{type(error).__name__}: {_one_line(str(error))}".rstrip(": "))


@contextmanager
def translated() -> Iterator[None]:
    """Raise exceptions of the libraries as storage errors."""
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, google.GoogleAuthError, msgspec.DecodeError) as error:
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
