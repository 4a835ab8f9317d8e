"""What a line of the log says about the request that it comes from, in the names of Distribution's fields.

Nothing of it is looked at before there is a line. Never in it: `Authorization` and other headers that may hold a
secret, and the upload state in a query.
"""

from __future__ import annotations

import ipaddress
import re
import uuid
from time import perf_counter
from typing import TYPE_CHECKING, Final

import structlog

from holdfast.logs.context import LOG_CONTEXT
from holdfast.registry.http.access_log import request_target
from holdfast.registry.http.answer import Answer
from holdfast.registry.server.client import client_address, client_port

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["CompletionLog", "LoggedRequest", "RequestLog", "remote_address", "request_id"]

_ID: Final = "holdfast.request.id"

# What a path names, as Distribution's routes call it.
_VARS: Final = re.compile(
    r"/v2/(?P<name>.+?)/(?:manifests/(?P<reference>[^/]+)|blobs/uploads/(?P<uuid>[^/]*)|blobs/(?P<digest>[^/]+)"
    r"|referrers/(?P<referred>[^/]+)|tags/list)$"
)

_HEADERS: Final = {
    b"host": "http.request.host",
    b"referer": "http.request.referer",
    b"user-agent": "http.request.useragent",
    b"content-type": "http.request.contenttype",
}

_LONGEST: Final = 1024
"""Characters of a value from the client that are worth a line."""

_log = structlog.get_logger(__name__)


class LoggedRequest:
    """A request as lines of the log show it, while it runs."""

    __slots__ = ("_scope",)

    def __init__(self, scope: Scope) -> None:
        self._scope: Scope | None = scope

    def fields(self) -> dict[str, object]:
        """Return the fields of a line, by name; none after the request's end."""
        scope = self._scope
        if scope is None:
            return {}
        found: dict[str, object] = {
            "http.request.id": request_id(scope),
            "http.request.method": scope["method"],
            "http.request.uri": request_target(scope).decode(errors="surrogateescape")[:_LONGEST],
            "http.request.remoteaddr": remote_address(scope),
        }
        for name, value in scope["headers"]:
            if name in _HEADERS:
                found[_HEADERS[name]] = value.decode(errors="surrogateescape")[:_LONGEST]
        return found | _vars(scope["path"])

    def end(self) -> None:
        """Forget the request: tasks that it has started may live on, and what they log is no part of it."""
        self._scope = None


class RequestLog:
    """An ASGI application that has all lines logged by another one tell which request they come from."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = LoggedRequest(scope)
        LOG_CONTEXT.set(request)
        # After an error the context stays: the server, in the same task, has yet to log the error.
        await self._app(scope, receive, send)
        request.end()


class CompletionLog:
    """An ASGI application that logs the end of each request of another one, in detail: for the level `debug` alone.

    It goes inside a `RequestLog`, which has the request's fields added.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        answer = Answer(send)
        start = perf_counter()
        await self._app(scope, receive, answer)
        _log.debug(
            "response completed" if answer.status < 400 else "response completed with error",
            **{
                "http.response.status": answer.status,
                "http.response.written": 0 if scope["method"] == "HEAD" else answer.size,
                "http.response.duration": f"{(perf_counter() - start) * 1000:.3f}ms",
            },
        )


def request_id(scope: Scope) -> str:
    """Return the identifier of a request: a random one, made when it is first asked for."""
    found: str = scope.get(_ID) or scope.setdefault(_ID, str(uuid.uuid4()))
    return found


def remote_address(scope: Scope) -> str:
    """Return who sent a request, as far as one believes the proxies on the way.

    The first address of `X-Forwarded-For`, else that of `X-Real-Ip`, else the peer's with its port. Anybody can send
    these headers, so this is for reading, not for deciding.
    """
    proxied = [pair for pair in scope["headers"] if pair[0] in {b"x-forwarded-for", b"x-real-ip"}]
    headers: dict[bytes, bytes] = dict(reversed(proxied))  # of several, the first counts
    for value in (headers.get(b"x-forwarded-for", b"").partition(b",")[0], headers.get(b"x-real-ip", b"")):
        address = value.decode(errors="replace").strip()
        if _is_address(address):
            return address
    host = client_address(scope)
    if not host:
        return ""
    return f"[{host}]:{client_port(scope)}" if ":" in host else f"{host}:{client_port(scope)}"


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def _vars(path: str) -> dict[str, str]:
    begin = path.find("/v2/")
    match = _VARS.match(path, begin, begin + 2 * _LONGEST) if begin >= 0 else None
    if match is None:
        return {}
    found = {name: value for name, value in match.groupdict().items() if value}
    if referred := found.pop("referred", None):
        found["digest"] = referred
    return {f"vars.{name}": value for name, value in found.items()}
