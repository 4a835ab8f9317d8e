"""A second server, for operators: in the same process and loop, on an address of its own."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import anyio

from holdfast.registry.server.listener import address_of, listening
from holdfast.registry.server.options import ServerOptions
from holdfast.registry.server.running import RunningServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp

__all__ = ["debug_server"]

# Whoever watches a registry has a few connections.
_CONNECTIONS = 64


@contextlib.asynccontextmanager
async def debug_server(app: ASGIApp, *, host: str, port: int) -> AsyncIterator[str]:
    """Serve `app` while the context is open, plain HTTP; yields the real `host:port`.

    Opened around `serve`, it answers until the last request of that server has ended.

    Raises:
        ListenError: The address can't be listened on.
    """
    options = ServerOptions(
        host=host, port=port, drain_timeout=0, cleanup_timeout=1, max_connections=_CONNECTIONS, backlog=_CONNECTIONS
    )
    async with listening(options) as listener:
        server = RunningServer(app, listener, options)
        address = address_of(listener)
        server.start(None)
        try:
            yield address
        finally:
            with anyio.CancelScope(shield=True):
                await server.shut_down(drain=options.drain_timeout, cleanup=options.cleanup_timeout)
