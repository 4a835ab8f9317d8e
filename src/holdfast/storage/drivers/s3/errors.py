"""The SDKs' errors as ours: by S3's error code, by HTTP status where there is no code, or by the exception's class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import aiohttp
import botocore.exceptions as sdk
import obstore.exceptions as fast

from holdfast.storage.drivers._objectstore.bucket import PastEndError, UnknownUploadError
from holdfast.storage.drivers._objectstore.retry_after import seconds_to_wait
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

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CLASSES",
    "CODES",
    "FAST_ERRORS",
    "SDK_ERRORS",
    "ConflictError",
    "code_error",
    "code_of",
    "missing_bucket",
    "no_credentials",
    "storage_error",
]


class ConflictError(StorageUnavailableError):
    """Another request for the same object was under way; this one did nothing, and may be sent again."""


SDK_ERRORS: Final = (sdk.BotoCoreError, sdk.ClientError, aiohttp.ClientError, TimeoutError, OSError)
"""What a call of the SDK raises."""

FAST_ERRORS: Final = (fast.BaseError, ValueError)
"""What a call of the fast reader raises, but for `FileNotFoundError`; `ValueError` is a key that it can't name."""

_CLOCK = (
    "this machine's clock differs from the store's by more than the 15 minutes that signatures allow;"
    " set it right (NTP): {message}"
)
_REGION = "the bucket is in another region than `region` says, or at another endpoint: {message}"
_REFUSED = "the store refused access ({code}): {message}"
_WONT = "the store can't do this ({code}); does `profile` fit it? {message}"
_FULL = "the store is full, or a quota is used up ({code}): {message}"
_LARGE = "larger than the store takes ({code}): {message}"
_SLOW = "the store asks to slow down ({code}): {message}"
_FAILING = "the store is failing ({code}): {message}"
_BUSY = "the store is busy with another request for the same object ({code}): {message}"
_LATE = "the store waited too long for the request's content ({code}): {message}"
_PARTS = "the store doesn't have this upload, or not with these parts ({code})"
_OTHER = "the store answered {code}: {message}"

Kind = tuple[type[StorageError], str]

# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList, and those of other stores.
CODES: Final[dict[str, Kind]] = (
    dict.fromkeys(("NoSuchKey", "NoSuchVersion", "KeyNotFound"), (PathNotFoundError, "no such object"))
    | dict.fromkeys(("NoSuchUpload", "InvalidPart", "InvalidPartOrder"), (UnknownUploadError, _PARTS))
    | dict.fromkeys(
        (
            "AccessDenied",
            "AccessForbidden",
            "AccountProblem",
            "AllAccessDisabled",
            "AccessControlListNotSupported",
            "ExpiredToken",
            "ExpiredTokenException",
            "Forbidden",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "InvalidIdentityToken",
            "InvalidPayer",
            "InvalidSecurity",
            "InvalidToken",
            "KMS.AccessDeniedException",
            "NotSignedUp",
            "RequestExpired",
            "SignatureDoesNotMatch",
            "TokenRefreshRequired",
            "Unauthorized",
            "UnauthorizedAccess",
            "UnrecognizedClientException",
        ),
        (AccessDeniedError, _REFUSED),
    )
    | {
        "InvalidRange": (PastEndError, "the object ends before the range"),
        "PreconditionFailed": (PreconditionFailedError, "the object isn't in the required state"),
        "RequestTimeTooSkewed": (AccessDeniedError, _CLOCK),
        "RequestTimeout": (StorageTimeoutError, _LATE),
    }
    | dict.fromkeys(
        ("AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect", "Redirect"),
        (UnexpectedStorageError, _REGION),
    )
    | dict.fromkeys(
        ("TemporaryRedirect", "ConditionalRequestConflict", "ConcurrentModification", "OperationAborted"),
        (ConflictError, _BUSY),
    )
    | dict.fromkeys(
        (
            "BandwidthLimitExceeded",
            "KMS.ThrottlingException",
            "RequestLimitExceeded",
            "RequestThrottled",
            "ServiceUnavailable",
            "SlowDown",
            "SlowDownRead",
            "SlowDownWrite",
            "Throttling",
            "ThrottlingException",
            "TooManyRequests",
            "TooManyRequestsException",
        ),
        (ThrottledError, _SLOW),
    )
    | dict.fromkeys(
        (
            "InsufficientCapacity",
            "InsufficientStorage",
            "QuotaExceeded",
            "StorageFull",
            "XMinioAdminBucketQuotaExceeded",
            "XMinioStorageFull",
        ),
        (StorageFullError, _FULL),
    )
    | dict.fromkeys(("EntityTooLarge", "MaxMessageLengthExceeded"), (StorageFullError, _LARGE))
    | dict.fromkeys(
        ("InternalError", "InternalServerError", "ServerNotInitialized"), (StorageUnavailableError, _FAILING)
    )
    | dict.fromkeys(("MethodNotAllowed", "NotImplemented", "UnsupportedOperation"), (UnsupportedOperationError, _WONT))
)

_STATUSES: Final[dict[int, Kind]] = {
    301: (UnexpectedStorageError, _REGION),
    307: (StorageUnavailableError, _BUSY),
    401: (AccessDeniedError, _REFUSED),
    403: (AccessDeniedError, _REFUSED),
    404: (PathNotFoundError, "no such object"),
    405: (UnsupportedOperationError, _WONT),
    408: (StorageTimeoutError, _LATE),
    409: (ConflictError, _BUSY),
    412: (PreconditionFailedError, "the object isn't in the required state"),
    413: (StorageFullError, _LARGE),
    416: (PastEndError, "the object ends before the range"),
    429: (ThrottledError, _SLOW),
    501: (UnsupportedOperationError, _WONT),
    503: (ThrottledError, _SLOW),
    504: (StorageTimeoutError, "the store, or a proxy before it, gave up waiting ({code}): {message}"),
    507: (StorageFullError, _FULL),
}

_CREDENTIALS = "no usable credentials: {message}"
_NO_CREDENTIALS = (
    "no credentials were found: give accesskey and secretkey, or let the environment, the shared files, a web identity"
    " or the metadata of the container or machine have some"
)
_SETTINGS = "the SDK can't work with this configuration: {message}"
_OURS = "the SDK refused the request: {message}"
_UNREACHABLE = "the store can't be reached: {message}"
_BROKEN = "the connection to the store broke: {message}"
_NO_ANSWER = "no answer in time: {message}"
_CUT = "the content ended early: {message}"

# By class; the nearest base counts.
CLASSES: Final[dict[type[BaseException], Kind]] = (
    dict.fromkeys(
        (
            sdk.LoginError,
            sdk.NoAuthTokenError,
            sdk.PartialCredentialsError,
            sdk.RefreshWithMFAUnsupportedError,
            sdk.SSOError,
            sdk.TokenRetrievalError,
            sdk.UnknownCredentialError,
            sdk.UnknownTokenProviderError,
            fast.UnauthenticatedError,
        ),
        (AccessDeniedError, _CREDENTIALS),
    )
    | {sdk.NoCredentialsError: (AccessDeniedError, _NO_CREDENTIALS)}
    | {fast.PermissionDeniedError: (AccessDeniedError, "the store refused access")}
    | dict.fromkeys(
        (sdk.CapacityNotAvailableError, sdk.CredentialRetrievalError, sdk.MetadataRetrievalError),
        (StorageUnavailableError, "credentials can't be had just now: {message}"),
    )
    | dict.fromkeys(
        (sdk.ConnectionError, sdk.EndpointConnectionError, sdk.ProxyConnectionError, OSError),
        (StorageUnavailableError, _UNREACHABLE),
    )
    | dict.fromkeys(
        (
            sdk.ConnectionClosedError,
            sdk.HTTPClientError,
            sdk.ResponseStreamingError,
            aiohttp.ClientError,
            fast.GenericError,
            fast.JoinError,
        ),
        (StorageUnavailableError, _BROKEN),
    )
    | dict.fromkeys(
        (sdk.ConnectTimeoutError, sdk.ReadTimeoutError, aiohttp.ServerTimeoutError, TimeoutError),
        (StorageTimeoutError, _NO_ANSWER),
    )
    | dict.fromkeys((sdk.IncompleteReadError, aiohttp.ClientPayloadError), (IncompleteReadError, _CUT))
    | dict.fromkeys(
        (sdk.ChecksumError, sdk.FlexibleChecksumError), (IncompleteReadError, "damaged on its way: {message}")
    )
    | dict.fromkeys(
        (
            sdk.ApiVersionNotFoundError,
            sdk.BaseEndpointResolverError,
            sdk.ConfigNotFound,
            sdk.ConfigParseError,
            sdk.DataNotFoundError,
            sdk.EndpointProviderError,
            sdk.InvalidChecksumConfigError,
            sdk.InvalidConfigError,
            sdk.InvalidDefaultsMode,
            sdk.InvalidDNSNameError,
            sdk.InvalidEndpointConfigurationError,
            sdk.InvalidEndpointDiscoveryConfigurationError,
            sdk.InvalidHostLabelError,
            sdk.InvalidIMDSEndpointError,
            sdk.InvalidIMDSEndpointModeError,
            sdk.InvalidProxiesConfigError,
            sdk.InvalidRetryConfigurationError,
            sdk.InvalidS3AddressingStyleError,
            sdk.InvalidS3UsEast1RegionalEndpointConfigError,
            sdk.InvalidSTSRegionalEndpointsConfigError,
            sdk.MissingDependencyException,
            sdk.ProfileNotFound,
            sdk.ServiceNotInRegionError,
            sdk.UnknownRegionError,
            sdk.UnknownSignatureVersionError,
            sdk.UnsupportedOutpostResourceError,
            sdk.UnsupportedS3AccesspointConfigurationError,
            sdk.UnsupportedS3ArnError,
            sdk.UnsupportedS3ConfigurationError,
            sdk.UnsupportedS3ControlArnError,
            sdk.UnsupportedS3ControlConfigurationError,
            sdk.UnsupportedServiceProtocolsError,
            sdk.UnsupportedSignatureVersionError,
            aiohttp.InvalidURL,
            fast.UnknownConfigurationKeyError,
        ),
        (UnexpectedStorageError, _SETTINGS),
    )
    | dict.fromkeys(
        (
            sdk.AwsChunkedWrapperError,
            sdk.InvalidExpressionError,
            sdk.MD5UnavailableError,
            sdk.MissingParametersError,
            sdk.OperationNotPageableError,
            sdk.PaginationError,
            sdk.ParamValidationError,
            sdk.StubResponseError,
            sdk.UndefinedModelAttributeError,
            sdk.UnknownClientMethodError,
            sdk.UnknownServiceStyle,
            sdk.UnseekableStreamError,
            sdk.ValidationError,
            sdk.WaiterConfigError,
            sdk.WaiterError,
            fast.InvalidPathError,
        ),
        (UnexpectedStorageError, _OURS),
    )
    | {
        sdk.SSLError: (UnexpectedStorageError, "TLS with the store failed: {message}"),
        fast.PreconditionError: (PreconditionFailedError, "the object isn't in the required state"),
        fast.NotModifiedError: (PreconditionFailedError, "the object isn't in the required state"),
        fast.AlreadyExistsError: (PreconditionFailedError, "the object exists"),
        fast.NotSupportedError: (UnsupportedOperationError, "the store can't do this: {message}"),
    }
)


def no_credentials() -> AccessDeniedError:
    """What it is when nothing of all that credentials are looked for in has any."""
    return AccessDeniedError(_NO_CREDENTIALS)


def missing_bucket(bucket: str) -> UnexpectedStorageError:
    """What a missing bucket is: never a missing object."""
    return UnexpectedStorageError(f"the bucket {bucket!r} doesn't exist at this endpoint and region")


def storage_error(error: BaseException, bucket: str) -> StorageError:
    """Turn an SDK's error into ours; raise it `from` the SDK's.

    Args:
        error: What the SDK raised.
        bucket: The bucket's name, for a message about it.
    """
    if isinstance(error, sdk.ClientError):
        response: Mapping[str, Any] = error.response
        metadata = response.get("ResponseMetadata", {})
        message = str(response.get("Error", {}).get("Message") or "").strip()
        status, headers = metadata.get("HTTPStatusCode"), metadata.get("HTTPHeaders", {})
        return code_error(
            code_of(error), message, bucket, status=status, retry_after=seconds_to_wait(headers.get("retry-after"))
        )
    for kind in type(error).__mro__:
        if kind in CLASSES:
            made, template = CLASSES[kind]
            return made(template.format(message=_first_line(error)))
    return UnexpectedStorageError(f"{type(error).__name__}: {_first_line(error)}")


def code_of(error: BaseException | None) -> str:
    """S3's code of an error; empty, if it has none."""
    return str(error.response.get("Error", {}).get("Code") or "") if isinstance(error, sdk.ClientError) else ""


def code_error(
    code: str, message: str, bucket: str, *, status: int | None = None, retry_after: float | None = None
) -> StorageError:
    """Make our error of S3's code, or of the status where the code is none of S3's.

    Args:
        code: What the store calls it.
        message: What the store says of it.
        bucket: The bucket's name.
        status: The HTTP status; `None` for a key of a batch.
        retry_after: Seconds that the store asks to wait.
    """
    if code == "NoSuchBucket":
        return missing_bucket(bucket)
    if status is None and code.isdigit():
        status = int(code)
    made, template = CODES.get(code) or _by_status(status)
    text = template.format(code=code or status, message=message or "no details").partition("\n")[0]
    return ThrottledError(text, retry_after=retry_after) if made is ThrottledError else made(text)


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
