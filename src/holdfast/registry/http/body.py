"""Request bodies: as a stream, or whole up to a limit."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from holdfast.registry.errors import BodyInterruptedError, ContentLengthError
from holdfast.registry.http.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

__all__ = ["content_length", "read_whole", "stream_body"]


def content_length(request: Request) -> int | None:
    """Return the announced length, or `None` for a body of unknown length.

    Raises:
        ApiError: It is no number.
    """
    text = request.headers.get("content-length")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        raise ApiError("SIZE_INVALID", "Content-Length is no number")
    return int(text)


async def stream_body(request: Request, idle_timeout: float) -> AsyncIterator[bytes]:
    """Yield a body as it arrives, whole chunks only, none empty.

    The server doesn't time out a body that stalls (its maintainers leave that to the application), so this does.

    Raises:
        BodyInterruptedError: The client went away, or sent nothing for `idle_timeout` seconds.
        ContentLengthError: The body has another length than announced.
    """
    announced = content_length(request)
    received = 0
    receive = request.receive
    more = True
    while more:
        try:
            async with asyncio.timeout(idle_timeout):
                message = await receive()
        except TimeoutError:
            raise BodyInterruptedError(f"nothing arrived for {idle_timeout:g} seconds") from None
        if message["type"] == "http.disconnect":
            raise BodyInterruptedError("the client went away")
        more = message.get("more_body", False)
        if chunk := message.get("body"):
            received += len(chunk)
            yield chunk
    if announced is not None and received != announced:
        raise ContentLengthError(f"{received} bytes came, {announced} were announced")


async def read_whole(request: Request, limit: int, idle_timeout: float) -> bytes:
    """Return a body that is held in memory.

    Raises:
        ApiError: 413, it is longer than `limit` bytes.
        BodyInterruptedError, ContentLengthError: As `stream_body`.
    """
    if (content_length(request) or 0) > limit:
        raise _too_large(limit)
    chunks = []
    size = 0
    async for chunk in stream_body(request, idle_timeout):
        chunks.append(chunk)
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
    return b"".join(chunks)


def _too_large(limit: int) -> ApiError:
    # distribution-spec, "Pushing manifests": a registry that limits a manifest's size answers 413.
    return ApiError("SIZE_INVALID", {"limit": limit}, status=413, message=f"the body is larger than {limit} bytes")
