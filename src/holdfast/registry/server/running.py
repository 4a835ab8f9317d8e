"""A server that runs: its granian, its requests, and the end of both."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, NoReturn

import structlog

from holdfast.registry.server.connections import close_connections
from holdfast.registry.server.embedded import EmbeddedServer
from holdfast.registry.server.errors import ServerFailedError
from holdfast.registry.server.requests import Requests

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable

    from starlette.types import ASGIApp

    from holdfast.registry.server.material import TLSMaterial
    from holdfast.registry.server.options import ServerOptions

__all__ = ["RunningServer"]

LAST_MOMENT: Final = 1.0
"""Seconds that the answers of cut-off requests get to leave, and that closed connections get to end."""

_log = structlog.get_logger(__name__)


class RunningServer:
    """The requests of one listening socket.

    Args:
        app: What it serves.
        listener: What it listens on; closed by `shut_down`.
        options: What it speaks.
    """

    def __init__(self, app: ASGIApp, listener: socket.socket, options: ServerOptions) -> None:
        self._requests = Requests(app)
        self._listener = listener
        self._options = options
        name = listener.getsockname()
        self._place: int | str = name if isinstance(name, str) else name[1]
        self._server: EmbeddedServer | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._failure: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()

    def start(self, tls: TLSMaterial | None) -> None:
        """Take new connections from now on, those that wait in the kernel's queue included.

        A server that was started before takes none any more, and ends with the last of its connections.
        """
        before, self._server = self._server, EmbeddedServer(self._requests, self._listener, self._options, tls)
        task = asyncio.create_task(self._serve(self._server), name="granian")
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        if before is not None:
            before.stop()  # type: ignore[no-untyped-call]

    async def failed(self) -> NoReturn:
        """Wait until the server ends by itself.

        Raises:
            ServerFailedError: It did.
        """
        raise ServerFailedError("the HTTP server ended by itself") from await self._failure

    async def shut_down(self, *, drain: float, cleanup: float) -> None:
        """End the server in at most `drain + cleanup` seconds and a moment."""
        self._listener.close()
        if self._server is not None:
            server, self._server = self._server, None
            server.stop()  # type: ignore[no-untyped-call]
        running = self._requests.running
        if await _settled(drain, running, self._serving):
            return
        if count := self._requests.cancel():
            _log.warning("requests cut off by the shutdown", count=count, drain_timeout=drain)
        await _settled(cleanup, running)
        if await _settled(LAST_MOMENT, running, self._serving):
            return
        # Left are clients that read nothing of their answer, or sent half a request: granian would wait for them
        # forever.
        closed = close_connections(self._place)
        _log.warning("connections closed by the shutdown", count=closed)
        if not await _settled(LAST_MOMENT, running, self._serving):
            left = {*self._serving}
            for task in left:
                task.cancel()
            if left:
                await asyncio.wait(left)
            _log.error("requests ignored their cancellation", count=len(running))

    async def _serve(self, server: EmbeddedServer) -> None:
        cause: BaseException | None = None
        try:
            await server.serve()
        except Exception as error:  # noqa: BLE001 it is handed on
            cause = error
        if server is self._server and not self._failure.done():
            _log.error("the HTTP server ended by itself", place=self._place, exc_info=cause)
            self._failure.set_result(cause)


async def _settled(limit: float, *groups: Iterable[asyncio.Task[object]]) -> bool:
    """Whether all tasks, those that come into the groups meanwhile included, ended within `limit` seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + limit
    # granian's task ends with the last connection (a file being sent is one, though its request has returned), and a
    # request can outlive its connection, so both count. An HTTP/2 request may still start: look anew each time.
    while pending := {task for group in groups for task in group if not task.done()}:
        left = deadline - loop.time()
        if left <= 0:
            return False
        await asyncio.wait(pending, timeout=left)
    return True
