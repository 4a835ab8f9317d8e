"""Bodies from a server whose `receive` works before it is awaited, as granian's does."""

import asyncio
from collections import deque

import pytest
from starlette.requests import Request
from starlette.types import Message

from holdfast.registry.errors import BodyInterruptedError, ContentLengthError
from holdfast.registry.http.body import opened_body

pytestmark = pytest.mark.anyio


class Server:
    """A request's messages, handed out in order to whoever asks first.

    Attributes:
        asked: What was asked for, in order.
    """

    def __init__(self) -> None:
        self.asked: list[asyncio.Future[Message]] = []
        self._waiting: deque[asyncio.Future[Message]] = deque()
        self._messages: deque[Message] = deque()

    def receive(self) -> asyncio.Future[Message]:
        """Begin to receive."""
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self.asked.append(future)
        self._waiting.append(future)
        self._hand_out()
        return future

    def send(self, *bodies: bytes, more: bool = True) -> None:
        """Let pieces arrive."""
        self._messages += [{"type": "http.request", "body": body, "more_body": True} for body in bodies]
        if not more:
            self._messages.append({"type": "http.request", "body": b"", "more_body": False})
        self._hand_out()

    def leave(self) -> None:
        """Let the client go away."""
        self._messages.append({"type": "http.disconnect"})
        self._hand_out()

    def _hand_out(self) -> None:
        while self._waiting and self._messages:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(self._messages.popleft())

    def request(self) -> Request:
        """The request."""
        return Request({"type": "http", "method": "PATCH", "headers": []}, self.receive)


async def collect(server: Server, length: int | None = None, idle: float = 5) -> tuple[bytes, Exception | None]:
    """All that is read of a body, and what ended it."""
    content = b""
    try:
        async with opened_body(server.request(), idle, length) as body:
            async for chunk in body:
                assert chunk
                content += chunk
    except (BodyInterruptedError, ContentLengthError) as error:
        return content, error
    return content, None


LENGTHS = pytest.mark.parametrize("known", [False, True], ids=["unknown length", "known length"])


@LENGTHS
@pytest.mark.parametrize("size", [1, 1000, 32 * 1024, 300_000])
async def test_in_order(size: int, known: bool) -> None:  # noqa: FBT001
    """All pieces come in order, whether they are there before they are asked for or not; none is asked for in vain."""
    chunks = [bytes([number]) * size for number in range(60)]
    server = Server()
    server.send(*chunks[:30])
    reading = asyncio.create_task(collect(server, 60 * size if known else None))
    for chunk in chunks[30:]:
        await asyncio.sleep(0)
        server.send(chunk)
    server.send(more=False)

    assert (b"".join(chunks), None) == await reading
    assert all(future.done() for future in server.asked)


@LENGTHS
async def test_client_leaves(known: bool) -> None:  # noqa: FBT001
    """What arrived before the client left is handed on, then it is told."""
    chunks = [bytes([number]) * 1000 for number in range(20)]
    server = Server()
    server.send(*chunks)
    server.leave()
    content, error = await collect(server, 100_000 if known else None)

    assert b"".join(chunks) == content
    assert isinstance(error, BodyInterruptedError)
    assert all(future.done() for future in server.asked)


@LENGTHS
async def test_client_falls_silent(known: bool) -> None:  # noqa: FBT001
    """What arrived before the silence is handed on, then it is told; nobody is left waiting."""
    server = Server()
    server.send(b"one", b"two")
    content, error = await collect(server, 100 if known else None, 0.02)

    assert b"onetwo" == content
    assert isinstance(error, BodyInterruptedError)
    assert all(future.done() for future in server.asked)


@pytest.mark.parametrize("announced", [2, 4])
async def test_length_lies(announced: int) -> None:
    """A body is as long as announced, or it is told."""
    server = Server()
    server.send(b"12", b"3", more=False)
    _, error = await collect(server, announced)

    assert isinstance(error, ContentLengthError)


async def test_left_early() -> None:
    """Who stops reading leaves nothing asked for behind, and the body isn't read further than a little ahead."""
    server = Server()
    server.send(*[b"x" * 100_000] * 1000)
    async with opened_body(server.request(), 5, None) as body:
        await anext(body)

    assert 100 > len(server.asked)
    assert all(future.done() for future in server.asked)
