"""Connections, each a client of its own, so that one whose answer wasn't read to its end can be closed for sure.

One client with a pool would do, if a task that is cancelled at the wrong moment didn't leave its connection in there
for ever, neither used nor closed; and with hundreds of connections a pool looks at all of them for each request.
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import httpcore  # noqa: F401 - httpx loads it with its first client, which would stop the event loop for a tenth of a second
import httpx

from holdfast.storage.drivers._tasks import together, whole
from holdfast.storage.errors import UnexpectedStorageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

__all__ = ["IDLE_SECONDS", "Connections"]

IDLE_SECONDS: Final = 30
"""How long a connection is kept for the next request; the service hangs up later than that."""


class _Idle(NamedTuple):
    client: httpx.AsyncClient
    since: float


class _Body(httpx.AsyncByteStream):
    """A body that knows whether it was read to its end and its connection was then free.

    The answer itself counts as closed as soon as somebody begins to close it, though he may be cancelled at that.
    """

    def __init__(self, inner: httpx.AsyncByteStream | httpx.SyncByteStream) -> None:
        if not isinstance(inner, httpx.AsyncByteStream):
            raise TypeError("the body of a client that isn't asynchronous")
        self._inner = inner
        self._ended = False
        self.is_done = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._inner:
            yield piece
        self._ended = True

    async def aclose(self) -> None:
        await self._inner.aclose()
        self.is_done = self._ended


class Connections:
    """As many connections as there are requests at once, of which some are kept for the next ones.

    Args:
        make: Makes a client for one connection.
        keep: How many are kept.
    """

    def __init__(self, make: Callable[[], httpx.AsyncClient], *, keep: int) -> None:
        self._make = make
        self._keep = keep
        self._idle: deque[_Idle] = deque()
        self._busy: set[httpx.AsyncClient] = set()
        self._closed = False

    @asynccontextmanager
    async def send(self, method: str, url: str, **request: Any) -> AsyncIterator[httpx.Response]:
        """Send a request, and give its answer, of which the body is yet to be read.

        Raises:
            httpx.HTTPError: No answer came.
        """
        client = self._take()
        body: _Body | None = None
        try:
            response = await client.send(client.build_request(method, url, **request), stream=True)
            response.stream = body = _Body(response.stream)
            yield response
        finally:
            self._busy.discard(client)
            if body is not None and body.is_done and not self._closed:
                self._idle.append(_Idle(client, time.monotonic()))
                await self._prune()
            else:
                await whole(client.aclose())

    async def aclose(self) -> None:
        """Close all connections, those in use too; idempotent."""
        self._closed = True
        clients = [*self._busy, *(idle.client for idle in self._idle)]
        self._busy.clear()
        self._idle.clear()
        await together(*(client.aclose() for client in clients))

    def _take(self) -> httpx.AsyncClient:
        if self._closed:
            raise UnexpectedStorageError("the driver is closed")
        client = self._idle.pop().client if self._idle else self._make()
        self._busy.add(client)
        return client

    async def _prune(self) -> None:
        """Close what is too many or too old; the oldest are at the left."""
        while self._idle and (len(self._idle) > self._keep or self._idle[0].since < time.monotonic() - IDLE_SECONDS):
            await whole(self._idle.popleft().client.aclose())
