import inspect
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import ModuleType
from typing import Any

import aiohttp.client_exceptions
import alibabacloud_credentials.exceptions
import alibabacloud_oss_v2.exceptions as sdk
import pytest
import Tea.exceptions

from holdfast.storage.drivers._objectstore.bucket import PastEndError, UnknownUploadError
from holdfast.storage.drivers.oss.errors import CLASSES, CODES, code_error, code_of, storage_error
from holdfast.storage.errors import (
    AccessDeniedError,
    IncompleteReadError,
    InvalidPathError,
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

# A base that nobody raises, what says only where another one happened, what is told by its code, and web sockets.
_OTHERS = {
    "BaseError",
    "CredentialsFetchError",
    "OperationError",
    "ServiceError",
    "WSMessageTypeError",
}
_MODULES = (
    aiohttp.client_exceptions,
    alibabacloud_credentials.exceptions,
    sdk,
    Tea.exceptions,
)


def _classes(module: ModuleType) -> Iterator[type[Exception]]:
    ours = {"aiohttp", "alibabacloud_credentials", "alibabacloud_oss_v2", "Tea"}
    for member in vars(module).values():
        if inspect.isclass(member) and issubclass(member, Exception) and member.__module__.split(".")[0] in ours:
            yield member


def _service_error(code: str | None, status: int, message: str = "words", **more: Any) -> sdk.OperationError:
    inner = sdk.ServiceError(
        status_code=status,
        code=code or "BadErrorResponse",
        message=message,
        request_id=more.get("request_id", ""),
        ec=more.get("ec", ""),
        timestamp=None,
        request_target="GET http://127.0.0.1/",
        snapshot=b"",
        headers=more.get("headers", {}),
        error_fileds=more.get("fields", {}),
    )
    return sdk.OperationError(name="GetObject", error=inner)


@pytest.mark.parametrize("module", _MODULES, ids=lambda module: module.__name__)
def test_every_class_of_the_sdks_is_mapped(module: ModuleType) -> None:
    """Nobody's class of errors is left to the words "unexpected": each, or a base of it, is in the table."""
    found = set(_classes(module))
    unmapped = {kind.__name__ for kind in found if not CLASSES.keys() & set(kind.__mro__)}

    assert found
    assert set() == unmapped - _OTHERS


def test_only_one_way_to_be_absent() -> None:
    """No class means that an object is missing, and of the codes only those that say so."""
    absent = {code for code, (made, _) in CODES.items() if issubclass(made, PathNotFoundError)}

    assert {"NoSuchKey", "NoSuchVersion"} == absent
    assert [] == [kind for kind, (made, _) in CLASSES.items() if issubclass(made, PathNotFoundError)]


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("NoSuchKey", 404, PathNotFoundError),
        ("", 404, PathNotFoundError),
        ("NoSuchBucket", 404, UnexpectedStorageError),
        ("NoSuchUpload", 404, UnknownUploadError),
        ("InvalidPart", 400, UnknownUploadError),
        ("InvalidRange", 416, PastEndError),
        ("PreconditionFailed", 412, PreconditionFailedError),
        ("FileAlreadyExists", 409, PreconditionFailedError),
        ("FileImmutable", 409, AccessDeniedError),
        ("AccessDenied", 403, AccessDeniedError),
        ("", 403, AccessDeniedError),
        ("InvalidAccessKeyId", 403, AccessDeniedError),
        ("SignatureDoesNotMatch", 403, AccessDeniedError),
        ("SecurityTokenExpired", 403, AccessDeniedError),
        ("RequestTimeTooSkewed", 403, AccessDeniedError),
        ("UserDisable", 403, AccessDeniedError),
        ("UploadTrafficRateLimitExceeded", 503, ThrottledError),
        ("AnyLimitExceeded", 503, ThrottledError),
        ("", 429, ThrottledError),
        ("InternalError", 500, StorageUnavailableError),
        ("Whatever", 500, StorageUnavailableError),
        ("", 502, StorageUnavailableError),
        ("RequestTimeout", 400, StorageTimeoutError),
        ("", 504, StorageTimeoutError),
        ("EntityTooLarge", 400, StorageFullError),
        ("InvalidDigest", 400, StorageUnavailableError),
        ("InvalidObjectName", 400, InvalidPathError),
        ("NotImplemented", 501, UnsupportedOperationError),
        ("SecondLevelDomainForbidden", 403, UnexpectedStorageError),
        ("InvalidObjectState", 403, UnexpectedStorageError),
        ("InvalidArgument", 400, UnexpectedStorageError),
    ],
)
def test_what_oss_can_answer(code: str, status: int, kind: type[StorageError]) -> None:
    """A code counts before the status, which counts where there is no code; the answer's words are passed on."""
    error = storage_error(_service_error(code, status), "b")

    assert type(error) is kind
    assert code == code_of(_service_error(code, status))


def test_messages_say_what_to_do() -> None:
    """The bucket is named, a wrong clock and a wrong region are told as such, and a message is one line."""
    elsewhere = _service_error("AccessDenied", 403, fields={"Endpoint": "oss-cn-beijing.aliyuncs.com"})
    support = _service_error("AccessDenied", 403, request_id="5C3D", ec="0003-00000001")

    assert "NTP" in str(storage_error(_service_error("RequestTimeTooSkewed", 403), "b"))
    assert "the bucket 'images' doesn't exist" in str(storage_error(_service_error("NoSuchBucket", 404), "images"))
    assert "another region" in str(storage_error(elsewhere, "b"))
    assert "(oss-cn-beijing.aliyuncs.com)" in str(storage_error(elsewhere, "b"))
    assert isinstance(storage_error(elsewhere, "b"), UnexpectedStorageError)
    assert "[EC 0003-00000001, request 5C3D]" in str(storage_error(support, "b"))
    assert "\n" not in str(storage_error(_service_error("NotImplemented", 501, "A header\nyou sent"), "b"))
    assert "no details" in str(storage_error(_service_error("AccessDenied", 403, ""), "b"))


def test_how_long_to_wait() -> None:
    """`Retry-After` in seconds or as a date is handed on; anything else isn't."""
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    waits = [_wait({"Retry-After": "7"}), _wait({"Retry-After": "soon"}), _wait({}), _wait({"Retry-After": ""})]
    until = _wait({"Retry-After": soon})

    assert [7.0, None, None, None] == waits
    assert until is not None
    assert 25 < until <= 30


def _wait(headers: dict[str, str]) -> float | None:
    error = storage_error(_service_error("", 503, headers=headers), "b")
    assert isinstance(error, ThrottledError)
    return error.retry_after


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (sdk.CredentialsEmptyError(), AccessDeniedError),
        (sdk.CredentialsFetchError(error=AccessDeniedError("no")), AccessDeniedError),
        (alibabacloud_credentials.exceptions.CredentialException("down"), StorageUnavailableError),
        (aiohttp.ClientPayloadError(), IncompleteReadError),
        (aiohttp.ServerDisconnectedError(), StorageUnavailableError),
        (aiohttp.ConnectionTimeoutError(), StorageTimeoutError),
        (aiohttp.SocketTimeoutError(), StorageTimeoutError),
        (sdk.RequestError(error=ValueError()), StorageUnavailableError),
        (sdk.ObjectNameInvalidError(), InvalidPathError),
        (sdk.BucketNameInvalidError(name="B"), UnexpectedStorageError),
        (TimeoutError(), StorageTimeoutError),
        (ConnectionResetError(), StorageUnavailableError),
        (KeyError("new"), UnexpectedStorageError),
    ],
)
@pytest.mark.parametrize("is_wrapped", [False, True])
def test_what_the_sdks_can_raise(error: Exception, kind: type[StorageError], *, is_wrapped: bool) -> None:
    """Each is what its reader can act on, in one line, whether or not the SDK says in which operation it was."""
    made = storage_error(sdk.OperationError(name="GetObject", error=error) if is_wrapped else error, "b")

    assert type(made) is kind
    assert "\n" not in str(made)


def test_no_status() -> None:
    """What has neither a code nor a status that is known says what it has."""
    assert type(code_error("Odd", "", "b")) is UnexpectedStorageError
