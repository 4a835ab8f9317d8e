"""A server in the test's own process, and clients that show what is on the wire."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import anyio
from starlette.types import ASGIApp, Receive, Scope, Send

from holdfast.registry.server import ServerOptions, serve

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Running:
    """A server in this process, its address, and its clients' connections."""

    def __init__(self, task: asyncio.Task[None], address: str) -> None:
        self.task = task
        self.address = address
        self.port = 0 if address.startswith("/") else int(address.rpartition(":")[2])
        self._writers: list[asyncio.StreamWriter] = []

    async def connect(self, data: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection on which `data` was sent; closed with the server at the latest."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._writers.append(writer)
        writer.write(data)
        await writer.drain()
        return reader, writer

    async def refused(self) -> None:
        """Returns when the server takes no connections any more."""
        while True:
            try:
                await self.connect()
            except ConnectionRefusedError:
                return
            # There is no event of this in the client's reach.
            await asyncio.sleep(0.01)

    async def stopped(self) -> None:
        """Returns when `serve` has, with its error."""
        with anyio.fail_after(20):
            await self.task

    async def close(self) -> None:
        """Ends the server and the connections."""
        self.task.cancel()
        await asyncio.wait({self.task})
        for writer in self._writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


@contextlib.asynccontextmanager
async def running(
    app: ASGIApp,
    lifespan: AbstractAsyncContextManager[object] | None = None,
    *,
    on_stopping: Callable[[], None] | None = None,
    **options: Any,
) -> AsyncIterator[Running]:
    """Serves `app` while the block runs; an error of the start comes out of entering it."""
    listening = asyncio.get_running_loop().create_future()
    chosen = ServerOptions(**{"host": "127.0.0.1", "port": 0, "drain_timeout": 10.0, "cleanup_timeout": 1.0, **options})
    serving = serve(app, chosen, on_listening=listening.set_result, on_stopping=on_stopping, lifespan=lifespan)
    task = asyncio.create_task(serving)
    await asyncio.wait({task, listening}, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        await task
    server = Running(task, listening.result())
    try:
        yield server
    finally:
        await server.close()


def terminate() -> None:
    """What an operator's stop does."""
    os.kill(os.getpid(), signal.SIGTERM)


async def answer(send: Send, status: int = 200, body: bytes = b"ok") -> None:
    """Sends a whole answer."""
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def ok(_scope: Scope, _receive: Receive, send: Send) -> None:
    """An application that is always fine."""
    await answer(send)


async def echo_length(_scope: Scope, receive: Receive, send: Send) -> None:
    """An application that answers with the length of the body."""
    length = 0
    more = True
    while more:
        message = await receive()
        length += len(message["body"])
        more = message["more_body"]
    await answer(send, body=b"%d" % length)


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """The status, headers and body of an answer that has a Content-Length."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
    headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
    return int(head[0].split()[1]), headers, await reader.readexactly(int(headers["content-length"]))


@contextlib.asynccontextmanager
async def recorded(into: list[str]) -> AsyncIterator[None]:
    """A lifespan that writes down when it is entered and left."""
    into.append("enter")
    try:
        yield
    finally:
        into.append("leave")
