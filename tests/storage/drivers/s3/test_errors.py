import inspect
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import ModuleType
from typing import Any

import aiobotocore.httpsession
import aiobotocore.response
import aiohttp.client_exceptions
import botocore.exceptions
import obstore.exceptions
import pytest

from holdfast.storage.drivers._objectstore.bucket import PastEndError, UnknownUploadError
from holdfast.storage.drivers.s3.errors import CLASSES, CODES, ConflictError, code_error, code_of, storage_error
from holdfast.storage.errors import (
    AccessDeniedError,
    IncompleteReadError,
    PathNotFoundError,
    PreconditionFailedError,
    StorageError,
    StorageFullError,
    StorageTimeoutError,
    StorageUnavailableError,
    ThrottledError,
    UnexpectedStorageError,
    UnsupportedOperationError,
)

# Bases that nobody raises, what is told by its code or by a type that isn't an SDK's, and web sockets.
_ROOTS = {
    "aiohttp.client_exceptions.WSMessageTypeError",
    "botocore.exceptions.BotoCoreError",
    "botocore.exceptions.ClientError",
    "botocore.exceptions.EventStreamError",
    "obstore.exceptions.BaseError",
    "obstore.exceptions.NotFoundError",
}
_MODULES = (
    aiobotocore.httpsession,
    aiobotocore.response,
    aiohttp.client_exceptions,
    botocore.exceptions,
    obstore.exceptions,
)


def _classes(module: ModuleType) -> Iterator[type[Exception]]:
    with warnings.catch_warnings(action="ignore"):
        members = [getattr(module, name) for name in dir(module)]
    for member in members:
        if inspect.isclass(member) and issubclass(member, Exception) and not issubclass(member, Warning):
            yield member


def _name(kind: type) -> str:
    return f"{kind.__module__.replace('_obstore', 'obstore')}.{kind.__name__}"


def _client_error(code: str, status: int, message: str = "words", **headers: str) -> botocore.exceptions.ClientError:
    metadata = {
        "HTTPStatusCode": status,
        "HTTPHeaders": {name.replace("_", "-"): text for name, text in headers.items()},
    }
    return botocore.exceptions.ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}, "Any"
    )


@pytest.mark.parametrize("module", _MODULES, ids=lambda module: module.__name__)
def test_every_class_of_the_sdks_is_mapped(module: ModuleType) -> None:
    """Nobody's class of errors is left to the words "unexpected": each, or a base of it, is in the table."""
    ours = {"aiobotocore", "aiohttp", "botocore", "obstore", "_obstore"}
    found = {kind for kind in _classes(module) if kind.__module__.split(".")[0] in ours}
    unmapped = {_name(kind) for kind in found if not CLASSES.keys() & set(kind.__mro__)}

    assert found
    assert set() == unmapped - _ROOTS


def test_only_one_way_to_be_absent() -> None:
    """No class means that an object is missing, and of the codes only those that say so."""
    absent = {code for code, (made, _) in CODES.items() if issubclass(made, PathNotFoundError)}

    assert {"NoSuchKey", "NoSuchVersion", "KeyNotFound"} == absent
    assert [] == [kind for kind, (made, _) in CLASSES.items() if issubclass(made, PathNotFoundError)]


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("NoSuchKey", 404, PathNotFoundError),
        ("404", 404, PathNotFoundError),
        ("NoSuchBucket", 404, UnexpectedStorageError),
        ("NoSuchUpload", 404, UnknownUploadError),
        ("InvalidPart", 400, UnknownUploadError),
        ("InvalidRange", 416, PastEndError),
        ("416", 416, PastEndError),
        ("PreconditionFailed", 412, PreconditionFailedError),
        ("412", 412, PreconditionFailedError),
        ("ConditionalRequestConflict", 409, ConflictError),
        ("AccessDenied", 403, AccessDeniedError),
        ("403", 403, AccessDeniedError),
        ("InvalidAccessKeyId", 403, AccessDeniedError),
        ("SignatureDoesNotMatch", 403, AccessDeniedError),
        ("ExpiredToken", 400, AccessDeniedError),
        ("RequestTimeTooSkewed", 403, AccessDeniedError),
        ("SlowDown", 503, ThrottledError),
        ("503", 503, ThrottledError),
        ("TooManyRequests", 429, ThrottledError),
        ("429", 429, ThrottledError),
        ("InternalError", 500, StorageUnavailableError),
        ("Whatever", 500, StorageUnavailableError),
        ("", 502, StorageUnavailableError),
        ("RequestTimeout", 400, StorageTimeoutError),
        ("", 504, StorageTimeoutError),
        ("EntityTooLarge", 400, StorageFullError),
        ("QuotaExceeded", 403, StorageFullError),
        ("NotImplemented", 501, UnsupportedOperationError),
        ("MethodNotAllowed", 405, UnsupportedOperationError),
        ("PermanentRedirect", 301, UnexpectedStorageError),
        ("AuthorizationHeaderMalformed", 400, UnexpectedStorageError),
        ("InvalidArgument", 400, UnexpectedStorageError),
    ],
)
def test_what_a_store_can_answer(code: str, status: int, kind: type[StorageError]) -> None:
    """A code counts before the status, which counts where there is no code; the answer's words are passed on."""
    error = storage_error(_client_error(code, status), "b")

    assert type(error) is kind
    assert code == code_of(_client_error(code, status))


def test_messages_say_what_to_do() -> None:
    """The bucket is named, a wrong clock and a wrong region are told as such, and a message is one line."""
    clock = str(storage_error(_client_error("RequestTimeTooSkewed", 403, "The difference is too large"), "b"))

    assert "this machine's clock" in clock
    assert "NTP" in clock
    assert "the bucket 'images' doesn't exist" in str(storage_error(_client_error("NoSuchBucket", 404), "images"))
    assert "another region" in str(storage_error(_client_error("PermanentRedirect", 301), "b"))
    assert "profile" in str(storage_error(_client_error("NotImplemented", 501, "A header\nyou sent"), "b"))
    assert "\n" not in str(storage_error(_client_error("NotImplemented", 501, "A header\nyou sent"), "b"))
    assert "no details" in str(storage_error(_client_error("AccessDenied", 403, ""), "b"))


def test_how_long_to_wait() -> None:
    """`Retry-After` in seconds or as a date is handed on; anything else isn't."""
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    waits = [_wait(retry_after="7"), _wait(retry_after="soon"), _wait(), _wait(retry_after="")]
    until = _wait(retry_after=soon)

    assert [7.0, None, None, None] == waits
    assert until is not None
    assert 25 < until <= 30
    assert 0.0 == _wait(retry_after="Thu, 01 Jan 1970 00:00:00 GMT")


def _wait(**headers: str) -> float | None:
    error = storage_error(_client_error("SlowDown", 503, **headers), "b")
    assert isinstance(error, ThrottledError)
    return error.retry_after


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (botocore.exceptions.NoCredentialsError(), AccessDeniedError),
        (botocore.exceptions.PartialCredentialsError(provider="env", cred_var="secret"), AccessDeniedError),
        (botocore.exceptions.CredentialRetrievalError(provider="x", error_msg="y"), StorageUnavailableError),
        (botocore.exceptions.EndpointConnectionError(endpoint_url="http://x"), StorageUnavailableError),
        (botocore.exceptions.ConnectTimeoutError(endpoint_url="http://x"), StorageTimeoutError),
        (botocore.exceptions.ReadTimeoutError(endpoint_url="http://x"), StorageTimeoutError),
        (botocore.exceptions.SSLError(endpoint_url="http://x", error="y"), UnexpectedStorageError),
        (botocore.exceptions.IncompleteReadError(actual_bytes=1, expected_bytes=2), IncompleteReadError),
        (aiohttp.client_exceptions.ClientPayloadError(), IncompleteReadError),
        (aiohttp.client_exceptions.ServerDisconnectedError(), StorageUnavailableError),
        (TimeoutError(), StorageTimeoutError),
        (ConnectionResetError(), StorageUnavailableError),
        (obstore.exceptions.GenericError("x"), StorageUnavailableError),
        (obstore.exceptions.PermissionDeniedError("x"), AccessDeniedError),
        (botocore.exceptions.ProfileNotFound(profile="x"), UnexpectedStorageError),
        (KeyError("new"), UnexpectedStorageError),
    ],
)
def test_what_an_sdk_can_raise(error: Exception, kind: type[StorageError]) -> None:
    """Each is what its reader can act on, in one line."""
    made = storage_error(error, "b")

    assert type(made) is kind
    assert "\n" not in str(made)


def test_keys_of_a_batch() -> None:
    """A key that a batch couldn't delete has a code alone."""
    kinds: dict[str, Any] = {code: type(code_error(code, "", "b")) for code in ("AccessDenied", "InternalError", "Odd")}

    assert {
        "AccessDenied": AccessDeniedError,
        "InternalError": StorageUnavailableError,
        "Odd": UnexpectedStorageError,
    } == kinds
