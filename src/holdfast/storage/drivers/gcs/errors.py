"""The one table from what Google's JSON API, httpx and google-auth say to storage errors."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import msgspec
from google.auth import exceptions as google

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
    StorageTimeoutError,
    StorageUnavailableError,
    ThrottledError,
    UnexpectedStorageError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpx

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
    **HTTPX_KINDS,
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
            return cls(one_line(body.decode(errors="replace")))
        details = answer.error.errors
        return cls(one_line(answer.error.message), details[0].reason if details else "")

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
        return ThrottledError(message, retry_after=seconds_to_wait(response.headers.get("Retry-After")))
    return kind(message)


def exception_error(error: Exception) -> StorageError:
    """Translate an exception of httpx, google-auth or msgspec; raise the result `from` the exception."""
    kind = nearest_kind(error, KINDS)
    if kind is AccessDeniedError and getattr(error, "retryable", False):
        kind = StorageUnavailableError
    return described(error, kind)


@contextmanager
def translated() -> Iterator[None]:
    """Raise exceptions of the libraries as storage errors."""
    try:
        yield
    except (*HTTPX_ERRORS, google.GoogleAuthError, msgspec.DecodeError) as error:
        raise exception_error(error) from error
