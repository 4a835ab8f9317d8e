"""Large answers of a store that is spoken to without TLS, as the kernel hands them over.

Every client of HTTP copies a body before anybody sees it: obstore puts together what came into an object of Python that
it had filled with zeros, aiohttp's parser cuts up what uvloop had copied already. Here only the head of an answer is
parsed, by h11, and the rest is received into the objects that are handed on.

Serving objects of 64 MiB from Ceph takes the registry 0.7 CPU seconds a gigabyte this way, 1.0 with obstore, 1.2 with
aiohttp; Distribution takes 0.6.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

import h11
from aiohappyeyeballs import start_connection

from holdfast.storage.drivers._objectstore.connections import IDLE_SECONDS
from holdfast.storage.errors import StorageTimeoutError, StorageUnavailableError, UnexpectedStorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

__all__ = ["PlainAnswer", "PlainConnections"]

_RECEIVE_BYTES: Final = 1024 * 1024
"""So much is received at a time, if it is there; 512 KiB and 4 MiB took as much CPU."""

_HEAD_BYTES: Final = 16 * 1024
"""For the head of an answer, and of the body what comes with it; h11 takes no longer head either."""

_FALLBACK_SECONDS: Final = 0.25
"""How long one of several addresses is tried alone, as RFC 8305 advises."""


class _Place(NamedTuple):
    host: str
    port: int


class _Connection:
    """A connection to a server.

    Args:
        sock: A socket that doesn't block.
        read_seconds: How long the server may be silent.

    Attributes:
        used: Whether an answer has come by it.
    """

    def __init__(self, sock: socket.socket, read_seconds: float) -> None:
        self._sock = sock
        self._read_seconds = read_seconds
        self.used = False

    async def send(self, content: bytes) -> None:
        """Send all of it."""
        async with asyncio.timeout(self._read_seconds):
            await asyncio.get_running_loop().sock_sendall(self._sock, content)

    async def receive(self, limit: int) -> bytes:
        """Wait for bytes; none, when the server has hung up."""
        try:
            return self._sock.recv(limit)  # mostly there, and waiting costs more than asking
        except BlockingIOError:
            async with asyncio.timeout(self._read_seconds):
                return await asyncio.get_running_loop().sock_recv(self._sock, limit)

    def close(self) -> None:
        """Close it; idempotent."""
        self._sock.close()


class PlainAnswer:
    """An answer whose body is yet to be read, by iterating; it is to be closed, read or not.

    The body ends early where the server hangs up: who reads counts.

    Args:
        response: The head.
        fields: Its header fields, their names in lower case.
        connection: Where the body comes from.
        begun: What has come of the body.
        give_back: Called with a connection that can be used again.

    Attributes:
        status: The HTTP status.
        fields: The header fields.
        length: Bytes of the body.
    """

    def __init__(
        self,
        response: h11.Response,
        fields: Mapping[str, str],
        connection: _Connection,
        begun: bytes,
        give_back: Callable[[_Connection], None],
    ) -> None:
        self.status = response.status_code
        self.fields = fields
        self.length = int(fields["content-length"])
        self._keep = response.http_version == b"1.1" and fields.get("connection", "").lower() != "close"
        self._connection: _Connection | None = connection
        self._begun = begun
        self._left = self.length - len(begun)
        self._give_back = give_back

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """Wait for the next bytes.

        Raises:
            StorageTimeoutError: The server is silent.
            StorageUnavailableError: The connection broke.
        """
        if self._begun:
            begun, self._begun = self._begun, b""
            return begun
        if not self._left or self._connection is None:
            raise StopAsyncIteration
        try:
            chunk = await self._connection.receive(min(self._left, _RECEIVE_BYTES))
        except OSError as error:
            raise _unavailable(error) from error
        if not chunk:
            raise StopAsyncIteration
        self._left -= len(chunk)
        return chunk

    async def aclose(self) -> None:
        """Free the connection; idempotent."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._keep and not self._left:
            self._give_back(connection)
        else:
            connection.close()


class PlainConnections:
    """As many connections as there are requests at once, of which some are kept for the next ones.

    Args:
        connect_seconds: How long connecting may take.
        read_seconds: How long the server may be silent.
        keep: How many idle connections to one server are kept.
    """

    def __init__(self, *, connect_seconds: float, read_seconds: float, keep: int) -> None:
        self._connect_seconds = connect_seconds
        self._read_seconds = read_seconds
        self._keep = keep
        self._idle: dict[_Place, dict[_Connection, asyncio.TimerHandle]] = {}  # with what closes them after a while
        self._closed = False

    async def get(self, url: str, fields: Mapping[str, str]) -> PlainAnswer:
        """Send a GET, and wait for the head of its answer.

        Args:
            url: An `http` URL, its path and query encoded.
            fields: Header fields besides `Host`.

        Raises:
            StorageTimeoutError: The server is silent.
            StorageUnavailableError: The server can't be reached, or the connection broke, or this is closed.
            UnexpectedStorageError: The answer isn't one of HTTP/1.1 that tells its length.
        """
        parts = urlsplit(url)
        place = _Place(parts.hostname or "", parts.port or 80)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        request = h11.Request(method="GET", target=target, headers=[("Host", parts.netloc), *fields.items()])
        try:
            while True:
                connection = await self._take(place)
                try:
                    return await self._ask(connection, request, place)
                except (ConnectionError, h11.RemoteProtocolError):
                    if not connection.used:  # else the server may have hung up while nobody used it
                        raise
        except OSError as error:
            raise _unavailable(error) from error
        except h11.RemoteProtocolError as error:
            raise UnexpectedStorageError(f"the store's answer isn't HTTP: {error}") from error

    def close(self) -> None:
        """Close the idle connections, and those in use when they aren't any more; idempotent."""
        self._closed = True
        for connections in self._idle.values():
            for connection, expiry in connections.items():
                expiry.cancel()
                connection.close()
        self._idle.clear()

    async def _ask(self, connection: _Connection, request: h11.Request, place: _Place) -> PlainAnswer:
        """Send the request, and wait for the head. Whatever happens instead, the connection is closed."""
        spoken = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD_BYTES)
        try:
            await connection.send((spoken.send(request) or b"") + (spoken.send(h11.EndOfMessage()) or b""))
            while not isinstance(event := spoken.next_event(), h11.Response):
                if event is h11.NEED_DATA:
                    spoken.receive_data(await connection.receive(_HEAD_BYTES))
            fields = _fields(event)
            begun = _begun(spoken)
        except BaseException:
            connection.close()
            raise
        return PlainAnswer(event, fields, connection, begun, lambda done: self._give_back(place, done))

    async def _take(self, place: _Place) -> _Connection:
        if self._closed:
            raise StorageUnavailableError("the driver is closed")
        idle = self._idle.get(place)
        if idle:
            connection, expiry = idle.popitem()
            expiry.cancel()
            return connection
        async with asyncio.timeout(self._connect_seconds):
            addresses = await asyncio.get_running_loop().getaddrinfo(*place, type=socket.SOCK_STREAM)
            sock = await start_connection(addresses, happy_eyeballs_delay=_FALLBACK_SECONDS)
        return _Connection(sock, self._read_seconds)

    def _give_back(self, place: _Place, connection: _Connection) -> None:
        idle = self._idle.setdefault(place, {})
        if self._closed or len(idle) >= self._keep:
            connection.close()
            return
        connection.used = True
        idle[connection] = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._expire, place, connection)

    def _expire(self, place: _Place, connection: _Connection) -> None:
        del self._idle[place][connection]
        connection.close()


def _fields(response: h11.Response) -> dict[str, str]:
    """The header fields of an answer.

    Raises:
        UnexpectedStorageError: They don't tell how long it is.
    """
    fields = {name.decode("latin-1"): value.decode("latin-1") for name, value in response.headers}
    if "transfer-encoding" in fields or "content-length" not in fields:
        raise UnexpectedStorageError("the store's answer doesn't tell how long it is")
    return fields


def _begun(spoken: h11.Connection) -> bytes:
    """What came of the body together with the head."""
    pieces = []
    while isinstance(event := spoken.next_event(), h11.Data):
        pieces.append(bytes(event.data))
    return b"".join(pieces)


def _unavailable(error: OSError) -> StorageUnavailableError | StorageTimeoutError:
    if isinstance(error, TimeoutError):
        return StorageTimeoutError("no answer from the store in time")
    return StorageUnavailableError(f"the connection to the store broke: {error}")
