"""Answers with content: a local file handed to the server, or a stream from storage."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Message, Receive, Scope, Send

    from holdfast.storage.driver import Chunks

__all__ = ["LocalFileResponse", "StoredContentResponse"]

_PATHSEND = "http.response.pathsend"


class LocalFileResponse(Response):
    """A whole file of this machine, sent by the server itself (ASGI's path send extension).

    Args:
        path: The file.
        headers: The headers, `content-length` among them.
    """

    def __init__(self, path: str, headers: Mapping[str, str]) -> None:
        super().__init__(status_code=200, headers=headers)
        self._path = path

    @staticmethod
    def is_available(scope: Scope) -> bool:
        """Whether the server sends files."""
        return _PATHSEND in scope.get("extensions", ())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the headers and name the file."""
        del scope, receive
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": _PATHSEND, "path": self._path})


class StoredContentResponse(Response):
    """A part of a stored file, streamed.

    Sending goes on succeeding after a client has left, so this watches for its leaving, and stops reading then.

    Args:
        content: The part; reading it fails where it ends before its length.
        length: Its bytes.
        status: 200 or 206.
        headers: The headers, `content-length` among them.
    """

    def __init__(self, content: Chunks, length: int, *, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(status_code=status, headers=headers)
        self._content = content
        self._length = length

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the first chunk, then send headers and body; what can't be read is not yet answered."""
        del scope
        async with self._content as chunks:
            chunk = await anext(chunks, b"")
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
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
