"""A proxy between a client and a store that injects faults.

Everything else is passed on byte for byte, the `Host` field too: signatures cover it, so a client signs for the proxy's
address, and the store verifies what it was signed for.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from .faults import S3, Dialect, Fault, FaultPlan
from .http1 import BrokenOffError, Framing, Head, answer_framing, read_body, read_head, request_framing
from .relay import Connection, CutError, RelayServer

__all__ = ["FaultProxy"]

_TRICKLES: Final = 8
"""In how many pieces an answer comes that trickles."""

_Act: TypeAlias = Callable[[Connection, Head], Awaitable[bool]]
"""Answers a request, as `RelayServer.handle` does."""

_Change: TypeAlias = Callable[[Connection, Head, Head, AsyncIterator[bytes]], AsyncIterator[bytes]]
"""Changes a message: gets the client, the request's head, the message's head, and the message in pieces."""

_EXECUTION: Final = 10.0
"""How many seconds the store may take for what nobody waits for any more."""

_UNTOLD_BYTES: Final = 64 * 1024
"""What a body whose length isn't told is taken for, where it needn't be known."""


class FaultProxy(RelayServer):
    """A store's endpoint on a bad day.

    Args:
        upstream: The store's URL.
        plan: What goes wrong; it may be replaced at any time.
        dialect: How the store words its errors.
        retry_after: What `Retry-After` asks for, in seconds.
        stall: How long a stall lasts at most, in seconds; a client has to be less patient.
        pause: Seconds between the pieces of an answer that trickles.

    Attributes:
        injected: How often each fault happened.
        requests: How many requests came.
        retry_after: As the argument; it may be changed at any time.
        rate: How many bytes per second are taken of each request; None for as many as come.
    """

    def __init__(
        self,
        upstream: str,
        plan: FaultPlan | None = None,
        *,
        dialect: Dialect = S3,
        retry_after: int = 1,
        stall: float = 60.0,
        pause: float = 0.02,
    ) -> None:
        super().__init__()
        self.plan = plan or FaultPlan()
        self.injected: Counter[Fault] = Counter()
        self.requests = 0
        self.rate: float | None = None
        self._executing: set[asyncio.Task[None]] = set()
        self._upstream = urlsplit(upstream).netloc
        self._dialect = dialect
        self.retry_after = retry_after
        self._stall = stall
        self._pause = pause
        self._acts: dict[Fault, _Act] = {
            Fault.RESET_BEFORE: self._reset,
            Fault.STALL: self._say_nothing,
            Fault.INTERNAL_ERROR: self._refuse(500),
            Fault.SLOW_DOWN: self._refuse(503),
            Fault.SLOW_DOWN_RETRY_AFTER: self._refuse(503, wait=True),
            Fault.ERROR_IN_SUCCESS: self._refuse(200),
            Fault.RESET_SENDING: self._with(sent=self._cut_request(stall=False)),
            Fault.STALL_SENDING: self._with(sent=self._cut_request(stall=True)),
            Fault.RESET_AFTER: self._with(answered=self._lose),
            Fault.INTERNAL_ERROR_AFTER: self._with(answered=self._replace),
            Fault.STALL_AFTER: self._with(answered=self._swallow),
            Fault.RESET_WITHIN: self._with(answered=self._cut_answer(reset=True)),
            Fault.TRUNCATED: self._with(answered=self._cut_answer(reset=False)),
            Fault.STALL_WITHIN: self._with(answered=self._stop),
            Fault.TRICKLE: self._with(answered=self._trickle),
        }

    def calm(self) -> None:
        """Injects nothing from now on."""
        self.plan = FaultPlan()

    async def handle(self, client: Connection, head: Head) -> bool:
        """Passes a request on, or does to it what the plan has for it."""
        while self._executing:
            await asyncio.wait(self._executing)
        self.requests += 1
        fault = self.plan.choose(head)
        if fault is None:
            slow = None if self.rate is None else partial(_slowly, self.rate)
            return await self.pass_on(self._upstream, client, head, sent=slow)
        self.injected[fault] += 1
        return await self._acts[fault](client, head)

    async def leave_alone(self, server: Connection, head: Head) -> None:
        """Lets the store execute what nobody waits for any more, before anything else reaches it.

        Otherwise it might execute it after what the client does next, and nobody could say what has to come out.
        """
        task = asyncio.create_task(_end(server, head))
        self._executing.add(task)
        task.add_done_callback(self._executing.discard)
        await asyncio.wait({task})
        await super().leave_alone(server, head)

    # Requests that aren't executed ----------------------------------------------------------------

    async def _reset(self, client: Connection, head: Head) -> bool:
        del client, head
        raise CutError(reset=True)

    async def _say_nothing(self, client: Connection, head: Head) -> bool:
        async for _ in read_body(client.reader, request_framing(head)):
            pass
        await self._wait(client)
        raise CutError(reset=True)

    def _refuse(self, status: int, *, wait: bool = False) -> _Act:
        async def refuse(client: Connection, head: Head) -> bool:
            # A client that waits to be asked for the content may send it or not: who knows where the next one begins?
            waits = "expect" in head.fields
            if not waits:
                async for _ in read_body(client.reader, request_framing(head)):
                    pass
            await client.send(self._error(head, status, wait=wait, keep=not waits))
            return not waits and head.keeps

        return refuse

    def _error(self, head: Head, status: int, *, wait: bool = False, keep: bool = True) -> bytes:
        dialect = self._dialect
        code, document = (
            (dialect.codes[1], dialect.slow_down) if status == 503 else (dialect.codes[0], dialect.internal_error)
        )
        lines = [
            f"HTTP/1.1 {status} Injected",
            f"Content-Type: {dialect.media_type}",
            f"Content-Length: {len(document)}",
            *([f"{dialect.header}: {code}"] if dialect.header else []),
            *([f"Retry-After: {self.retry_after}"] if wait else []),
            *([] if keep else ["Connection: close"]),
        ]
        raw = "\r\n".join([*lines, "", ""]).encode()
        return raw if head.method == "HEAD" else raw + document

    async def _wait(self, client: Connection) -> None:
        """Waits until a client has lost its patience, or the stall is over."""
        try:
            async with asyncio.timeout(self._stall):
                await client.left.wait()
        except TimeoutError:
            return

    # Requests that are passed on ------------------------------------------------------------------

    def _with(self, *, sent: _Change | None = None, answered: _Change | None = None) -> _Act:
        async def act(client: Connection, head: Head) -> bool:
            return await self.pass_on(
                self._upstream,
                client,
                head,
                sent=None if sent is None else partial(sent, client, head, head),
                answered=None if answered is None else partial(answered, client, head),
            )

        return act

    def _cut_request(self, *, stall: bool) -> _Change:
        async def cut(
            client: Connection, head: Head, _answer: Head, pieces: AsyncIterator[bytes]
        ) -> AsyncIterator[bytes]:
            async for piece in self._beginning(head, request_framing(head), pieces):
                yield piece
            if stall:
                await self._wait(client)
            raise CutError(reset=True)

        return cut

    async def _lose(
        self, client: Connection, head: Head, answer: Head, pieces: AsyncIterator[bytes]
    ) -> AsyncIterator[bytes]:
        del client, head, answer
        async for piece in pieces:
            yield piece[:0]
        raise CutError(reset=True)

    async def _swallow(
        self, client: Connection, head: Head, answer: Head, pieces: AsyncIterator[bytes]
    ) -> AsyncIterator[bytes]:
        del head, answer
        async for piece in pieces:
            yield piece[:0]
        await self._wait(client)
        raise CutError(reset=True)

    async def _replace(
        self, client: Connection, head: Head, answer: Head, pieces: AsyncIterator[bytes]
    ) -> AsyncIterator[bytes]:
        del client
        async for _ in pieces:
            pass
        yield self._error(head, 500, keep=answer.keeps)

    def _cut_answer(self, *, reset: bool) -> _Change:
        async def cut(
            client: Connection, head: Head, answer: Head, pieces: AsyncIterator[bytes]
        ) -> AsyncIterator[bytes]:
            del client
            async for piece in self._beginning(answer, answer_framing(answer, head.method), pieces):
                yield piece
            raise CutError(reset=reset)

        return cut

    async def _stop(
        self, client: Connection, head: Head, answer: Head, pieces: AsyncIterator[bytes]
    ) -> AsyncIterator[bytes]:
        async for piece in self._beginning(answer, answer_framing(answer, head.method), pieces):
            yield piece
        await self._wait(client)
        raise CutError(reset=True)

    async def _trickle(
        self, client: Connection, head: Head, answer: Head, pieces: AsyncIterator[bytes]
    ) -> AsyncIterator[bytes]:
        del client
        framing = answer_framing(answer, head.method)
        size = max(1, (framing if isinstance(framing, int) else _UNTOLD_BYTES) // _TRICKLES)
        left = _TRICKLES
        async for piece in pieces:
            for start in range(0, len(piece), size):
                if left:
                    left -= 1
                    await asyncio.sleep(self._pause)
                yield piece[start : start + size]

    async def _beginning(self, head: Head, framing: Framing, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """A message up to a random place in its body, or in its head if it has none; never to its end."""
        size = len(head.raw)
        if framing == 0:
            place = size // 2
        elif isinstance(framing, int):
            place = size + self.plan.chance.randrange(framing)
        else:
            whole = b"".join([piece async for piece in pieces])
            yield whole[: size + self.plan.chance.randrange(len(whole) - size)]
            return
        async for piece in pieces:
            yield piece[:place]
            place -= len(piece)
            if place <= 0:
                return


async def _slowly(rate: float, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """A message as a slow connection passes it on."""
    async for piece in pieces:
        await asyncio.sleep(len(piece) / rate)
        yield piece


async def _end(server: Connection, head: Head) -> None:
    """Reads an answer to its end, if it comes to one soon."""
    with suppress(BrokenOffError, OSError, TimeoutError):
        async with asyncio.timeout(_EXECUTION):
            answer = await read_head(server.reader)
            if answer is not None:
                async for _ in read_body(server.reader, answer_framing(answer, head.method)):
                    pass
