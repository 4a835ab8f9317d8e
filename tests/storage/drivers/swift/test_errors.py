import inspect
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from holdfast.storage.drivers._objectstore.bucket import PastEndError
from holdfast.storage.drivers.swift.errors import KINDS, exception_error, response_error, status_error, translated
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

_REQUEST = httpx.Request("GET", "http://127.0.0.1/v1/AUTH_a/c/o")


def test_no_exception_is_left_out() -> None:
    """Somebody has decided what each exception class of the library means, new ones included."""
    classes = [member for _, member in inspect.getmembers(httpx, inspect.isclass)]
    assert set() == {member for member in classes if issubclass(member, Exception)} - KINDS.keys()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, UnexpectedStorageError),
        (401, AccessDeniedError),
        (403, AccessDeniedError),
        (404, PathNotFoundError),
        (408, StorageTimeoutError),
        (409, StorageUnavailableError),
        (412, PreconditionFailedError),
        (413, StorageFullError),
        (416, PastEndError),
        (422, StorageUnavailableError),
        (429, ThrottledError),
        (498, ThrottledError),
        (500, StorageUnavailableError),
        (503, ThrottledError),
        (504, StorageTimeoutError),
        (507, StorageFullError),
        (599, StorageUnavailableError),
    ],
)
def test_statuses(status: int, kind: type[StorageError]) -> None:
    """Each means one error, whether of a request or of one object in a bulk request."""
    error = response_error(httpx.Response(status, request=_REQUEST, text="some words"))

    assert kind is type(error)
    assert f"HTTP {status} to GET: some words" == error.message
    assert kind is type(status_error(f"{status} Some Words"))


def test_pages_of_markup_are_not_repeated() -> None:
    """Swift answers with a page; the reason is what counts."""
    answer = httpx.Response(404, request=_REQUEST, html="<html><h1>Not Found</h1></html>")

    assert "HTTP 404 to GET: Not Found" == response_error(answer).message


@pytest.mark.parametrize("status", [429, 498, 503])
def test_retry_after(status: int) -> None:
    """In seconds or as a date."""
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    seconds, date = (
        response_error(httpx.Response(status, request=_REQUEST, headers={"Retry-After": after}))
        for after in ("7", later)
    )

    assert isinstance(seconds, ThrottledError)
    assert isinstance(date, ThrottledError)
    assert 7 == seconds.retry_after
    assert date.retry_after is not None
    assert 90 < date.retry_after <= 100


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ReadTimeout("x"), StorageTimeoutError),
        (httpx.ConnectError("x"), StorageUnavailableError),
        (httpx.LocalProtocolError("x"), UnexpectedStorageError),
        (type("NewTimeout", (httpx.ReadTimeout,), {})("x"), StorageTimeoutError),
        (ValueError("x"), UnexpectedStorageError),
    ],
)
def test_exceptions(error: Exception, kind: type[StorageError]) -> None:
    """Each becomes what its class means, with its words."""
    assert (kind, f"{type(error).__name__}: x") == (type(exception_error(error)), exception_error(error).message)


def test_translation_keeps_the_cause() -> None:
    """The library's exception stays to be seen."""
    with pytest.raises(StorageUnavailableError) as raised, translated():
        raise httpx.ConnectError("refused")

    assert isinstance(raised.value.__cause__, httpx.ConnectError)
