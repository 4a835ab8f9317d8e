"""A server that says what it is told to, and keeps what it gets: for what a real one would hide."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

__all__ = ["Scripted", "exchange", "scripted"]


class Scripted:
    """What each connection is answered, and what came on it.

    Attributes:
        address: The `host:port` that it listens on.
        received: What came, by connection.
        answered: Set when something was answered.
        ended: Set when a connection has ended.
    """

    def __init__(self, script: Sequence[tuple[bytes, bytes]]) -> None:
        self._script = script
        self.address = ""
        self.received: list[bytearray] = []
        self.answered = asyncio.Event()
        self.ended = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """For each line of the script: wait until the connection's bytes end with the first, and send the second."""
        received = bytearray()
        self.received.append(received)
        try:
            for expected, answer in self._script:
                received.clear()
                while not received.endswith(expected):
                    piece = await reader.read(65536)
                    if not piece:
                        return
                    received += piece
                writer.write(answer)
                await writer.drain()
                self.answered.set()
        except ConnectionError:
            return
        finally:
            writer.close()
            self.ended.set()


@asynccontextmanager
async def scripted(*script: tuple[bytes, bytes]) -> AsyncIterator[Scripted]:
    """Serves a script on every connection, as long as the context lasts; at its end a connection is closed."""
    made = Scripted(script)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()


async def exchange(address: str, request: bytes, *, size: int | None = None) -> bytes:
    """Sends bytes on a connection of their own and returns what comes back.

    Args:
        address: The `host:port` of the server.
        request: What is sent.
        size: How much is awaited; None for all that comes until the server ends the connection.

    Raises:
        ConnectionResetError: The connection was reset.
    """
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(request)
        await writer.drain()
        answer = b""
        async with asyncio.timeout(10):
            while (size is None or len(answer) < size) and (piece := await reader.read(65536)):
                answer += piece
        return answer
    finally:
        writer.close()
