"""An answer on its way to the client, watched: for the logs and the metrics, which wrap the application."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from starlette.types import Message, Send

__all__ = ["Answer"]


class Answer:
    """Sends a request's answer on, and keeps what there is to log and to count of it.

    Attributes:
        status: Its status, 0 before it has begun.
        size: Bytes of the body that were given to the server.
    """

    __slots__ = ("_headers", "_send", "size", "status")

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        self.size = 0

    def __call__(self, message: Message) -> Awaitable[None]:
        """Send a message of it."""
        kind = message["type"]
        if kind == "http.response.body":
            self.size += len(message.get("body", b""))
        elif kind == "http.response.start":
            self.status = message["status"]
            self._headers = message.get("headers", ())
        elif kind == "http.response.pathsend":
            self.size += self._content_length()
        return self._send(message)

    def _content_length(self) -> int:
        for name, value in self._headers:
            if name == b"content-length":
                return int(value)
        return 0
