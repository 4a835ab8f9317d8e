"""Requests as a server sees them, message by message: for what a client library doesn't let a test do."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Scope

__all__ = ["RawRequest"]


class RawRequest:
    """One request to an application, running in a task of its own.

    Attributes:
        task: The application's call.
        status: The answer's status, once it has begun.
        headers: Its headers.
        body: Its body so far, unless `keep` is off.
        received: Bytes of it so far.
        file: The path of a file that the server was asked to send.
        is_whole: Whether the answer has ended.
        begun: Set when the answer begins.
    """

    def __init__(
        self,
        app: ASGIApp,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str] | None = None,
        extensions: Mapping[str, Any] | None = None,
        keep: bool = True,
        on_chunk: Callable[[bytes], None] | None = None,
    ) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.received = 0
        self.file: str | None = None
        self.is_whole = False
        self.begun = asyncio.Event()
        self._keep = keep
        self._on_chunk = on_chunk
        self._messages: asyncio.Queue[Message] = asyncio.Queue()
        self._gate = asyncio.Event()
        self._gate.set()
        path, _, query = target.removeprefix("http://registry.test").partition("?")
        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [
                (name.lower().encode(), value.encode())
                for name, value in ({"host": "registry.test"} | dict(headers or {})).items()
            ],
            "client": ("127.0.0.1", 12345),
            "server": ("registry.test", 80),
            "extensions": dict(extensions or {}),
        }
        self.task = asyncio.create_task(self._run(app, scope))

    async def _run(self, app: ASGIApp, scope: Scope) -> None:
        await app(scope, self._receive, self._send)

    def send(self, body: bytes = b"", *, more: bool = True) -> None:
        """Let a piece of the body arrive."""
        self._messages.put_nowait({"type": "http.request", "body": body, "more_body": more})

    def leave(self) -> None:
        """Let the client go away."""
        self._messages.put_nowait({"type": "http.disconnect"})

    def hold(self) -> None:
        """Stop reading: the application's sending waits from now on."""
        self._gate.clear()

    def resume(self) -> None:
        """Read again."""
        self._gate.set()

    @property
    def waiting(self) -> int:
        """Messages that were sent and not yet taken."""
        return self._messages.qsize()

    async def taken(self) -> None:
        """Wait until the application has taken every piece that was sent."""
        await self._messages.join()

    async def _receive(self) -> Message:
        message = await self._messages.get()
        self._messages.task_done()
        return message

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            self.begun.set()
            return
        if message["type"] == "http.response.pathsend":
            self.file = message["path"]
            self.is_whole = True
            return
        await self._gate.wait()
        chunk = message.get("body", b"")
        self.received += len(chunk)
        if self._keep:
            self.body += chunk
        if self._on_chunk is not None:
            self._on_chunk(chunk)
        self.is_whole = not message.get("more_body", False)
