"""Manifests: GET, HEAD, PUT and DELETE, by tag and by digest (distribution-spec, end-2, end-3, end-7 and end-9)."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import TYPE_CHECKING

from starlette.responses import Response

from holdfast.registry.errors import ManifestUnknownError
from holdfast.registry.http.body import content_length, read_whole
from holdfast.registry.http.conditions import is_unmodified
from holdfast.registry.http.content import MemoryResponse
from holdfast.registry.http.errors import ApiError
from holdfast.registry.http.fields import encode, field
from holdfast.registry.http.negotiation import accepts, default_platform_digest
from holdfast.registry.http.references import check_tag, digest_of
from holdfast.registry.model.digest import Digest
from holdfast.registry.model.manifest import MAX_MANIFEST_BYTES, ManifestError, parse_manifest
from holdfast.registry.model.validation import check_pushed

if TYPE_CHECKING:
    from starlette.requests import Request

    from holdfast.registry.http.context import Registry
    from holdfast.registry.http.fields import EncodedFields
    from holdfast.registry.model.manifest import Manifest
    from holdfast.registry.model.validation import ManifestValidation
    from holdfast.registry.store.facts import StoredManifest

__all__ = ["MAX_TAGS", "delete_manifest", "get_manifest", "put_manifest"]

MAX_TAGS = 64
"""Tags that one push can ask for. The spec wants 10 at least; a URL has place for 60 tags of the greatest length."""

_QUICK_BYTES = 64 * 1024
"""Manifests up to this size are checked at once: it takes less than 3 ms, whatever they were made of."""


async def get_manifest(registry: Registry, request: Request, name: str, reference: str) -> Response:
    """Send a manifest; without its content for HEAD."""
    accept = field(request, b"accept") or ""
    by_digest = ":" in reference
    if by_digest:
        stored = await registry.manifests.by_digest(name, digest_of(reference))
    else:
        check_tag(reference)
        stored = await registry.manifests.by_tag(name, reference)
    if not accepts(accept, stored.manifest.media_type, by_digest=by_digest):
        stored = await _default_image(registry, name, reference, stored, accept)
    fields = _fields(stored.digest, stored.manifest.media_type, len(stored.content))
    if is_unmodified(request, stored.digest):
        return MemoryResponse(b"", fields[2:], status=304)
    return MemoryResponse(b"" if request.method == "HEAD" else stored.content, fields)


async def put_manifest(registry: Registry, request: Request, name: str, reference: str) -> Response:
    """Store a manifest, byte for byte as it came, and the tags that point to it: all of them, or an error."""
    expected = digest_of(reference) if ":" in reference else None
    if expected is None:
        check_tag(reference)
    asked_tags = _asked_tags(request) if expected else ()
    async with registry.budget.reserve(min(content_length(request) or MAX_MANIFEST_BYTES, MAX_MANIFEST_BYTES)):
        content = await read_whole(request, MAX_MANIFEST_BYTES, registry.body_idle_timeout)
        digest = Digest.of(content) if expected is None else Digest.of(content, expected.algorithm)
        if expected is not None and digest != expected:
            raise ApiError("DIGEST_INVALID", {"expected": str(expected), "actual": str(digest)})
        try:
            manifest = await _read_pushed(registry, request, content)
            await registry.manifests.put(
                name,
                content,
                manifest,
                digest,
                tags=asked_tags if expected else (reference,),
                rules=registry.validation,
            )
        except ManifestError as error:
            raise ApiError("MANIFEST_INVALID", str(error)) from None
    headers = {
        "location": registry.urls.locate(request, f"/v2/{name}/manifests/{digest}"),
        "docker-content-digest": str(digest),
    }
    # Not for a subject by whose digest nobody could ask here: clients then keep a list of their own.
    if (subject := manifest.subject_digest) is not None:
        headers["oci-subject"] = str(subject)
    if asked_tags:
        headers["oci-tag"] = ", ".join(asked_tags)
    return Response(status_code=201, headers=headers)


async def delete_manifest(registry: Registry, request: Request, name: str, reference: str) -> Response:
    """Remove a tag, or a manifest with the tags that point to it."""
    del request
    registry.require_delete()
    if ":" in reference:
        await registry.manifests.delete(name, digest_of(reference))
    else:
        check_tag(reference)
        await registry.tags.remove(name, reference)
    return Response(status_code=202)


def _asked_tags(request: Request) -> tuple[str, ...]:
    """The tags that a push by digest asks for, each once (distribution-spec, end-7b)."""
    tags = tuple(dict.fromkeys(request.query_params.getlist("tag")))
    if len(tags) > MAX_TAGS:
        raise ApiError("UNSUPPORTED", {"limit": MAX_TAGS}, status=414, message=f"more than {MAX_TAGS} tags at once")
    for tag in tags:
        check_tag(tag)
    return tags


async def _read_pushed(registry: Registry, request: Request, content: bytes) -> Manifest:
    declared = (field(request, b"content-type") or "").partition(";")[0].strip().lower() or None
    if len(content) <= _QUICK_BYTES:
        return _checked(content, declared, registry.validation)
    return await asyncio.to_thread(_checked, content, declared, registry.validation)


def _checked(content: bytes, declared: str | None, rules: ManifestValidation) -> Manifest:
    manifest = parse_manifest(content, declared)
    check_pushed(content, manifest, rules)
    return manifest


@lru_cache(maxsize=4096)
def _fields(digest: Digest, media_type: str, length: int) -> EncodedFields:
    """The fields of a manifest; from the third on, those that "not modified" has too."""
    return encode(
        {
            "content-length": str(length),
            "content-type": media_type,
            "docker-content-digest": str(digest),
            "etag": f'"{digest}"',
        }
    )


async def _default_image(
    registry: Registry, name: str, reference: str, stored: StoredManifest, accept: str
) -> StoredManifest:
    """For a client that can't read a Docker manifest list and asks by tag, the default platform's image in it."""
    child = None if ":" in reference else default_platform_digest(stored.manifest)
    if child is not None:
        stored = await registry.manifests.by_digest(name, child)
    media_type = stored.manifest.media_type
    if child is None or not accepts(accept, media_type):
        raise ManifestUnknownError(reference, f"the manifest is of type {media_type}, which Accept doesn't name")
    return stored
