"""Runs the registry's ASGI application on granian, inside the calling process and event loop.

One process and one event loop (run it under uvloop): `kill -9` leaves nothing behind, and the signals are ours.
What granian does by itself on a stop: it closes the listening socket and the idle connections, and answers the
requests that run with `Connection: close`. What it does not do and this package adds: a limit to the waiting,
the cancellation of what still runs, closing the connections of clients that neither read nor write, and another
certificate without a restart.
"""

from holdfast.registry.server.client import client_address, client_port
from holdfast.registry.server.debug import debug_server
from holdfast.registry.server.errors import ListenError, ServerFailedError
from holdfast.registry.server.options import ServerOptions
from holdfast.registry.server.serving import serve
from holdfast.registry.server.tls import TLSError, TLSOptions

__all__ = [
    "ListenError",
    "ServerFailedError",
    "ServerOptions",
    "TLSError",
    "TLSOptions",
    "client_address",
    "client_port",
    "debug_server",
    "serve",
]
