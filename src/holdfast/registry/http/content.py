"""Answers with content: from memory, a local file handed to the server, or a stream from storage."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

    from holdfast.registry.http.fields import EncodedFields
    from holdfast.storage.driver import Chunks

__all__ = ["LocalFileResponse", "MemoryResponse", "StoredContentResponse"]

_PATHSEND = "http.response.pathsend"


class _ContentResponse(Response):
    """An answer whose header fields, `content-length` among them, are encoded already."""

    def __init__(self, status: int, fields: EncodedFields) -> None:
        # What the base class does besides is encoding, which isn't needed here.
        self.status_code = status
        self.raw_headers = [*fields]

    def start(self) -> Message:
        """The message that goes before the content."""
        return {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}


class MemoryResponse(_ContentResponse):
    """Content that is in memory.

    Args:
        content: What is sent; nothing for HEAD.
        fields: The header fields.
        status: 200, 206 or 304.
    """

    def __init__(self, content: bytes, fields: EncodedFields, *, status: int = 200) -> None:
        super().__init__(status, fields)
        self._content = content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the headers and the content."""
        del scope, receive
        await send(self.start())
        await send(_body(self._content, more=False))


class LocalFileResponse(_ContentResponse):
    """A whole file of this machine, sent by the server itself (ASGI's path send extension).

    Args:
        path: The file.
        fields: The header fields.
    """

    def __init__(self, path: str, fields: EncodedFields) -> None:
        super().__init__(200, fields)
        self._path = path

    @staticmethod
    def is_available(scope: Scope) -> bool:
        """Whether the server sends files."""
        return _PATHSEND in scope.get("extensions", ())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the headers and name the file."""
        del scope, receive
        await send(self.start())
        await send({"type": _PATHSEND, "path": self._path})


class StoredContentResponse(_ContentResponse):
    """A part of a stored file, streamed.

    Sending goes on succeeding after a client has left, so this watches for its leaving, and stops reading then.

    Args:
        content: The part; reading it fails where it ends before its length.
        length: Its bytes.
        status: 200 or 206.
        fields: The header fields.

    Attributes:
        started: Whether the status was sent; what fails before that can still be answered.
    """

    def __init__(self, content: Chunks, length: int, fields: EncodedFields, *, status: int) -> None:
        super().__init__(status, fields)
        self._content = content
        self._length = length
        self.started = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the first chunk, then send headers and body; what can't be read is not yet answered."""
        del scope
        async with self._content as chunks:
            chunk = await anext(chunks, b"")
            self.started = True
            await send(self.start())
            leaving = asyncio.ensure_future(_left(receive))
            try:
                left = self._length - len(chunk)
                await send(_body(chunk, more=left > 0))
                while left > 0 and not leaving.done():
                    chunk = await anext(chunks)
                    left -= len(chunk)
                    await send(_body(chunk, more=left > 0))
            finally:
                leaving.cancel()
                await asyncio.gather(leaving, return_exceptions=True)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _body(chunk: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": chunk, "more_body": more}
