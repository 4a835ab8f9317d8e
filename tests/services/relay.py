"""HTTP/1.1 passed on byte for byte: what the proxies of the tests have in common."""

import asyncio
import socket
import struct
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Self, TypeAlias
from weakref import WeakKeyDictionary

from .http1 import BrokenOffError, Framing, Head, answer_framing, read_body, read_head, request_framing

__all__ = ["Answered", "Connection", "CutError", "LeftError", "RelayServer", "Sent", "relay"]

_HEAD_BYTES = 128 * 1024
_NO_LINGER = struct.pack("ii", 1, 0)


class CutError(Exception):
    """The client's connection is to end now.

    Args:
        reset: With a reset; otherwise in good order, as if all had been said.
    """

    def __init__(self, *, reset: bool) -> None:
        self.reset = reset
        super().__init__("reset" if reset else "closed")


class LeftError(BrokenOffError):
    """A client has left while the server executes its request."""


class _Reader(asyncio.StreamReader):
    """A reader that says when the other side has left, whatever is still to be read."""

    def __init__(self) -> None:
        super().__init__(limit=_HEAD_BYTES)
        self.left = asyncio.Event()

    def feed_eof(self) -> None:
        super().feed_eof()
        self.left.set()

    def set_exception(self, exc: BaseException) -> None:
        super().set_exception(exc)  # type: ignore[arg-type]
        self.left.set()


class Connection:
    """One side of what a proxy stands between.

    Attributes:
        reader: What comes from there.
        answering: Of a server: whether it has begun to answer the last request.
    """

    def __init__(self, reader: _Reader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.answering = False
        self._writer = writer

    @classmethod
    async def open(cls, host: str, port: int) -> Self:
        """Connects to a server; `OSError` when nobody listens."""
        reader = _Reader()
        loop = asyncio.get_running_loop()
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.create_connection(lambda: protocol, host, port)
        return cls(reader, asyncio.StreamWriter(transport, protocol, reader, loop))

    @property
    def left(self) -> asyncio.Event:
        """Set when the other side has ended the connection."""
        return self.reader.left

    async def send(self, piece: bytes) -> None:
        """Sends bytes, and waits while too many are on their way."""
        self._writer.write(piece)
        await self._writer.drain()

    @property
    def is_over(self) -> bool:
        """Whether one of the two sides has ended the connection."""
        return self.left.is_set() or self._writer.is_closing()

    def close(self) -> None:
        """Ends the connection when all is sent."""
        self._writer.close()

    def reset(self) -> None:
        """Ends the connection at once, so that the other side gets a reset."""
        connected = self._writer.get_extra_info("socket")
        if connected is not None:
            with suppress(OSError):
                connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._writer.transport.abort()


Sent: TypeAlias = Callable[[AsyncIterator[bytes]], AsyncIterator[bytes]]
"""Changes what is passed on of a request: gets its pieces, head first, and yields what the server is to get."""

Answered: TypeAlias = Callable[[Head, AsyncIterator[bytes]], AsyncIterator[bytes]]
"""Changes what is passed on of an answer: gets its head, and its pieces, head first; yields what the client gets."""


class RelayServer(ABC):
    """Takes connections on a free loopback port as long as the context lasts, and makes others for each of them.

    Attributes:
        address: The `host:port` that it listens on.
    """

    def __init__(self) -> None:
        self._listener: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._servers: WeakKeyDictionary[Connection, dict[str, Connection]] = WeakKeyDictionary()
        self.address = ""

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return f"http://{self.address}"

    @abstractmethod
    async def handle(self, client: Connection, head: Head) -> bool:
        """Answers one request, whose body is still to be read; returns whether the client may send another one.

        Raises:
            CutError, BrokenOffError, OSError: Nothing more can be said to this client.
        """

    async def pass_on(
        self,
        address: str,
        client: Connection,
        head: Head,
        *,
        sent: Sent | None = None,
        answered: Answered | None = None,
    ) -> bool:
        """Has a server answer, on a connection that it keeps for this client; see `relay`."""
        server = await self._connection(client, address)
        try:
            keep = await relay(client, server, head, sent=sent, answered=answered)
        except LeftError:
            await self.leave_alone(server, head)
            raise
        except BaseException:
            # Nobody is to wait for the rest of what was cut off.
            server.reset()
            raise
        if not keep:
            server.close()
        return keep

    async def leave_alone(self, server: Connection, head: Head) -> None:
        """Ends a server's connection whose client has left before there was an answer to its request."""
        del head
        server.reset()

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.get_running_loop().create_server(self._accept, "127.0.0.1", 0, backlog=1024)
        self.address = f"127.0.0.1:{self._listener.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._listener is not None:
            self._listener.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def idle(self) -> None:
        """Returns when no client is connected any more."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _accept(self) -> asyncio.StreamReaderProtocol:
        reader = _Reader()

        def connected(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(self._serve(Connection(reader, writer)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        return asyncio.StreamReaderProtocol(reader, connected)

    async def _serve(self, client: Connection) -> None:
        try:
            while (head := await read_head(client.reader)) is not None and await self.handle(client, head):
                pass
        except CutError as cut:
            if cut.reset:
                client.reset()
        except (BrokenOffError, OSError):
            client.reset()
        finally:
            client.close()
            for server in self._servers.pop(client, {}).values():
                server.close()

    async def _connection(self, client: Connection, address: str) -> Connection:
        kept = self._servers.setdefault(client, {})
        if address not in kept or kept[address].is_over:
            host, _, port = address.rpartition(":")
            kept[address] = await Connection.open(host, int(port))
        return kept[address]


async def relay(
    client: Connection, server: Connection, head: Head, *, sent: Sent | None = None, answered: Answered | None = None
) -> bool:
    """Passes a request on, and its answer back; returns whether both connections can be used again.

    Args:
        client: Where the request's body is still to be read.
        server: Who answers.
        head: The request's.
        sent: What becomes of the request on its way.
        answered: What becomes of the answer on its way.

    Raises:
        CutError: `sent` or `answered` says so.
        BrokenOffError, OSError: One of the two has left.
    """
    server.answering = False
    request = _pieces(head, client.reader, request_framing(head))
    sending = asyncio.create_task(_pass_on(sent(request) if sent else request, server))
    answering = asyncio.create_task(_answer(client, server, head.method, answered))
    leaving = asyncio.create_task(client.left.wait())
    try:
        while not answering.done():
            await asyncio.wait(
                {answering, leaving, *(() if sending.done() else {sending})}, return_when="FIRST_COMPLETED"
            )
            if sending.done() and isinstance(sending.exception(), CutError):
                await sending
            if leaving.done() and not answering.done():
                raise LeftError if _is_awaited(sending, server) else BrokenOffError("the client has left")
        # A server may answer before it has read all; then nobody knows where the next request begins.
        return await answering and sending.done() and sending.exception() is None and head.keeps
    finally:
        tasks = {sending, answering, leaving}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _is_awaited(sending: asyncio.Task[None], server: Connection) -> bool:
    """Whether a server has a whole request, and hasn't begun to answer."""
    return sending.done() and sending.exception() is None and not server.answering


async def _answer(client: Connection, server: Connection, method: str, answered: Answered | None) -> bool:
    while True:
        head = await read_head(server.reader)
        if head is None:
            raise BrokenOffError("the server has left")
        if head.status >= 200:
            server.answering = True
            break
        await client.send(head.raw)
    framing = answer_framing(head, method)
    answer = _pieces(head, server.reader, framing)
    await _pass_on(answered(head, answer) if answered else answer, client)
    return head.keeps and framing != "until the end"


async def _pass_on(pieces: AsyncIterator[bytes], to: Connection) -> None:
    async for piece in pieces:
        await to.send(piece)


async def _pieces(head: Head, reader: asyncio.StreamReader, framing: Framing) -> AsyncIterator[bytes]:
    """The head, then the body as it is on the wire."""
    yield head.raw
    async for piece in read_body(reader, framing):
        yield piece
