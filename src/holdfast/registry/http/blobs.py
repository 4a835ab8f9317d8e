"""Blobs: GET, HEAD and DELETE (distribution-spec, end-2, end-3 and end-10)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from starlette.responses import Response

from holdfast.registry.http.conditions import is_unmodified, range_applies
from holdfast.registry.http.content import LocalFileResponse, MemoryResponse, StoredContentResponse
from holdfast.registry.http.errors import ApiError
from holdfast.registry.http.fields import encode, field
from holdfast.registry.http.ranges import UnsatisfiableRangeError, parse_range
from holdfast.registry.http.references import digest_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from holdfast.registry.http.context import Registry
    from holdfast.registry.http.fields import EncodedFields
    from holdfast.registry.http.ranges import ByteRange
    from holdfast.registry.model.digest import Digest
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
    return MemoryResponse(b"", _fields(digest, size))


async def get_blob(registry: Registry, request: Request, name: str, reference: str) -> Response:
    """Send a blob, or the one range asked for; or send the client to the storage.

    A HEAD is never sent there: it costs less to answer, and a URL may be good for GET alone.
    """
    digest = digest_of(reference)
    if registry.blobs.redirects and (url := await registry.blobs.redirect_url(name, digest)):
        return Response(status_code=307, headers={"location": url, "docker-content-digest": reference})
    blob = await registry.blobs.open(name, digest)
    if is_unmodified(request, reference):
        return _not_modified(reference)
    part = _asked_range(request, reference, blob)
    if part is not None:
        return _send_part(registry, blob, part)
    fields = _fields(blob.digest, blob.size)
    if blob.content is not None:
        return MemoryResponse(blob.content, fields)
    if blob.local is not None and LocalFileResponse.is_available(request.scope):
        return LocalFileResponse(blob.local.path, fields)
    return StoredContentResponse(registry.blobs.reader(blob, 0, blob.size), blob.size, fields, status=200)


async def delete_blob(registry: Registry, request: Request, name: str, reference: str) -> Response:
    """Take a blob from a repository."""
    del request
    registry.require_delete()
    await registry.blobs.unlink(name, digest_of(reference))
    return Response(status_code=202, headers={"docker-content-digest": reference})


def _send_part(registry: Registry, blob: OpenBlob, part: ByteRange) -> Response:
    extra = encode({"content-range": f"bytes {part.start}-{part.last}/{blob.size}"})
    fields = (*_fields(blob.digest, part.length), *extra)
    if blob.content is not None:
        return MemoryResponse(blob.content[part.start : part.last + 1], fields, status=206)
    return StoredContentResponse(registry.blobs.reader(blob, part.start, part.length), part.length, fields, status=206)


@lru_cache(maxsize=4096)
def _fields(digest: Digest, size: int) -> EncodedFields:
    return encode(
        {
            "content-length": str(size),
            "content-type": "application/octet-stream",
            "docker-content-digest": str(digest),
            "etag": f'"{digest}"',
            "accept-ranges": "bytes",
            "cache-control": _ONE_YEAR,
        }
    )


def _not_modified(reference: str) -> Response:
    fields = {"docker-content-digest": reference, "etag": f'"{reference}"', "cache-control": _ONE_YEAR}
    return MemoryResponse(b"", encode(fields), status=304)


def _asked_range(request: Request, reference: str, blob: OpenBlob) -> ByteRange | None:
    header = field(request, b"range")
    if header is None or not range_applies(request, reference):
        return None
    try:
        return parse_range(header, blob.size)
    except UnsatisfiableRangeError:
        # The spec has a list of codes, and none for this.
        headers = {"content-range": f"bytes */{blob.size}"}
        raise ApiError("SIZE_INVALID", status=416, headers=headers, message="the range lies outside") from None
