"""What the proxies of the tests don't change."""

import asyncio

import pytest

from tests.proxies.scripted import exchange, scripted
from tests.services.alternating import AlternatingProxy

pytestmark = pytest.mark.anyio

_PLAIN = b"GET /a/b%20c?d=e&f HTTP/1.1\r\nHost: some.where:80\r\nX-ODD-case:no space \r\nx-odd-case: twice\r\n\r\n"
_SIZED = b"PUT /a HTTP/1.1\r\nhost: x\r\nContent-Length: 12\r\n\r\nhello\r\n\r\nabc"
_CHUNKED = (
    b"PUT /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;chunk-signature=abc\r\nhello\r\nA\r\n0123456789\r\n0\r\nx-trailer: 1\r\n\r\n"
)
_OK = b'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nETag: "x"\r\n\r\nabc'


@pytest.mark.parametrize("request_", [_PLAIN, _SIZED, _CHUNKED], ids=["plain", "sized", "chunked"])
async def test_requests_pass_unchanged(request_: bytes) -> None:
    """A server gets the very bytes that the client has sent, field by field and chunk by chunk."""
    async with scripted((request_[-8:], _OK)) as server, AlternatingProxy([server.address]) as proxy:
        answer = await exchange(proxy.address, request_, size=len(_OK))

        assert [request_] == server.received
        assert _OK == answer


@pytest.mark.parametrize(
    "answer",
    [
        _OK,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\n\r\n\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nserver: x\r\n\r\nuntil the end",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + _OK,
    ],
    ids=["sized", "chunked", "until the end", "no content", "not modified", "interim"],
)
async def test_answers_pass_unchanged(answer: bytes) -> None:
    """A client gets the very bytes that the server has answered, whatever says where they end."""
    async with scripted((b"\r\n\r\n", answer)) as server, AlternatingProxy([server.address]) as proxy:
        assert answer == await exchange(proxy.address, _PLAIN, size=len(answer))


async def test_content_waits_for_the_server_to_ask() -> None:
    """A client that expects to be asked for its content is asked by the server, through the proxy."""
    head = b"PUT /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
    go_on = b"HTTP/1.1 100 Continue\r\n\r\n"
    async with (
        scripted((head, go_on), (b"12345", _OK)) as server,
        AlternatingProxy([server.address]) as proxy,
    ):
        reader, writer = await asyncio.open_connection(*proxy.address.split(":"))
        writer.write(head)

        assert go_on == await reader.readexactly(len(go_on))

        writer.write(b"12345")

        assert _OK == await reader.readexactly(len(_OK))

        writer.close()


async def test_connections_are_kept() -> None:
    """Several requests of one connection go on one connection; an answer to HEAD has no body, whatever its length."""
    head = b"HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n"
    described = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    async with (
        scripted((b"\r\n\r\n", described), (b"\r\nabc", _OK), (b"\r\n\r\n", described)) as server,
        AlternatingProxy([server.address]) as proxy,
    ):
        expected = described + _OK + described

        assert expected == await exchange(proxy.address, head + _SIZED + head, size=len(expected))
        assert 1 == len(server.received)


async def test_leaving_is_passed_on() -> None:
    """A client that leaves while it waits ends the server's connection, too."""
    async with scripted((b"\r\n\r\n", b""), (b"never", b"")) as server, AlternatingProxy([server.address]) as proxy:
        _, writer = await asyncio.open_connection(*proxy.address.split(":"))
        writer.write(_PLAIN)
        await server.answered.wait()
        writer.close()
        async with asyncio.timeout(10):
            await server.ended.wait()

        assert [b""] == server.received


async def test_what_breaks_off_is_not_made_whole() -> None:
    """An answer that the server doesn't finish ends in a reset, after what came of it."""
    async with (
        scripted((b"\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")) as server,
        AlternatingProxy([server.address]) as proxy,
    ):
        with pytest.raises(ConnectionResetError):
            await exchange(proxy.address, _PLAIN)


async def test_nobody_answers() -> None:
    """Where no server listens, the client's connection is reset."""
    async with scripted() as server:
        gone = server.address
    async with AlternatingProxy([gone]) as proxy:
        with pytest.raises(ConnectionResetError):
            await exchange(proxy.address, _PLAIN)
