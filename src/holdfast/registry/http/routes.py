"""The table of routes, and the application that looks requests up in it.

A repository's name may hold slashes and the very words that follow it, so a path is read from its end: the last
two segments say what is asked for.

    /v2/                                     the interface is here
    /v2/_catalog                             repositories
    /v2/<name>/tags/list                     tags
    /v2/<name>/manifests/<tag or digest>     a manifest
    /v2/<name>/blobs/<digest>                a blob
    /v2/<name>/blobs/uploads/                a new upload
    /v2/<name>/blobs/uploads/<uuid>          an upload
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from holdfast.registry.http import blobs, listings, manifests, uploads
from holdfast.registry.http.context import Registry
from holdfast.registry.http.errors import ApiError, error_response, from_exception
from holdfast.registry.http.references import check_name

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

__all__ = ["Application"]

Handler: TypeAlias = Callable[[Registry, Request, str, str], Awaitable[Response]]
"""Answers a request for a repository's name and the last segment of its path."""


_API_VERSION = (b"docker-distribution-api-version", b"registry/2.0")
"""On every answer: clients tell a registry by it."""


async def _get_base(registry: Registry, request: Request, name: str, reference: str) -> Response:
    """Tell that the interface is here (distribution-spec, end-1)."""
    del registry, request, name, reference
    return Response(b"{}", media_type="application/json")


_BASE: dict[str, Handler] = {"GET": _get_base, "HEAD": _get_base}
_CATALOG: dict[str, Handler] = {"GET": listings.get_catalog}
_TAGS: dict[str, Handler] = {"GET": listings.get_tags}
_MANIFESTS: dict[str, Handler] = {
    "GET": manifests.get_manifest,
    "HEAD": manifests.get_manifest,
    "PUT": manifests.put_manifest,
    "DELETE": manifests.delete_manifest,
}
_BLOBS: dict[str, Handler] = {"GET": blobs.get_blob, "HEAD": blobs.head_blob, "DELETE": blobs.delete_blob}
_NEW_UPLOAD: dict[str, Handler] = {"POST": uploads.start_upload}
_UPLOAD: dict[str, Handler] = {
    "GET": uploads.tell_upload,
    "PATCH": uploads.append_upload,
    "PUT": uploads.finish_upload,
    "DELETE": uploads.cancel_upload,
}


class Application:
    """The registry as an ASGI application.

    Args:
        registry: What it serves.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise ValueError(f"not an HTTP request: {scope['type']}")
        started = False

        async def watched_send(message: Message) -> None:
            nonlocal started
            if not started:
                started = True
                message["headers"].append(_API_VERSION)
            await send(message)

        try:
            response = await self._respond(scope, receive)
            await response(scope, receive, watched_send)
        except Exception as error:
            if started:
                raise
            await error_response(from_exception(error))(scope, receive, watched_send)

    async def _respond(self, scope: Scope, receive: Receive) -> Response:
        methods, name, reference = _route(scope["path"])
        handler = methods.get(scope["method"])
        if handler is None:
            raise ApiError("UNSUPPORTED", headers={"allow": ", ".join(sorted(methods))})
        if name is not None:
            check_name(name)
        return await handler(self._registry, Request(scope, receive), name or "", reference)


def _route(path: str) -> tuple[dict[str, Handler], str | None, str]:
    """Find what answers a path, the repository's name in it (`None` where there is none to be), its last segment."""
    head, _, last = path.rpartition("/")
    before, _, noun = head.rpartition("/")
    if before.startswith("/v2/"):
        if noun == "manifests" and last:
            return _MANIFESTS, before[4:], last
        if noun == "uploads" and before.endswith("/blobs"):
            return (_UPLOAD if last else _NEW_UPLOAD), before[4:].removesuffix("blobs").removesuffix("/"), last
        if noun == "blobs" and last:
            return _BLOBS, before[4:], last
        if noun == "tags" and last == "list":
            return _TAGS, before[4:], last
    if path in {"/v2/", "/v2"}:
        return _BASE, None, ""
    if path == "/v2/_catalog":
        return _CATALOG, None, ""
    raise ApiError("UNSUPPORTED", status=404, message="no such endpoint")
