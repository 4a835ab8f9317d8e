"""Answers with content: a local file handed to the server, or a stream from storage."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Message, Receive, Scope, Send

    from holdfast.registry.http.ranges import ByteRange
    from holdfast.storage.driver import StorageDriver

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
        driver: The storage.
        path: The file.
        part: What of it.
        status: 200 or 206.
        headers: The headers, `content-length` among them.
    """

    def __init__(
        self, driver: StorageDriver, path: str, part: ByteRange, *, status: int, headers: Mapping[str, str]
    ) -> None:
        super().__init__(status_code=status, headers=headers)
        self._driver = driver
        self._path = path
        self._part = part

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Open the content, then send headers and body; what can't be opened was not yet answered."""
        del scope
        async with self._driver.reader(self._path, offset=self._part.start, length=self._part.length) as chunks:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            leaving = asyncio.ensure_future(_left(receive))
            try:
                left = self._part.length
                async for chunk in chunks:
                    if leaving.done():
                        return
                    left -= len(chunk)
                    await send(_body(chunk, more=left > 0))
                if left > 0:
                    raise ConnectionError(f"{self._path} ended {left} bytes early")
                if self._part.length == 0:
                    await send(_body(b"", more=False))
            finally:
                leaving.cancel()
                await asyncio.gather(leaving, return_exceptions=True)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _body(chunk: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": chunk, "more_body": more}
