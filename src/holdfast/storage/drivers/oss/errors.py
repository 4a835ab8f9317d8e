"""The SDKs' errors as ours: by OSS's error code, by HTTP status where there is no code, or by the exception's class."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import alibabacloud_oss_v2.exceptions as sdk
from alibabacloud_credentials.exceptions import CredentialException
from Tea import exceptions as tea

from holdfast.storage.drivers._objectstore.bucket import PastEndError, UnknownUploadError
from holdfast.storage.drivers._objectstore.retry_after import seconds_to_wait
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

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CLASSES",
    "CODES",
    "CREDENTIAL_ERRORS",
    "SDK_ERRORS",
    "code_error",
    "code_of",
    "missing_bucket",
    "storage_error",
]

SDK_ERRORS: Final = (sdk.BaseError, aiohttp.ClientError, TimeoutError, OSError)
"""What a call of the SDK raises."""

CREDENTIAL_ERRORS: Final = (
    sdk.BaseError,
    CredentialException,
    tea.TeaException,
    tea.ValidateException,
    tea.RetryError,
    OSError,  # that of a file, and all of `requests`
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
)
"""What the vendor's providers of credentials raise; the last three for documents that aren't what they expect."""

_NO_CODE: Final = "BadErrorResponse"
"""The SDK's own, where an answer has none."""

_CLOCK = (
    "this machine's clock differs from the store's by more than the 15 minutes that signatures allow;"
    " set it right (NTP): {message}"
)
_REGION = "the bucket is in another region than `region` says, or at another endpoint{endpoint}: {message}"
_REFUSED = "the store refused access ({code}): {message}"
_RETAINED = "a retention policy keeps the object ({code}): {message}"
_ARCHIVED = "the object is archived, and can't be read before it is restored ({code}): {message}"
_WONT = "the store can't do this ({code}): {message}"
_FULL = "the store is full, or a quota is used up ({code}): {message}"
_LARGE = "larger than the store takes ({code}): {message}"
_SLOW = "the store asks to slow down ({code}): {message}"
_FAILING = "the store is failing ({code}): {message}"
_LATE = "the store waited too long for the request's content ({code}): {message}"
_DAMAGED = "the content was damaged on its way ({code}): {message}"
_PARTS = "the store doesn't have this upload, or not with these parts ({code})"
_STATE = "the object isn't in the required state ({code})"
_NAME = "no name of an object ({code}): {message}"
_OTHER = "the store answered {code}: {message}"

Kind = tuple[type[StorageError], str]

# https://www.alibabacloud.com/help/en/oss/support/http-400-status-code and its neighbours, one for each status.
CODES: Final[dict[str, Kind]] = (
    dict.fromkeys(("NoSuchKey", "NoSuchVersion"), (PathNotFoundError, "no such object"))
    | dict.fromkeys(("NoSuchUpload", "InvalidPart", "InvalidPartOrder"), (UnknownUploadError, _PARTS))
    | dict.fromkeys(
        (
            "AccessDenied",
            "AccessForbidden",
            "Forbidden",
            "InvalidAccessKeyId",
            "InvalidSecurityToken",
            "KeyDisabled",
            "KeyPendingDeletion",
            "KmsServiceNotEnabled",
            "SecurityTokenExpired",
            "SecurityTokenNotSupported",
            "SignatureDoesNotMatch",
            "UserDisable",
        ),
        (AccessDeniedError, _REFUSED),
    )
    | dict.fromkeys(("FileAlreadyExists", "PreconditionFailed"), (PreconditionFailedError, _STATE))
    | dict.fromkeys(("InvalidObjectState", "RestoreNotAccomplish"), (UnexpectedStorageError, _ARCHIVED))
    | dict.fromkeys(
        ("PermanentRedirect", "SecondLevelDomainForbidden", "TemporaryRedirect"), (UnexpectedStorageError, _REGION)
    )
    | dict.fromkeys(
        (
            "DownloadTrafficRateLimitExceeded",
            "MetaOperationQpsLimitExceeded",
            "ServiceUnavailable",
            "SlowDown",
            "TotalQpsLimitExceeded",
            "UploadTrafficRateLimitExceeded",
        ),
        (ThrottledError, _SLOW),
    )
    | dict.fromkeys(("EntityTooLarge", "MaxMessageLengthExceeded"), (StorageFullError, _LARGE))
    | dict.fromkeys(("BadDigest", "IncompleteBody", "InvalidDigest"), (StorageUnavailableError, _DAMAGED))
    | dict.fromkeys(("MethodNotAllowed", "NotImplemented"), (UnsupportedOperationError, _WONT))
    | {
        "FileImmutable": (AccessDeniedError, _RETAINED),
        "InternalError": (StorageUnavailableError, _FAILING),
        "InvalidObjectName": (InvalidPathError, _NAME),
        "InvalidRange": (PastEndError, "the object ends before the range"),
        "RequestTimeTooSkewed": (AccessDeniedError, _CLOCK),
        "RequestTimeout": (StorageTimeoutError, _LATE),
    }
)

_STATUSES: Final[dict[int, Kind]] = {
    301: (UnexpectedStorageError, _REGION),
    307: (UnexpectedStorageError, _REGION),
    401: (AccessDeniedError, _REFUSED),
    403: (AccessDeniedError, _REFUSED),
    404: (PathNotFoundError, "no such object"),
    405: (UnsupportedOperationError, _WONT),
    408: (StorageTimeoutError, _LATE),
    412: (PreconditionFailedError, _STATE),
    413: (StorageFullError, _LARGE),
    416: (PastEndError, "the object ends before the range"),
    429: (ThrottledError, _SLOW),
    501: (UnsupportedOperationError, _WONT),
    503: (ThrottledError, _SLOW),
    504: (StorageTimeoutError, "the store, or a proxy before it, gave up waiting ({code}): {message}"),
    507: (StorageFullError, _FULL),
}

_CREDENTIALS = "no usable credentials: {message}"
_CREDENTIALS_LATER = "credentials can't be had just now: {message}"
_OURS = "the SDK refused the request: {message}"
_UNREACHABLE = "the store can't be reached: {message}"
_BROKEN = "the connection to the store broke: {message}"
_NO_ANSWER = "no answer in time: {message}"
_DISTRUST = "the store's certificate isn't trusted: {message}"
_ANSWER = "the answer can't be read: {message}"

# By class; the nearest base counts.
CLASSES: Final[dict[type[BaseException], Kind]] = {
    sdk.CredentialsBaseError: (AccessDeniedError, _CREDENTIALS),
    tea.ValidateException: (AccessDeniedError, _CREDENTIALS),
    CredentialException: (StorageUnavailableError, _CREDENTIALS_LATER),
    tea.TeaException: (StorageUnavailableError, _CREDENTIALS_LATER),
    tea.RetryError: (StorageUnavailableError, _CREDENTIALS_LATER),
    OSError: (StorageUnavailableError, _UNREACHABLE),
    aiohttp.ClientError: (StorageUnavailableError, _BROKEN),
    sdk.RequestError: (StorageUnavailableError, _BROKEN),
    sdk.ResponseError: (StorageUnavailableError, _BROKEN),
    aiohttp.ServerTimeoutError: (StorageTimeoutError, _NO_ANSWER),
    TimeoutError: (StorageTimeoutError, _NO_ANSWER),
    aiohttp.ClientPayloadError: (IncompleteReadError, "the content ended early: {message}"),
    sdk.InconsistentError: (StorageUnavailableError, "the content was damaged on its way: {message}"),
    sdk.DeserializationError: (UnexpectedStorageError, _ANSWER),
    sdk.ResponseNotReadError: (UnexpectedStorageError, _ANSWER),
    sdk.StreamClosedError: (UnexpectedStorageError, _ANSWER),
    sdk.StreamConsumedError: (UnexpectedStorageError, _ANSWER),
    sdk.ObjectNameInvalidError: (InvalidPathError, "no name of an object: {message}"),
    sdk.BucketNameInvalidError: (UnexpectedStorageError, _OURS),
    sdk.FileNotExist: (UnexpectedStorageError, _OURS),
    sdk.FileNotReadable: (UnexpectedStorageError, _OURS),
    sdk.MD5UnavailableError: (UnexpectedStorageError, _OURS),
    sdk.ParamInvalidError: (UnexpectedStorageError, _OURS),
    sdk.ParamNullError: (UnexpectedStorageError, _OURS),
    sdk.ParamNullOrEmptyError: (UnexpectedStorageError, _OURS),
    sdk.ParamRequiredError: (UnexpectedStorageError, _OURS),
    sdk.PresignExpirationError: (UnexpectedStorageError, _OURS),
    sdk.SerializationError: (UnexpectedStorageError, _OURS),
    aiohttp.InvalidURL: (UnexpectedStorageError, _OURS),
    aiohttp.ClientConnectorCertificateError: (UnexpectedStorageError, _DISTRUST),
    aiohttp.ServerFingerprintMismatch: (UnexpectedStorageError, _DISTRUST),
    ssl.SSLCertVerificationError: (UnexpectedStorageError, _DISTRUST),
}

_WRAPPERS: Final = (sdk.OperationError, sdk.CredentialsFetchError)


def missing_bucket(bucket: str) -> UnexpectedStorageError:
    """What a missing bucket is: never a missing object."""
    return UnexpectedStorageError(f"the bucket {bucket!r} doesn't exist at this endpoint and region")


def storage_error(error: BaseException, bucket: str) -> StorageError:
    """Turn an SDK's error into ours; raise it `from` the SDK's.

    Args:
        error: What the SDK raised.
        bucket: The bucket's name, for a message about it.
    """
    error = _inner(error)
    if isinstance(error, StorageError):  # ours, raised below the SDK
        return error
    if isinstance(error, sdk.ServiceError):
        return _service_error(error, bucket)
    for kind in type(error).__mro__:
        if kind in CLASSES:
            made, template = CLASSES[kind]
            return made(template.format(message=_first_line(error)))
    return UnexpectedStorageError(f"{type(error).__name__}: {_first_line(error)}")


def code_of(error: BaseException | None) -> str:
    """OSS's code of an error; empty, if it has none."""
    inner = None if error is None else _inner(error)
    code = inner.code if isinstance(inner, sdk.ServiceError) else None
    return "" if code in {None, _NO_CODE} else str(code)


def code_error(
    code: str,
    message: str,
    bucket: str,
    *,
    status: int | None = None,
    retry_after: float | None = None,
    endpoint: str = "",
) -> StorageError:
    """Make our error of OSS's code, or of the status where the code is none of OSS's.

    Args:
        code: What the store calls it.
        message: What the store says of it.
        bucket: The bucket's name.
        status: The HTTP status; `None` for what has none.
        retry_after: Seconds that the store asks to wait.
        endpoint: The endpoint that the store says is the bucket's.
    """
    if code == "NoSuchBucket":
        return missing_bucket(bucket)
    made, template = CODES.get(code) or _by_status(status)
    if endpoint and made is AccessDeniedError:  # so OSS says that the bucket is elsewhere
        made, template = UnexpectedStorageError, _REGION
    words = {"code": code or status, "message": message or "no details"}
    text = template.format(**words, endpoint=f" ({endpoint})" if endpoint else "").partition("\n")[0]
    return ThrottledError(text, retry_after=retry_after) if made is ThrottledError else made(text)


def _inner(error: BaseException) -> BaseException:
    """What an error of the SDK is about, where it only says in which call that was."""
    while isinstance(error, _WRAPPERS) and isinstance(cause := error.kwargs.get("error"), BaseException):
        error = cause
    return error


def _service_error(error: sdk.ServiceError, bucket: str) -> StorageError:
    headers: Mapping[str, str] = error.headers or {}
    fields: Mapping[str, Any] = error.error_fileds or {}  # the SDK's spelling
    message = str(error.message or "").strip() if code_of(error) else ""
    told = ", ".join(f"{name} {value}" for name, value in (("EC", error.ec), ("request", error.request_id)) if value)
    return code_error(
        code_of(error),
        f"{message or 'no details'} [{told}]" if told else message,
        bucket,
        status=error.status_code,
        retry_after=seconds_to_wait(headers.get("Retry-After")),
        endpoint=str(fields.get("Endpoint") or ""),
    )


def _by_status(status: int | None) -> Kind:
    if status in _STATUSES:
        return _STATUSES[status]
    return (
        (StorageUnavailableError, _FAILING)
        if status is not None and status >= 500
        else (UnexpectedStorageError, _OTHER)
    )


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).partition("\n")[0]
