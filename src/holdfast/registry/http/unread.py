"""Bodies that an answer doesn't wait for: an upload refused at its first byte, a mount that came with content.

Who answers while the client still sends, and then closes, resets the connection, and most clients lose the answer with
it (RFC 9112, section 9.6). So what is left of such a body is read and dropped first. That has bounds; past them the
answer goes out with `Connection: close`, for the clients that listen while they send.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from holdfast.registry.errors import BodyInterruptedError
from holdfast.registry.http.messages import BodyMessages

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Receive, Scope

__all__ = ["body_ended", "drop_body"]

_ENDED = "holdfast.body_ended"

_MOST_BYTES = 64 * 1024 * 1024
_MOST_SECONDS = 10.0
_IDLE_SECONDS = 2.0
"""A client that waits for the answer before it sends more, or has gone, isn't waited for any longer."""


def body_ended(scope: Scope) -> None:
    """Note that a request's body was read to its end, or has broken off."""
    scope[_ENDED] = True


async def drop_body(scope: Scope, receive: Receive, response: Response) -> None:
    """Read what is left of a request's body, so that the client gets the response, or announce the connection's end.

    A client that asked for leave to send its body (`Expect: 100-continue`) has sent nothing yet: no need to wait.
    """
    if _ENDED in scope or scope["http_version"].startswith("2") or not _has_body(scope):
        return
    expects = any(name == b"expect" for name, _ in scope["headers"])
    if expects or not await _read_to_end(receive):
        response.raw_headers.append((b"connection", b"close"))


def _has_body(scope: Scope) -> bool:
    for name, value in scope["headers"]:
        if name == b"transfer-encoding" or (name == b"content-length" and value.strip() != b"0"):
            return True
    return False


async def _read_to_end(receive: Receive) -> bool:
    messages = BodyMessages(receive, ahead=False)
    size = 0
    try:
        async with asyncio.timeout(_MOST_SECONDS):
            while size <= _MOST_BYTES:
                content, more = await messages.next(_IDLE_SECONDS)
                size += len(content)
                if not more:
                    return True
    except (BodyInterruptedError, TimeoutError):
        return False
    finally:
        messages.close()
    return False
