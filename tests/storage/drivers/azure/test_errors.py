import inspect
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import azure.core.exceptions
import azure.identity
import pytest
from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
from azure.storage.blob import StorageErrorCode

from holdfast.storage.drivers._objectstore.bucket import PastEndError, UnknownUploadError
from holdfast.storage.drivers.azure import errors
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


def _sdk_errors() -> Iterator[type[Exception]]:
    """Every class of errors that the SDK's modules have, derived ones that they only define included."""
    for module in (azure.core.exceptions, azure.identity):
        for _, found in inspect.getmembers(module, inspect.isclass):
            if issubclass(found, Exception):
                yield found


@pytest.mark.parametrize("kind", sorted(set(_sdk_errors()), key=str))
def test_every_error_of_the_sdk_is_in_the_table(kind: type[Exception]) -> None:
    """A new one in a new version of the SDK fails here, until somebody has thought about it."""
    assert kind in errors.BY_CLASS


# Of https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes and what the service answers.
_UNKNOWN_TO_THE_SDK = {
    "AuthorizationPermissionMismatch",
    "AuthorizationProtocolMismatch",
    "AuthorizationResourceTypeMismatch",
    "AuthorizationServiceMismatch",
    "AuthorizationSourceIPMismatch",
    "BlobImmutableDueToPolicy",
    "ContainerImmutableDueToPolicy",
    "KeyBasedAuthenticationNotPermitted",
    "PublicAccessNotPermitted",
}


def test_codes_are_azures() -> None:
    """No code is misspelt: the SDK knows them all, but for those that it lacks."""
    assert _UNKNOWN_TO_THE_SDK == errors.BY_CODE.keys() - {code.value for code in StorageErrorCode}


def _answered(status: int, code: str = "", headers: Mapping[str, str] | None = None) -> StorageError:
    return errors.answered(status, {"x-ms-error-code": code, **(headers or {})}, b"", container="images")


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "BlobNotFound", PathNotFoundError),
        (404, "ContainerNotFound", UnexpectedStorageError),
        (404, "", UnexpectedStorageError),
        (404, "CannotVerifyCopySource", PathNotFoundError),
        (403, "CannotVerifyCopySource", AccessDeniedError),
        (500, "CannotVerifyCopySource", StorageUnavailableError),
        (403, "AuthenticationFailed", AccessDeniedError),
        (403, "AuthorizationFailure", AccessDeniedError),
        (403, "InsufficientAccountPermissions", AccessDeniedError),
        (403, "SomethingNew", AccessDeniedError),
        (401, "", AccessDeniedError),
        (412, "LeaseIdMissing", AccessDeniedError),
        (409, "BlobImmutableDueToPolicy", AccessDeniedError),
        (412, "ConditionNotMet", PreconditionFailedError),
        (409, "BlobAlreadyExists", PreconditionFailedError),
        (400, "InvalidBlockList", UnknownUploadError),
        (416, "InvalidRange", PastEndError),
        (503, "ServerBusy", ThrottledError),
        (429, "", ThrottledError),
        (500, "OperationTimedOut", StorageTimeoutError),
        (500, "InternalError", StorageUnavailableError),
        (502, "", StorageUnavailableError),
        (504, "", StorageTimeoutError),
        (409, "PendingCopyOperation", StorageUnavailableError),
        (409, "InvalidBlobType", UnexpectedStorageError),
        (418, "", UnexpectedStorageError),
    ],
)
def test_answers(status: int, code: str, kind: type[StorageError]) -> None:
    """The code decides, where it isn't known the status; only a missing blob is a missing path."""
    error = _answered(status, code)

    assert kind is type(error)
    assert code == errors.answer_code(error)
    assert str(status) in str(error)


def test_missing_container_is_named() -> None:
    """Since it is the operator who has to make it."""
    assert "'images'" in str(_answered(404, "ContainerNotFound"))


def test_what_the_service_says_is_passed_on() -> None:
    """The first line of its message, from the document where no header has the code."""
    body = b"\xef\xbb\xbf<?xml version='1.0'?><Error><Code>ServerBusy</Code><Message>Slow down.\nId:1</Message></Error>"
    error = errors.answered(503, {}, body, container="images")

    assert ThrottledError is type(error)
    assert str(error).endswith("503 ServerBusy: Slow down.")


def test_how_long_to_wait() -> None:
    """In seconds, in milliseconds, as a date, or not at all."""
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    waits = [
        getattr(_answered(503, "ServerBusy", headers), "retry_after", None)
        for headers in ({"Retry-After": "7"}, {"x-ms-retry-after-ms": "1500"}, {}, {"Retry-After": "soon"})
    ]
    by_date = getattr(_answered(503, "ServerBusy", {"Retry-After": later}), "retry_after", None)

    assert [7, 1.5, None, None] == waits
    assert by_date == pytest.approx(90, abs=5)


class _Answer:
    """What an error of the SDK knows of an answer."""

    reason = "Refused"

    def __init__(self, status: int, code: str = "") -> None:
        self.status_code = status
        self.headers = {"x-ms-error-code": code} if code else {}


def _with_answer(error: AzureError, answer: _Answer) -> AzureError:
    error.response = answer  # type: ignore[attr-defined] # as the SDK does it
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (azure.core.exceptions.ServiceRequestError("refused"), StorageUnavailableError),
        (azure.core.exceptions.ServiceRequestTimeoutError("late"), StorageTimeoutError),
        (azure.core.exceptions.ServiceResponseTimeoutError("late"), StorageTimeoutError),
        (azure.identity.CredentialUnavailableError("none"), AccessDeniedError),
        # What a token endpoint says isn't about a blob.
        (_with_answer(ClientAuthenticationError("AADSTS700016: unknown"), _Answer(400)), AccessDeniedError),
        (_with_answer(HttpResponseError("busy"), _Answer(503)), ThrottledError),
        (_with_answer(HttpResponseError("gone"), _Answer(404, "BlobNotFound")), PathNotFoundError),
        (_with_answer(HttpResponseError("odd"), _Answer(200)), UnexpectedStorageError),
    ],
)
def test_what_the_sdk_raises(error: AzureError, kind: type[StorageError]) -> None:
    """An answer of the service counts, otherwise the class."""
    with pytest.raises(StorageError) as caught, errors.translating("images"):
        raise error

    assert kind is type(caught.value)
    assert error is caught.value.__cause__
