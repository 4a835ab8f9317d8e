"""Answers that are taken from the socket: what is handed on, what becomes of the connection, and what errors are."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

import pytest

from holdfast.storage.drivers._objectstore import plain_http
from holdfast.storage.drivers._objectstore.plain_http import PlainAnswer, PlainConnections
from holdfast.storage.errors import StorageTimeoutError, StorageUnavailableError, UnexpectedStorageError
from tests.proxies.scripted import Scripted, scripted

pytestmark = pytest.mark.anyio

_END = b"\r\n\r\n"
_LARGE = bytes(range(256)) * 4096 * 5  # 5 MiB: more than is received at a time
_NEVER = (b"never", b"")

Make = Callable[..., PlainConnections]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    """Makes connections that are closed at the end."""
    made: list[PlainConnections] = []

    def make(*, read_seconds: float = 10, keep: int = 2) -> PlainConnections:
        made.append(PlainConnections(connect_seconds=10, read_seconds=read_seconds, keep=keep))
        return made[-1]

    yield make
    for connections in made:
        connections.close()


def _head(length: int, *fields: str, version: str = "1.1") -> bytes:
    lines = [f"HTTP/{version} 200 OK", f"Content-Length: {length}", *fields]
    return "\r\n".join(lines).encode() + _END


def _says(answer: bytes) -> tuple[bytes, bytes]:
    return (_END, answer)


async def _get(connections: PlainConnections, server: Scripted) -> PlainAnswer:
    return await connections.get(f"http://{server.address}/b/k%20k?sig=a%2Fb", {"Range": "bytes=0-9"})


async def _read(connections: PlainConnections, server: Scripted) -> bytes:
    async with aclosing(await _get(connections, server)) as answer:
        return b"".join([chunk async for chunk in answer])


async def _ended(server: Scripted) -> None:
    """Waits until a connection is closed."""
    async with asyncio.timeout(10):
        await server.ended.wait()


@pytest.mark.parametrize("content", [b"", b"x", _LARGE], ids=["none", "with the head", "large"])
async def test_what_comes_is_handed_on(make: Make, content: bytes) -> None:
    """The body is what was sent; the head is known before."""
    async with scripted(_says(_head(len(content), 'ETag: "1"') + content)) as server:
        answer = await _get(make(), server)
        pieces = [piece async for piece in answer]
        await answer.aclose()

    assert (200, len(content), '"1"') == (answer.status, answer.length, answer.fields["etag"])
    assert content == b"".join(pieces)
    assert all(0 < len(piece) <= 1024 * 1024 for piece in pieces)


async def test_the_request_is_the_url(make: Make) -> None:
    """Path and query are sent as they are: a signature is about them."""
    async with scripted(_says(_head(0))) as server:
        await (await _get(make(), server)).aclose()
        sent = bytes(server.received[0])

    assert b"GET /b/k%20k?sig=a%2Fb HTTP/1.1\r\nHost: " + server.address.encode() + b"\r\nRange: bytes=0-9" == sent[:-4]


async def test_other_lines_before_the_answer(make: Make) -> None:
    """What is said before the answer proper is passed over."""
    async with scripted(_says(b"HTTP/1.1 103 Early Hints" + _END + _head(2) + b"ab")) as server:
        assert b"ab" == await _read(make(), server)


async def test_a_connection_is_used_again(make: Make) -> None:
    """After a body that was read to its end, the next request goes the same way."""
    async with scripted(_says(_head(2) + b"ab"), _says(_head(1) + b"c"), _NEVER) as server:
        connections = make()
        read = [await _read(connections, server), await _read(connections, server)]

    assert [b"ab", b"c"] == read
    assert 1 == len(server.received)


@pytest.mark.parametrize(
    "head",
    [_head(2, "Connection: close"), _head(2, version="1.0"), _head(3)],
    ids=["close", "1.0", "unread"],
)
async def test_a_connection_that_is_done(make: Make, head: bytes) -> None:
    """One that the server won't keep, or of which not all was read, is closed at once."""
    async with scripted(_says(head + b"ab"), _NEVER) as server:
        answer = await _get(make(), server)
        assert b"ab" == await anext(answer)
        await answer.aclose()
        await _ended(server)


async def test_a_kept_connection_that_the_server_ended(make: Make) -> None:
    """The server may hang up on a connection that nobody uses: the request is sent on a new one."""
    async with scripted(_says(_head(2) + b"ab")) as server:  # the script ends, and the connection with it
        connections = make()
        first = await _read(connections, server)
        await server.ended.wait()

        assert [b"ab", b"ab"] == [first, await _read(connections, server)]
        assert 2 == len(server.received)


async def test_more_connections_than_are_kept(make: Make) -> None:
    """What is over is closed when it is free."""
    async with scripted(_says(_head(2) + b"ab"), _says(_head(2) + b"cd"), _NEVER) as server:
        connections = make(keep=1)
        answers = [await _get(connections, server) for _ in range(2)]
        for answer in answers:
            assert b"ab" == await anext(answer)
            await answer.aclose()
        await _ended(server)
        assert b"cd" == await _read(connections, server)
        assert 2 == len(server.received)


async def test_idle_connections_end(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that nobody used for a while is closed without anybody asking."""
    monkeypatch.setattr(plain_http, "IDLE_SECONDS", 0.01)
    async with scripted(_says(_head(2) + b"ab"), _NEVER) as server:
        assert b"ab" == await _read(make(), server)
        await _ended(server)


async def test_the_body_ends_early(make: Make) -> None:
    """Where the server hangs up, the body ends; who reads counts. The connection isn't used again."""
    async with scripted(_says(_head(10) + b"abc")) as server:
        connections = make()

        assert [b"abc", b"abc"] == [await _read(connections, server), await _read(connections, server)]
        assert 2 == len(server.received)


@pytest.mark.parametrize("answer", [b"", _head(10), _head(10) + b"abc"], ids=["no head", "no body", "half a body"])
async def test_silence_has_a_limit(make: Make, answer: bytes) -> None:
    """A server that says nothing more is told so, and its connection closed."""
    async with scripted(_says(answer), _NEVER) as server:
        with pytest.raises(StorageTimeoutError):
            await _read(make(read_seconds=0.1), server)
        await _ended(server)


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked" + _END + b"0" + _END,
        b"HTTP/1.1 200 OK" + _END + b"abc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4" + _END + b"abc",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000,
    ],
    ids=["another protocol", "chunked", "no length", "two lengths", "an endless head"],
)
async def test_answers_that_are_none(make: Make, answer: bytes) -> None:
    """What isn't an answer that tells its length is an error, and its connection closed."""
    async with scripted(_says(answer), _NEVER) as server:
        with pytest.raises(UnexpectedStorageError):
            await _get(make(), server)
        await _ended(server)


async def test_nobody_there(make: Make) -> None:
    """Without a server the store is unavailable."""
    with pytest.raises(StorageUnavailableError):
        await make().get("http://127.0.0.1:1/", {})


async def test_broken_off(make: Make) -> None:
    """Somebody who doesn't wait any more leaves no connection behind, before the head and in the body."""
    for answer in (b"", _head(10)):
        async with scripted(_says(answer), _NEVER) as server:
            task = asyncio.create_task(_read(make(), server))
            await server.answered.wait()
            task.cancel()
            await _ended(server)
            with pytest.raises(asyncio.CancelledError):
                await task


async def test_closed(make: Make) -> None:
    """Closing ends the idle connections at once and a used one when it is free; nobody gets another one."""
    async with scripted(_says(_head(2) + b"ab"), _says(_head(2) + b"cd"), _NEVER) as server:
        connections = make()
        await _read(connections, server)
        connections.close()
        await _ended(server)
    async with scripted(_says(_head(len(_LARGE)) + _LARGE), _NEVER) as server:
        connections = make()
        answer = await _get(connections, server)
        connections.close()
        size = sum([len(chunk) async for chunk in answer])
        await answer.aclose()
        await _ended(server)
        with pytest.raises(StorageUnavailableError):
            await _get(connections, server)

    assert len(_LARGE) == size
