"""The handlers of each endpoint, and the application that looks requests up among them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from holdfast.registry.http import blobs, listings, manifests, referrers, repositories, uploads
from holdfast.registry.http.context import Registry
from holdfast.registry.http.endpoints import Place, read_path
from holdfast.registry.http.errors import ApiError, error_response, from_exception
from holdfast.registry.http.references import check_name
from holdfast.registry.http.request_log import remote_address
from holdfast.registry.http.unread import drop_body
from holdfast.registry.middleware import Operation, carried_out
from holdfast.storage.client import CLIENT

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from holdfast.registry.middleware import RepositoryMiddleware

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
_CATALOG: dict[str, Handler] = {"GET": listings.get_catalog, "HEAD": listings.get_catalog}
_TAGS: dict[str, Handler] = {"GET": listings.get_tags, "HEAD": listings.get_tags}
_MANIFESTS: dict[str, Handler] = {
    "GET": manifests.get_manifest,
    "HEAD": manifests.get_manifest,
    "PUT": manifests.put_manifest,
    "DELETE": manifests.delete_manifest,
}
_REFERRERS: dict[str, Handler] = {"GET": referrers.get_referrers, "HEAD": referrers.get_referrers}
_BLOBS: dict[str, Handler] = {"GET": blobs.get_blob, "HEAD": blobs.head_blob, "DELETE": blobs.delete_blob}
_NEW_UPLOAD: dict[str, Handler] = {"POST": uploads.start_upload}
_UPLOAD: dict[str, Handler] = {
    "GET": uploads.tell_upload,
    "HEAD": uploads.tell_upload,
    "PATCH": uploads.append_upload,
    "PUT": uploads.finish_upload,
    "DELETE": uploads.cancel_upload,
}
_REPOSITORY: dict[str, Handler] = {"DELETE": repositories.remove_repository}
_TABLES = {
    "base": _BASE,
    "catalog": _CATALOG,
    "tags": _TAGS,
    "manifest": _MANIFESTS,
    "referrers": _REFERRERS,
    "blob": _BLOBS,
    "blob_upload": _NEW_UPLOAD,
    "blob_upload_chunk": _UPLOAD,
    "repository": _REPOSITORY,
}

_WRITING = frozenset({"DELETE", "PATCH", "POST", "PUT"})


class Application:
    """The registry as an ASGI application.

    Args:
        registry: What it serves.
        headers: Header fields that every answer gets, beside its own.
        around: What stands around each operation on a repository, the first innermost.
    """

    def __init__(
        self,
        registry: Registry,
        headers: Iterable[tuple[str, str]] = (),
        around: Sequence[RepositoryMiddleware] = (),
    ) -> None:
        self._registry = registry
        self._around = around
        self._prefix = registry.urls.prefix
        more = ((name.lower().encode("ascii"), value.encode("latin-1")) for name, value in headers)
        self._fields = (_API_VERSION, *more)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise ValueError(f"not an HTTP request: {scope['type']}")
        response: Response | None = None
        client = CLIENT.set(partial(remote_address, scope))
        try:
            response = await self._respond(scope, receive)
            await self._answer(response, scope, receive, send)
        except Exception as error:
            # Only stored content can fail at its first piece, with nothing answered yet.
            if response is not None and getattr(response, "started", True):
                raise
            await self._answer(error_response(from_exception(error)), scope, receive, send)
        finally:
            CLIENT.reset(client)

    async def _answer(self, response: Response, scope: Scope, receive: Receive, send: Send) -> None:
        response.raw_headers += self._fields
        if scope["method"] in _WRITING:
            await drop_body(scope, receive, response)
        elif scope["method"] == "HEAD":
            response.body = b""  # the header fields stay what they are for GET
        await response(scope, receive, send)

    async def _respond(self, scope: Scope, receive: Receive) -> Response:
        path: str = scope["path"]
        if self._prefix:
            if not path.startswith(self._prefix):
                raise _no_such_endpoint()
            path = path[len(self._prefix) :]
        endpoint, name, reference = _route(path)
        methods = _TABLES[endpoint]
        handler = methods.get(scope["method"])
        if handler is None:
            return _without_handler(scope, methods)
        if scope["method"] in _WRITING and self._registry.read_only.is_on:
            allowed = ", ".join(sorted(methods.keys() - _WRITING))
            raise ApiError("UNSUPPORTED", "the registry is in read-only mode", headers={"allow": allowed})
        if name is not None:
            check_name(name)
        request = Request(scope, receive)
        if name is None or not self._around:
            return await handler(self._registry, request, name or "", reference)
        operation = Operation(
            repository=name, endpoint=endpoint, method=scope["method"], reference=reference, request=request
        )
        return await carried_out(operation, partial(handler, self._registry, request, name, reference), self._around)


def _without_handler(scope: Scope, methods: dict[str, Handler]) -> Response:
    """What a browser asks before a request of another origin gets its answer; nothing else does."""
    if methods is _REPOSITORY:  # nothing that could be asked for
        raise _no_such_endpoint()
    allowed = {"allow": ", ".join(sorted(methods))}
    if scope["method"] != "OPTIONS":
        raise ApiError("UNSUPPORTED", headers=allowed)
    return Response(headers=allowed)


def _route(path: str) -> Place:
    """Tell what `read_path` says of a path, which leads somewhere."""
    place = read_path(path)
    if place is None:
        raise _no_such_endpoint()
    return place


def _no_such_endpoint() -> ApiError:
    return ApiError("UNSUPPORTED", status=404, message="no such endpoint")
