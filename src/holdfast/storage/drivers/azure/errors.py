"""The one table from what Azure and its SDK answer to storage errors.

An answer is told by its code (https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes), where the
code isn't known by its status; what kept us from having an answer, by the class that the SDK raises.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import ParseError, fromstring

from azure.core import exceptions as core
from azure.identity import AuthenticationRequiredError, CredentialUnavailableError

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
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["BY_CLASS", "BY_CODE", "BY_STATUS", "AnsweredError", "answer_code", "answered", "translate", "translating"]

_Kind = tuple[type[StorageError], str]

_LEASED: Final[_Kind] = (AccessDeniedError, "somebody holds a lease on the blob or container")
_LOCKED: Final[_Kind] = (AccessDeniedError, "an immutability policy or legal hold protects the blob or container")
_REFUSED: Final[_Kind] = (AccessDeniedError, "the service refused our credentials")
_UNPERMITTED: Final[_Kind] = (
    AccessDeniedError,
    "we lack a permission, or the account doesn't allow the call",
)
_CONDITION: Final[_Kind] = (PreconditionFailedError, "the blob isn't in the state that was required")
_BLOCKS: Final[_Kind] = (UnknownUploadError, "the blob doesn't have these blocks")
_CONTAINER: Final[_Kind] = (UnexpectedStorageError, "the container doesn't exist")
_DISABLED: Final[_Kind] = (UnexpectedStorageError, "the container or account can't be used now")
_ARCHIVED: Final[_Kind] = (UnexpectedStorageError, "the blob is in the archive tier, which can't be read; rehydrate it")
_TYPE: Final[_Kind] = (UnexpectedStorageError, "the blob is of a type that doesn't allow the call")
_COPYING: Final[_Kind] = (StorageUnavailableError, "the blob is being copied to")
_BUSY: Final[_Kind] = (ThrottledError, "the service asks to slow down")
_LATE: Final[_Kind] = (StorageTimeoutError, "the service didn't finish in time")
_FAILING: Final[_Kind] = (StorageUnavailableError, "the service failed")

BY_CODE: Final[Mapping[str, _Kind]] = {
    "BlobNotFound": (PathNotFoundError, "no such blob"),
    "ResourceNotFound": (PathNotFoundError, "no such blob"),
    "InvalidRange": (PastEndError, "the blob ends before the range"),
    "ContainerNotFound": _CONTAINER,
    "ContainerBeingDeleted": _DISABLED,
    "ContainerDisabled": _DISABLED,
    "AccountIsDisabled": _DISABLED,
    "AccountBeingCreated": _DISABLED,
    "AuthenticationFailed": _REFUSED,
    "AuthorizationFailure": _REFUSED,
    "InvalidAuthenticationInfo": _REFUSED,
    "NoAuthenticationInformation": _REFUSED,
    "AuthorizationPermissionMismatch": _UNPERMITTED,
    "AuthorizationProtocolMismatch": _UNPERMITTED,
    "AuthorizationResourceTypeMismatch": _UNPERMITTED,
    "AuthorizationServiceMismatch": _UNPERMITTED,
    "AuthorizationSourceIPMismatch": _UNPERMITTED,
    "FeatureVersionMismatch": _UNPERMITTED,
    "InsufficientAccountPermissions": _UNPERMITTED,
    "KeyBasedAuthenticationNotPermitted": _UNPERMITTED,
    "PublicAccessNotPermitted": _UNPERMITTED,
    "LeaseAlreadyPresent": _LEASED,
    "LeaseIdMismatchWithBlobOperation": _LEASED,
    "LeaseIdMismatchWithContainerOperation": _LEASED,
    "LeaseIdMissing": _LEASED,
    "LeaseIsBrokenAndCannotBeRenewed": _LEASED,
    "LeaseLost": _LEASED,
    "BlobImmutableDueToPolicy": _LOCKED,
    "ContainerImmutableDueToPolicy": _LOCKED,
    "BlobAlreadyExists": _CONDITION,
    "BlobOverwritten": _CONDITION,
    "ConditionNotMet": _CONDITION,
    "SourceConditionNotMet": _CONDITION,
    "TargetConditionNotMet": _CONDITION,
    "UnauthorizedBlobOverwrite": (AccessDeniedError, "our identity may not replace blobs"),
    "InvalidBlobOrBlock": _BLOCKS,
    "InvalidBlockId": _BLOCKS,
    "InvalidBlockList": _BLOCKS,
    "InvalidBlobType": _TYPE,
    "BlobArchived": _ARCHIVED,
    "BlobBeingRehydrated": _ARCHIVED,
    "BlockCountExceedsLimit": (UnexpectedStorageError, "too many uncommitted blocks are at the blob's name"),
    "BlockListTooLong": (UnexpectedStorageError, "too many blocks for one blob"),
    "InvalidResourceName": (InvalidPathError, "the service doesn't take this name"),
    "PendingCopyOperation": _COPYING,
    "CopyAcrossAccountsNotSupported": (UnexpectedStorageError, "the source is of another account"),
    "ServerBusy": _BUSY,
    "OperationTimedOut": _LATE,
    "InternalError": _FAILING,
}
"""By the error code of an answer."""

BY_STATUS: Final[Mapping[int, _Kind]] = {
    401: _REFUSED,
    403: _UNPERMITTED,
    408: _LATE,
    412: _CONDITION,
    416: (PastEndError, "the blob ends before the range"),
    429: _BUSY,
    500: _FAILING,
    502: _FAILING,
    503: _BUSY,
    504: _LATE,
    507: (StorageFullError, "no space is left"),
}
"""By the status of an answer whose code isn't known. A bare 404 may be a proxy's, and means nothing of blobs."""

_SOURCE: Final[Mapping[int, _Kind]] = {
    401: (AccessDeniedError, "the service may not read the source"),
    403: (AccessDeniedError, "the service may not read the source"),
    404: (PathNotFoundError, "no such source"),
    409: (StorageUnavailableError, "the source can't be read now"),
    412: (PreconditionFailedError, "the source has changed"),
}

BY_CLASS: Final[Mapping[type[Exception], _Kind]] = {
    core.ServiceRequestTimeoutError: (StorageTimeoutError, "no connection in time"),
    core.ServiceResponseTimeoutError: (StorageTimeoutError, "no answer in time"),
    core.ServiceRequestError: (StorageUnavailableError, "the service can't be reached"),
    core.ServiceResponseError: (StorageUnavailableError, "the connection broke before the answer"),
    core.IncompleteReadError: (IncompleteReadError, "the connection broke within the content"),
    AuthenticationRequiredError: (AccessDeniedError, "the identity wants a person to log in"),
    CredentialUnavailableError: (AccessDeniedError, "no credentials were found"),
    core.ClientAuthenticationError: (AccessDeniedError, "no token was given to us"),
    core.DecodeError: (UnexpectedStorageError, "the answer can't be understood"),
    core.ResourceExistsError: (UnexpectedStorageError, "something is there already"),
    core.ResourceModifiedError: _CONDITION,
    core.ResourceNotModifiedError: (UnexpectedStorageError, "the service answered that nothing changed"),
    core.ResourceNotFoundError: (UnexpectedStorageError, "what was asked isn't there"),
    core.TooManyRedirectsError: (UnexpectedStorageError, "the service sends us round in circles"),
    core.ODataV4Error: (UnexpectedStorageError, "the service refused the request"),
    core.HttpResponseError: (UnexpectedStorageError, "the service refused the request"),
    core.StreamConsumedError: (UnexpectedStorageError, "an answer was read twice"),
    core.StreamClosedError: (UnexpectedStorageError, "an answer was closed before it was read"),
    core.ResponseNotReadError: (UnexpectedStorageError, "an answer wasn't read"),
    core.SerializationError: (UnexpectedStorageError, "the request can't be written"),
    core.DeserializationError: (UnexpectedStorageError, "the answer can't be understood"),
    core.AzureError: (UnexpectedStorageError, "the SDK failed"),
}
"""By the class of what the SDK raises without an answer of the service; the nearest base class counts."""


class AnsweredError(Exception):
    """The service answered that it won't; the cause of the storage error that the table makes of it.

    Attributes:
        status: The answer's status.
        code: The answer's error code; empty where it has none.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}" if code else f"{status}: {message}")
        self.status = status
        self.code = code


def answered(status: int, headers: Mapping[str, str], body: bytes, *, container: str) -> StorageError:
    """Make a storage error of an answer; its cause is an `AnsweredError`, for whoever wants the code."""
    code, message = _said(headers, body)
    error = _by_answer(status, code, message, headers, container)
    error.__cause__ = AnsweredError(status, code, message)
    return error


def translate(error: core.AzureError, *, container: str) -> StorageError:
    """Make a storage error of what the SDK raises; raise the result `from` the error."""
    response = getattr(error, "response", None)
    if response is not None and response.status_code >= 400:
        code = response.headers.get(_CODE, "")
        # Without a code of storage, what says that we have no token comes from where tokens are given.
        if code or not isinstance(error, core.ClientAuthenticationError):
            return _by_answer(response.status_code, code, _first_line(str(error)), response.headers, container)
    kind, text = next(BY_CLASS[base] for base in type(error).__mro__ if base in BY_CLASS)
    return kind(f"{text}: {_first_line(str(error))}")


@contextlib.contextmanager
def translating(container: str) -> Iterator[None]:
    """Whatever the SDK raises inside comes out as a storage error."""
    try:
        yield
    except core.AzureError as error:
        raise translate(error, container=container) from error
    except TimeoutError as error:
        raise StorageTimeoutError("no answer in time") from error


def answer_code(error: StorageError) -> str:
    """The code of the answer that an error is about; empty where it is about none, or one without a code."""
    return error.__cause__.code if isinstance(error.__cause__, AnsweredError) else ""


_CODE = "x-ms-error-code"


def _by_answer(status: int, code: str, message: str, headers: Mapping[str, str], container: str) -> StorageError:
    # A source that can't be read is told by the status alone.
    found = _SOURCE.get(status) if code == "CannotVerifyCopySource" else BY_CODE.get(code)
    kind, text = found or BY_STATUS.get(status, (UnexpectedStorageError, "the service refused the request"))
    if code.startswith("Container"):
        text = f"{text} ({container!r})"
    explained = f"{text}: {status} {code}: {message}" if code else f"{text}: {status}: {message}"
    return ThrottledError(explained, retry_after=_retry_after(headers)) if kind is ThrottledError else kind(explained)


def _said(headers: Mapping[str, str], body: bytes) -> tuple[str, str]:
    """The code and the first line of the message of an answer; the answer to HEAD has the code alone."""
    code = headers.get(_CODE, "")
    try:
        document = fromstring(body)  # noqa: S314 # from the account we trust with our content
    except ParseError:
        return code, _first_line(body[:500].decode(errors="replace"))
    return code or document.findtext("Code", ""), _first_line(document.findtext("Message", ""))


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0].strip()[:500] or "no message"


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait: https://www.rfc-editor.org/rfc/rfc9110#name-retry-after, or Azure's own in milliseconds."""
    milliseconds = headers.get("x-ms-retry-after-ms") or headers.get("retry-after-ms")
    if milliseconds and milliseconds.isdigit():
        return int(milliseconds) / 1000
    return seconds_to_wait(headers.get("Retry-After"))
