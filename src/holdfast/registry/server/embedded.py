"""granian in this event loop, on a socket that is already listening."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces, TaskImpl
from granian.http import HTTP1Settings, HTTP2Settings
from granian.server.embed import Server

from holdfast.registry.server.connections import connection_limit

if TYPE_CHECKING:
    import socket

    from starlette.types import ASGIApp

    from holdfast.registry.server.material import TLSMaterial
    from holdfast.registry.server.options import ServerOptions

__all__ = ["EmbeddedServer"]

# Also the size of the largest `http.request` message; a request's head is refused that isn't over when so much of it
# has come, which is twice as much at most. A message costs about 75 microseconds of CPU whatever its size: 512 MB with
# a Content-Length took 0.89 s at 64 KiB, 0.30 s at granian's own 408 KiB, 0.28 s at 1 MiB and 0.21 s at 4 MiB, the
# process peaking at 35, 37, 41 and 60 MB. A whole push of 512 MiB, hashed and written: 800 MB/s at 1 MiB, 910 at 2.
# (A chunked body comes in the client's chunks, whatever this says.)
_READ_BUFFER: Final = 2 * 1024 * 1024

# Of an HTTP/2 upload each frame is a message. 128 MiB took 2.3 s in frames of 16 KiB, the least that may be offered,
# and 0.34 s in frames of 256 KiB; clients in Go take what is offered, curl stays at 16 KiB. A frame as large as the
# window (1 MiB, as Distribution's) makes the client wait for each.
_LARGEST_FRAME: Final = 256 * 1024

# granian would hold 16 MiB of header fields for each of the 200 requests that one connection may have.
_LARGEST_HEAD: Final = 128 * 1024

# `http.response.pathsend` reads its file on these threads, 128 KiB at a time: so many reads a cold disk is
# given at the same time. 16 downloads of 64 MiB from the page cache, 2 cores: 2,390 MB/s with 32 threads (as many as
# wake for 16 connections), 2,660 with 4, 2,760 to 2,860 with 2, 2,630 with 1.
_FILE_THREADS: Final = 2


class EmbeddedServer(Server):
    """One granian server.

    Args:
        app: What it serves.
        listener: What it listens on; it takes a copy of it.
        options: What it speaks.
        tls: Its certificate; `None` for plain HTTP.
    """

    def __init__(
        self, app: ASGIApp, listener: socket.socket, options: ServerOptions, tls: TLSMaterial | None = None
    ) -> None:
        super().__init__(
            target=app,
            interface=Interfaces.ASGINL,
            task_impl=TaskImpl.asyncio,  # the other one's tasks can't be cancelled
            http=HTTPModes.auto if options.speaks_http2 else HTTPModes.http1,
            websockets=False,
            backlog=options.backlog,
            backpressure=connection_limit(options.max_connections),
            runtime_blocking_threads=_FILE_THREADS,
            http1_settings=HTTP1Settings(max_buffer_size=_READ_BUFFER),
            http2_settings=HTTP2Settings(
                keep_alive_interval=30_000,  # pings find clients that are gone; HTTP/1 has its header timeout for that
                max_frame_size=_LARGEST_FRAME,
                max_headers_size=_LARGEST_HEAD,
            ),
            log_enabled=False,
            # granian configures `logging` for the whole process, which would drop everybody's handlers;
            # "incremental" leaves it its own logger's level.
            log_dictconfig={"incremental": True, "formatters": {}, "handlers": {}, "loggers": {}},
        )
        self._listener = listener
        self._tls = tls
        if tls is not None:
            self.ssl_ctx = tls.granian_arguments()

    def _init_shared_socket(self) -> None:
        # granian's own would set SO_REUSEPORT: a second server on the port would start without an error and get half
        # of the connections.
        # (Its stubs leave the extension's constructor and the attribute's second type out.)
        uds = isinstance(self._listener.getsockname(), str)
        number = self._listener.dup().detach()
        self._shd = SocketHolder(number, uds, self.backlog)  # type: ignore[call-arg,assignment]
