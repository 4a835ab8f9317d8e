"""Blobs: GET, HEAD and DELETE (distribution-spec, end-2, end-3 and end-10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from holdfast.registry.http.conditions import is_unmodified, range_applies
from holdfast.registry.http.content import LocalFileResponse, StoredContentResponse
from holdfast.registry.http.errors import ApiError
from holdfast.registry.http.ranges import UnsatisfiableRangeError, parse_range
from holdfast.registry.http.references import digest_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from holdfast.registry.http.context import Registry
    from holdfast.registry.http.ranges import ByteRange
    from holdfast.registry.store.blobs import OpenBlob

__all__ = ["delete_blob", "get_blob", "head_blob"]

_ONE_YEAR = "max-age=31536000"
"""Content never changes under its digest."""


async def head_blob(registry: Registry, request: Request, name: str, reference: str) -> Response:
    """Tell whether a repository has a blob, and its size."""
    digest = digest_of(reference)
    size = await registry.blobs.size(name, digest)
    if is_unmodified(request, reference):
        return _not_modified(reference)
    return Response(headers=_headers(reference, size))


async def get_blob(registry: Registry, request: Request, name: str, reference: str) -> Response:
    """Send a blob, or the one range asked for."""
    blob = await registry.blobs.open(name, digest_of(reference))
    if is_unmodified(request, reference):
        return _not_modified(reference)
    part = _asked_range(request, reference, blob)
    headers = _headers(reference, blob.size if part is None else part.length)
    if part is not None:
        headers["content-range"] = f"bytes {part.start}-{part.last}/{blob.size}"
        if blob.content is not None:
            return Response(blob.content[part.start : part.last + 1], status_code=206, headers=headers)
        return StoredContentResponse(
            registry.blobs.reader(blob, part.start, part.length), part.length, status=206, headers=headers
        )
    if blob.content is not None:
        return Response(blob.content, headers=headers)
    if blob.local is not None and LocalFileResponse.is_available(request.scope):
        return LocalFileResponse(blob.local.path, headers)
    return StoredContentResponse(registry.blobs.reader(blob, 0, blob.size), blob.size, status=200, headers=headers)


async def delete_blob(registry: Registry, request: Request, name: str, reference: str) -> Response:
    """Take a blob from a repository."""
    del request
    registry.require_delete()
    await registry.blobs.unlink(name, digest_of(reference))
    return Response(status_code=202, headers={"docker-content-digest": reference})


def _headers(reference: str, size: int) -> dict[str, str]:
    return {
        "content-length": str(size),
        "content-type": "application/octet-stream",
        "docker-content-digest": reference,
        "etag": f'"{reference}"',
        "accept-ranges": "bytes",
        "cache-control": _ONE_YEAR,
    }


def _not_modified(reference: str) -> Response:
    headers = {"docker-content-digest": reference, "etag": f'"{reference}"', "cache-control": _ONE_YEAR}
    return Response(status_code=304, headers=headers)


def _asked_range(request: Request, reference: str, blob: OpenBlob) -> ByteRange | None:
    header = request.headers.get("range")
    if header is None or not range_applies(request, reference):
        return None
    try:
        return parse_range(header, blob.size)
    except UnsatisfiableRangeError:
        raise ApiError("RANGE_INVALID", headers={"content-range": f"bytes */{blob.size}"}) from None
