"""Uploads: POST, PATCH, GET, PUT and DELETE (distribution-spec, end-4a to end-6, end-11, end-13 and end-14)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from starlette.responses import Response

from holdfast.registry.errors import UploadOffsetError, UploadUnknownError
from holdfast.registry.http.body import content_length, opened_body
from holdfast.registry.http.errors import ApiError
from holdfast.registry.http.fields import field
from holdfast.registry.http.ranges import parse_chunk_range
from holdfast.registry.http.references import check_name, digest_of
from holdfast.registry.model.digest import ALGORITHMS, CANONICAL
from holdfast.registry.store.upload_state import UploadState, is_upload_id, new_upload, seal, unseal

if TYPE_CHECKING:
    from starlette.requests import Request

    from holdfast.registry.http.context import Registry
    from holdfast.registry.model.digest import Digest

__all__ = ["append_upload", "cancel_upload", "finish_upload", "start_upload", "tell_upload"]

_BAD_RANGE = "invalid content range"


async def start_upload(registry: Registry, request: Request, name: str, reference: str) -> Response:
    """Begin an upload; or mount a blob of another repository; or take a whole blob in this request."""
    if reference:
        raise ApiError("UNSUPPORTED", "POST is for beginning an upload")
    mounted, whole = _parameter(request, "mount"), _parameter(request, "digest")
    if mounted is not None:
        digest = digest_of(mounted)
        if await _mount(registry, name, digest, _parameter(request, "from")):
            return _created(registry, request, name, digest)
    elif whole is not None:
        digest = digest_of(whole)
        length = content_length(request)
        async with opened_body(request, registry.body_idle_timeout, length) as body:
            await registry.uploads.receive_whole(name, digest, body, length=length)
        return _created(registry, request, name, digest)
    algorithm = _parameter(request, "digest-algorithm") or CANONICAL
    if algorithm not in ALGORITHMS:
        raise ApiError("DIGEST_INVALID", {"algorithm": algorithm[:64], "supported": list(ALGORITHMS)})
    response = _progress(registry, request, new_upload(name, algorithm), 0, status=202)
    if registry.min_chunk:
        response.headers["oci-chunk-min-length"] = str(registry.min_chunk)
    return response


async def append_upload(registry: Registry, request: Request, name: str, reference: str) -> Response:
    """Append a chunk, or stream any amount."""
    state = await _state(registry, request, name, reference)
    start, length = _chunk(request)
    try:
        async with opened_body(request, registry.body_idle_timeout, length) as body:
            state, size = await registry.uploads.receive(state, body, start=start)
    except UploadOffsetError as error:
        raise _out_of_order(registry, request, state, error) from None
    return _progress(registry, request, state, size, status=202)


async def finish_upload(registry: Registry, request: Request, name: str, reference: str) -> Response:
    """Append what is left, check the digest, and make the upload a blob."""
    state = await _state(registry, request, name, reference)
    asked = _parameter(request, "digest")
    if asked is None:
        raise ApiError("DIGEST_INVALID", "the digest parameter is missing")
    digest = digest_of(asked)
    start, length = _chunk(request)
    try:
        async with opened_body(request, registry.body_idle_timeout, length) as body:
            await registry.uploads.finish(state, digest, body, length=length, start=start)
    except UploadOffsetError as error:
        raise _out_of_order(registry, request, state, error) from None
    return _created(registry, request, name, digest)


async def tell_upload(registry: Registry, request: Request, name: str, reference: str) -> Response:
    """Tell how much of an upload has arrived."""
    state = await _state(registry, request, name, reference)
    state, size = await registry.uploads.size(state)
    return _progress(registry, request, state, size, status=204)


async def cancel_upload(registry: Registry, request: Request, name: str, reference: str) -> Response:
    """Throw an upload away."""
    state = await _state(registry, request, name, reference)
    await registry.uploads.cancel(state)
    return Response(status_code=204, headers={"docker-upload-uuid": state.uuid})


async def _mount(registry: Registry, name: str, digest: Digest, source: str | None) -> bool:
    """Whether a blob could be mounted. A mount that can't be done becomes an upload, as the spec has it.

    Without a source any stored content will do (distribution-spec, "Mounting a blob from another repository"): whoever
    may push may read every repository here. Where that isn't so, a digest alone must not give content away.
    """
    if source:
        check_name(source)
    return await registry.blobs.mount(name, digest, source or None)


async def _state(registry: Registry, request: Request, name: str, uuid: str) -> UploadState:
    """Read the upload's state from its location; a location that lost its query is looked up in storage."""
    if not is_upload_id(uuid):
        raise ApiError("BLOB_UPLOAD_UNKNOWN", {"uuid": uuid[:64]})
    sealed = _parameter(request, "_state")
    if sealed is not None:
        return unseal(sealed, registry.secret, name=name, uuid=uuid)
    if not await registry.uploads.is_open(name, uuid):
        raise UploadUnknownError(uuid)
    return UploadState(name=name, uuid=uuid, started=datetime.now(UTC), stored=True)


def _parameter(request: Request, name: str) -> str | None:
    """A parameter of the query. Two values for one are refused: somebody else may have gone by the other one."""
    values = request.query_params.getlist(name)
    if len(set(values)) > 1:
        raise ApiError("UNSUPPORTED", {"parameter": name}, status=400, message="a parameter has two values")
    return values[0] if values else None


def _chunk(request: Request) -> tuple[int | None, int | None]:
    """Where a body starts, and its length, as far as the client says."""
    length = content_length(request)
    header = field(request, b"content-range")
    if header is None:
        return None, length
    chunk = parse_chunk_range(header)
    if chunk is None:
        raise ApiError("BLOB_UPLOAD_INVALID", "Content-Range is <start>-<end>", message=_BAD_RANGE)
    if length is not None and length != chunk.length:
        raise ApiError("SIZE_INVALID", {"content-range": chunk.length, "content-length": length})
    return chunk.start, chunk.length


def _progress(registry: Registry, request: Request, state: UploadState, size: int, *, status: int) -> Response:
    return Response(status_code=status, headers=_progress_headers(registry, request, state, size))


def _progress_headers(registry: Registry, request: Request, state: UploadState, size: int) -> dict[str, str]:
    path = f"/v2/{state.name}/blobs/uploads/{state.uuid}?_state={seal(state, registry.secret)}"
    return {
        "location": registry.urls.locate(request, path),
        "range": f"0-{max(size - 1, 0)}",
        "docker-upload-uuid": state.uuid,
    }


def _out_of_order(registry: Registry, request: Request, state: UploadState, error: UploadOffsetError) -> ApiError:
    headers = _progress_headers(registry, request, state, error.size)
    detail = {"start": error.start, "received": error.size}
    return ApiError("BLOB_UPLOAD_INVALID", detail, status=416, headers=headers, message=_BAD_RANGE)


def _created(registry: Registry, request: Request, name: str, digest: Digest) -> Response:
    location = registry.urls.locate(request, f"/v2/{name}/blobs/{digest}")
    return Response(status_code=201, headers={"location": location, "docker-content-digest": str(digest)})
