import inspect
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from google.auth import exceptions

from holdfast.storage.drivers._objectstore.bucket import PastEndError
from holdfast.storage.drivers.gcs.errors import KINDS, Refusal, exception_error, response_error, translated
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

_GOOGLE: Any = exceptions  # google-auth is typed in part


def _exceptions_of(module: object) -> set[type[Exception]]:
    classes = [member for _, member in inspect.getmembers(module, inspect.isclass)]
    return {member for member in classes if issubclass(member, Exception)}


@pytest.mark.parametrize("module", [httpx, exceptions], ids=["httpx", "google-auth"])
def test_no_exception_is_left_out(module: object) -> None:
    """Somebody has decided what each exception class of the libraries means, new ones included."""
    assert set() == _exceptions_of(module) - KINDS.keys()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ConnectTimeout("x"), StorageTimeoutError),
        (httpx.ReadTimeout("x"), StorageTimeoutError),
        (httpx.ConnectError("x"), StorageUnavailableError),
        (httpx.RemoteProtocolError("x"), StorageUnavailableError),
        (httpx.LocalProtocolError("x"), UnexpectedStorageError),
        (_GOOGLE.TransportError("x"), StorageUnavailableError),
        (_GOOGLE.RefreshError("x"), AccessDeniedError),
        (_GOOGLE.RefreshError("x", retryable=True), StorageUnavailableError),
        (_GOOGLE.DefaultCredentialsError("x"), AccessDeniedError),
        (type("NewTimeout", (httpx.ReadTimeout,), {})("x"), StorageTimeoutError),
        (ValueError("x"), UnexpectedStorageError),
    ],
)
def test_exceptions(error: Exception, kind: type[StorageError]) -> None:
    """Each becomes what its class means, with its words; of a class nobody knows, what its nearest base means."""
    translated_error = exception_error(error)

    assert kind is type(translated_error)
    assert f"{type(error).__name__}: x" == translated_error.message


def test_untrusted_certificates_do_not_become_trusted() -> None:
    """It isn't worth to try again."""
    error = httpx.ConnectError("certificate verify failed")
    error.__cause__ = ssl.SSLCertVerificationError("self-signed")

    assert not exception_error(error).retryable


def test_the_cause_is_kept() -> None:
    """What the library said is where a traceback shows it."""
    cause = httpx.ReadError("x")
    with pytest.raises(StorageUnavailableError) as caught, translated():
        raise cause

    assert cause is caught.value.__cause__


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        (400, "invalid", UnexpectedStorageError),
        (401, "authError", AccessDeniedError),
        (403, "forbidden", AccessDeniedError),
        (403, "insufficientPermissions", AccessDeniedError),
        (403, "retentionPolicyNotMet", AccessDeniedError),
        (403, "rateLimitExceeded", ThrottledError),
        (403, "userRateLimitExceeded", ThrottledError),
        (404, "notFound", PathNotFoundError),
        (408, "uploadBrokenConnection", StorageTimeoutError),
        (409, "conflict", StorageUnavailableError),
        (411, "", UnexpectedStorageError),
        (412, "conditionNotMet", PreconditionFailedError),
        (416, "requestedRangeNotSatisfiable", PastEndError),
        (429, "rateLimitExceeded", ThrottledError),
        (500, "backendError", StorageUnavailableError),
        (502, "", StorageUnavailableError),
        (503, "backendError", ThrottledError),
        (504, "", StorageTimeoutError),
        (599, "", StorageUnavailableError),
        (302, "", UnexpectedStorageError),
    ],
)
def test_statuses(status: int, reason: str, kind: type[StorageError]) -> None:
    """Each means what it means together with the reason; what nobody knows isn't taken for anything."""
    error = response_error(httpx.Response(status), Refusal("in words", reason))

    assert kind is type(error)
    assert f"HTTP {status}: in words" == error.message


@pytest.mark.parametrize(
    ("value", "seconds"), [(None, None), ("", None), ("7", 7.0), ("soon", None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)]
)
def test_how_long_to_wait(value: str | None, seconds: float | None) -> None:
    """`Retry-After` is told in seconds, whichever of its forms it has."""
    headers = {} if value is None else {"Retry-After": value}
    error = response_error(httpx.Response(503, headers=headers), Refusal())

    assert isinstance(error, ThrottledError)
    assert seconds == error.retry_after


def test_how_long_to_wait_until_a_date() -> None:
    """A date to come is that many seconds away."""
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    error = response_error(httpx.Response(429, headers={"Retry-After": date}), Refusal())

    assert isinstance(error, ThrottledError)
    assert error.retry_after is not None
    assert 90 < error.retry_after <= 100


@pytest.mark.parametrize(
    ("body", "message", "reason"),
    [
        (b'{"error": {"code": 403, "message": "No.", "errors": [{"reason": "forbidden"}]}}', "No.", "forbidden"),
        (b'{"error": {"message": "two\\nlines", "errors": []}}', "two lines", ""),
        (b"No such object: b/a\n", "No such object: b/a", ""),
        (b'{"error": "invalid_grant"}', '{"error": "invalid_grant"}', ""),
        (b"", "", ""),
        (b"\xff" * 500, "�" * 299 + "…", ""),
    ],
)
def test_bodies_of_failures(body: bytes, message: str, reason: str) -> None:
    """JSON is understood; any other body is told in one line, cut short."""
    assert Refusal(message, reason) == Refusal.parse(body)
