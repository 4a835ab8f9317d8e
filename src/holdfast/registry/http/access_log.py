"""The access log: a line for each request, in Apache's combined format, as Distribution writes it.

    192.0.2.1 - - [31/Jan/2026:12:00:00 +0000] "GET /v2/a/manifests/latest HTTP/1.1" 200 1234 "" "skopeo/1.9"

The fields are the peer's address (a proxy's, if there is one), two that are always `-`, when the request began, what
was asked for, the status, the bytes of the body, and the `Referer` and `User-Agent` that the client has sent.
"""

from __future__ import annotations

import asyncio
import re
from functools import lru_cache
from time import localtime, time
from typing import TYPE_CHECKING, Final

from holdfast.logs.quoting import escape
from holdfast.registry.http.answer import Answer
from holdfast.registry.server.client import client_address

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["AccessLog", "request_target"]

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_PROTOCOLS: Final = {"1": b"HTTP/1.0", "1.0": b"HTTP/1.0", "1.1": b"HTTP/1.1", "2": b"HTTP/2.0"}

_PLAIN: Final = bytes(set(range(0x20, 0x7F)) - set(b'"\\'))

_LONGEST: Final = 8192
"""Bytes of a field from the client that are written; more than any client has a use for, less than a head may have."""

_SHORT: Final = 256
"""Bytes of a field that is worth remembering."""

# With it anybody could go on with the upload.
_STATE: Final = re.compile(rb"(^|&)_state=[^&]*")


class AccessLog:
    """An ASGI application that writes a line for each request to another one.

    A request that ends without an answer, or is cut off, is written too: with the status that the server then gives
    by itself, and the bytes that were sent until then.

    Args:
        app: The other one.
        write: Takes a line with its end; must not wait.
    """

    def __init__(self, app: ASGIApp, write: Callable[[bytes], None]) -> None:
        self._app = app
        self._write = write
        self._second = -1
        self._when = b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        now = int(time())
        if now != self._second:
            self._second, self._when = now, _when(now)
        when = self._when
        answer = Answer(send)
        try:
            await self._app(scope, receive, answer)
        except asyncio.CancelledError:
            answer.status = answer.status or 503
            raise
        finally:
            self._write(_line(scope, when, answer))


def request_target(scope: Scope) -> bytes:
    """Return path and query as they were sent, without the upload state that is in a query."""
    target: bytes = scope["raw_path"]
    query: bytes = scope["query_string"]
    if not query:
        return target
    return b"%b?%b" % (target, _STATE.sub(rb"\1_state=-", query) if b"_state=" in query else query)


def _line(scope: Scope, when: bytes, answer: Answer) -> bytes:
    method = scope["method"]
    target = request_target(scope)
    referer = agent = b""
    for name, value in scope["headers"]:
        if name == b"user-agent":
            agent = value
        elif name == b"referer":
            referer = value
    if target.translate(None, _PLAIN) or len(target) > _LONGEST:
        target = _escape(target)
    return b'%b - - [%b] "%b %b %b" %d %d "%b" "%b"\n' % (
        client_address(scope).encode() or b"-",
        when,
        method.encode(),
        target,
        _PROTOCOLS.get(scope["http_version"], b"HTTP/?"),
        answer.status or 500,
        0 if method == "HEAD" else answer.size,
        referer and _field(referer),
        _field(agent),
    )


def _field(value: bytes) -> bytes:
    return _known(value) if len(value) <= _SHORT else _escape(value)


def _escape(text: bytes) -> bytes:
    return escape(text[:_LONGEST].decode(errors="surrogateescape")).encode()


_known = lru_cache(maxsize=256)(_escape)
"""There are few clients, and Docker's has backslashes in its name, so that escaping it anew would be the rule."""


def _when(second: int) -> bytes:
    """Format a second as Apache does: local time, English months whatever the locale."""
    at = localtime(second)
    hours, minutes = divmod(abs(at.tm_gmtoff) // 60, 60)
    sign = "-" if at.tm_gmtoff < 0 else "+"
    date = f"{at.tm_mday:02}/{_MONTHS[at.tm_mon - 1]}/{at.tm_year}"
    return f"{date}:{at.tm_hour:02}:{at.tm_min:02}:{at.tm_sec:02} {sign}{hours:02}{minutes:02}".encode()
