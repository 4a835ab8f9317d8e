"""The errors a client sees: the spec's codes in one table, our exceptions in another, one renderer.

Sources: OCI distribution-spec, "Error codes"; Distribution's `api/errcode` for codes that the spec leaves out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import structlog
from starlette.responses import Response

from holdfast.registry import errors as registry
from holdfast.storage import errors as storage

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CODES", "ApiError", "ErrorCode", "error_response", "from_exception"]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """A row of the spec's table.

    Attributes:
        code: What clients compare with.
        status: The HTTP status it goes with, unless an error says otherwise.
        message: What people read.
    """

    code: str
    status: int
    message: str


CODES = {
    row.code: row
    for row in (
        ErrorCode("BLOB_UNKNOWN", 404, "blob unknown to registry"),
        ErrorCode("BLOB_UPLOAD_INVALID", 400, "blob upload invalid"),
        ErrorCode("BLOB_UPLOAD_UNKNOWN", 404, "blob upload unknown to registry"),
        ErrorCode("DENIED", 403, "requested access to the resource is denied"),
        ErrorCode("DIGEST_INVALID", 400, "provided digest did not match uploaded content"),
        ErrorCode("MANIFEST_BLOB_UNKNOWN", 400, "blob unknown to registry"),
        ErrorCode("MANIFEST_INVALID", 400, "manifest invalid"),
        ErrorCode("MANIFEST_UNKNOWN", 404, "manifest unknown"),
        ErrorCode("NAME_INVALID", 400, "invalid repository name"),
        ErrorCode("NAME_UNKNOWN", 404, "repository name not known to registry"),
        ErrorCode("SIZE_INVALID", 400, "provided length did not match content length"),
        ErrorCode("TAG_INVALID", 400, "manifest tag did not match URI"),
        ErrorCode("TOOMANYREQUESTS", 429, "too many requests"),
        ErrorCode("UNAUTHORIZED", 401, "authentication required"),
        ErrorCode("UNAVAILABLE", 503, "service unavailable"),
        ErrorCode("UNKNOWN", 500, "unknown error"),
        ErrorCode("UNSUPPORTED", 405, "the operation is unsupported"),
    )
}


_MOST_ERRORS = 1000
_SHOWN = 1000
"""An answer lists so many errors, and shows so many characters of what a client sent: not all of four megabytes."""


class ApiError(Exception):
    """An answer that isn't a success.

    Args:
        code: A key of `CODES`.
        detail: Anything that helps, as JSON; several details make several errors of the same code.
        status: Another status than the code's own.
        headers: Further headers.
    """

    def __init__(
        self,
        code: str,
        *details: object,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        message: str | None = None,
    ) -> None:
        self.code = CODES[code]
        self.details = details or (None,)
        self.status = status or self.code.status
        self.headers = dict(headers or {})
        self.message = message or self.code.message
        super().__init__(f"{code}: {self.message}")


def error_response(error: ApiError) -> Response:
    """Render an error as the spec has it."""
    errors = [_body(error, detail) for detail in error.details[:_MOST_ERRORS]]
    return Response(
        msgspec.json.encode({"errors": errors}),
        status_code=error.status,
        headers=error.headers,
        media_type="application/json",
    )


def _body(error: ApiError, detail: object) -> dict[str, object]:
    body: dict[str, object] = {"code": error.code.code, "message": error.message}
    if isinstance(detail, str) and len(detail) > _SHOWN:
        detail = f"{detail[:_SHOWN]}…"
    return body if detail is None else body | {"detail": detail}


_REGISTRY: dict[type[registry.RegistryError], tuple[str, int | None]] = {
    registry.BlobUnknownError: ("BLOB_UNKNOWN", None),
    registry.ManifestUnknownError: ("MANIFEST_UNKNOWN", None),
    registry.RepositoryUnknownError: ("NAME_UNKNOWN", None),
    registry.DigestMismatchError: ("DIGEST_INVALID", None),
    registry.UploadUnknownError: ("BLOB_UPLOAD_UNKNOWN", None),
    registry.UploadBusyError: ("BLOB_UPLOAD_INVALID", 409),
    registry.ContentLengthError: ("SIZE_INVALID", None),
    registry.BodyInterruptedError: ("BLOB_UPLOAD_INVALID", 408),
}

_STORAGE: dict[type[storage.StorageError], tuple[str, int | None]] = {
    storage.ThrottledError: ("TOOMANYREQUESTS", None),
    storage.StorageTimeoutError: ("UNAVAILABLE", None),
    storage.StorageUnavailableError: ("UNAVAILABLE", None),
    storage.IncompleteReadError: ("UNAVAILABLE", None),
    storage.WriteConflictError: ("UNAVAILABLE", None),
    storage.StorageFullError: ("UNAVAILABLE", 507),
    storage.ReadOnlyStorageError: ("UNSUPPORTED", None),
}


def from_exception(error: Exception) -> ApiError:
    """Put any exception of a handler into the spec's words; log what isn't the client's doing."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, registry.UploadOffsetError):
        raise TypeError("an upload's offset error needs the upload's location; its handler answers it") from error
    if isinstance(error, registry.ManifestRefersToUnknownError):
        return ApiError("MANIFEST_BLOB_UNKNOWN", *({"digest": str(digest)} for digest in error.missing))
    for kind, (code, status) in _REGISTRY.items():
        if isinstance(error, kind):
            return ApiError(code, str(error), status=status)
    if isinstance(error, storage.BatchDeleteError):
        # Of many failures the one that tells most: it won't go away by itself.
        return from_exception(min(error.failures.values(), key=lambda failure: failure.retryable))
    for storage_kind, (code, status) in _STORAGE.items():
        if isinstance(error, storage_kind):
            return _from_storage(error, code, status)
    _log.error("request failed", exc_info=error)
    return ApiError("UNKNOWN")


def _from_storage(error: storage.StorageError, code: str, status: int | None) -> ApiError:
    """The client learns the kind of trouble; where storage lies and what it said goes to the log."""
    _log.error("storage failed", error=str(error), kind=type(error).__name__)
    retry_after = getattr(error, "retry_after", None)
    again = error.retryable or isinstance(error, storage.WriteConflictError)
    headers = {"Retry-After": str(max(1, round(retry_after or 1)))} if again else {}
    message = (type(error).__doc__ or "").partition("\n")[0]
    return ApiError(code, message, status=status, headers=headers)
