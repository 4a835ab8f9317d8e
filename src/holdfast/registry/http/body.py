"""Request bodies: as a stream, or whole up to a limit."""

from __future__ import annotations

from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING

from holdfast.registry.errors import BodyInterruptedError, ContentLengthError
from holdfast.registry.http.errors import ApiError
from holdfast.registry.http.messages import BodyMessages
from holdfast.registry.http.unread import body_ended

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from starlette.requests import Request

__all__ = ["content_length", "opened_body", "read_whole"]

_LENGTH_DIGITS = 20
"""All that 64 bits can hold; Python refuses to read thousands of digits as a number."""


def content_length(request: Request) -> int | None:
    """Return the announced length, or `None` for a body of unknown length.

    Raises:
        ApiError: It is no number, or one of more than 20 digits.
    """
    text = request.headers.get("content-length")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _LENGTH_DIGITS):
        raise ApiError("SIZE_INVALID", "Content-Length is no number of bytes")
    return int(text)


@asynccontextmanager
async def opened_body(request: Request, idle_timeout: float, length: int | None) -> AsyncIterator[AsyncIterator[bytes]]:
    """Open a body to be read as it arrives: chunks of any size, none empty.

    The server doesn't time out a body that stalls (its maintainers leave that to the application), so this does.

    Args:
        request: The request.
        idle_timeout: Seconds that the body may bring nothing.
        length: The bytes that were announced; `None` if it isn't known.

    Iterating raises:
        BodyInterruptedError: The client went away, or sent nothing for `idle_timeout` seconds.
        ContentLengthError: The body has another length than announced.
    """
    async with aclosing(_stream(request, idle_timeout, length)) as chunks:
        yield chunks


async def read_whole(request: Request, limit: int, idle_timeout: float) -> bytes:
    """Return a body that is held in memory.

    Raises:
        ApiError: 413, it is longer than `limit` bytes.
        BodyInterruptedError, ContentLengthError: As `opened_body`.
    """
    length = content_length(request)
    if length is not None and length > limit:
        raise _too_large(limit)
    chunks = []
    size = 0
    async with opened_body(request, idle_timeout, length) as body:
        async for chunk in body:
            chunks.append(chunk)
            size += len(chunk)
            if size > limit:
                raise _too_large(limit)
    return b"".join(chunks)


async def _stream(request: Request, idle_timeout: float, length: int | None) -> AsyncGenerator[bytes, None]:
    received = 0
    messages = BodyMessages(request.receive, ahead=length is None)
    more = True
    try:
        while more:
            piece, more = await messages.next(idle_timeout)
            received += len(piece)
            if length is not None and received > length:
                raise ContentLengthError(f"more bytes came than the {length} announced")
            if piece:
                yield piece
        body_ended(request.scope)
    except BodyInterruptedError:
        body_ended(request.scope)
        raise
    finally:
        messages.close()
    if length is not None and received != length:
        raise ContentLengthError(f"{received} bytes came, {length} were announced")


def _too_large(limit: int) -> ApiError:
    # distribution-spec, "Pushing manifests": a registry that limits a manifest's size answers 413.
    return ApiError("SIZE_INVALID", {"limit": limit}, status=413, message=f"the body is larger than {limit} bytes")
