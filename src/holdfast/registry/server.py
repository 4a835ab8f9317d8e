"""Runs the registry's ASGI application on granian, inside the calling process and event loop.

One process and one event loop (run it under uvloop): `kill -9` leaves nothing behind, and the signals are ours.
What granian does by itself on a stop: it closes the listening socket and the idle connections, and answers the
requests that run with `Connection: close`. What it does not do and this module adds: a limit to the waiting,
the cancellation of what still runs, and closing the connections of clients that neither read nor write.
"""

import asyncio
import contextlib
import errno
import os
import resource
import signal
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import anyio
import structlog
from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces, TaskImpl
from granian.http import HTTP1Settings, HTTP2Settings
from granian.server.embed import Server
from starlette.types import ASGIApp, Receive, Scope, Send

from holdfast.storage.errors import ConfigurationError, HoldfastError

__all__ = ["ListenError", "ServerFailedError", "ServerOptions", "serve"]

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)

# Also the size of the largest `http.request` message and of a request's head. A message costs about 75 microseconds of
# CPU whatever its size: 512 MB with a Content-Length took 0.89 s at 64 KiB, 0.30 s at granian's own 408 KiB, 0.28 s at
# 1 MiB and 0.21 s at 4 MiB, the process peaking at 35, 37, 41 and 60 MB. (A chunked body comes in the client's chunks,
# whatever this says.)
_READ_BUFFER: Final = 1024 * 1024

# `http.response.pathsend` reads its file on these threads, 128 KiB at a time. From files in the page cache 1 thread is
# as fast as 512 (granian's own number); the number is how many reads a cold disk is given at the same time.
_FILE_THREADS: Final = 32

# Seconds that the answers of cut-off requests get to leave, and that closed connections get to end.
_LAST_MOMENT: Final = 1.0

_UNAVAILABLE: Final = b'{"errors":[{"code":"UNAVAILABLE","message":"the registry is shutting down, try again"}]}'

_REMEDIES: Final = {
    errno.EADDRINUSE: "stop the program that has the port, or choose another one",
    errno.EADDRNOTAVAIL: "choose an address that this machine has, or leave the host out to listen on all",
    errno.EACCES: "choose a port from 1024 up, or grant the right to use a lower one (CAP_NET_BIND_SERVICE)",
    errno.EAFNOSUPPORT: "choose an IPv4 address, IPv6 is switched off here",
}
_REMEDY: Final = "choose another address"

_log = structlog.get_logger(__name__)


class ListenError(ConfigurationError):
    """The address can't be listened on; nothing was started.

    Attributes:
        address: the address asked for, `host:port`.
        reason: why not, in the operating system's words.
        remedy: what the operator can do about it.
    """

    def __init__(self, *, address: str, reason: str, remedy: str) -> None:
        super().__init__(f"cannot listen on {address}: {reason}; {remedy}")
        self.address = address
        self.reason = reason
        self.remedy = remedy


class ServerFailedError(HoldfastError):
    """The server ended although nobody asked it to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """Where to listen, and how to stop.

    Attributes:
        host: an IPv4 or IPv6 address or a name (of a name with several addresses, an IPv4 one); empty means every
            address of the machine, IPv6 included where there is IPv6.
        port: 0 to 65535; 0 takes a free one.
        drain_timeout: seconds that running requests get to finish after a stop signal. 0 cuts them off at once, as
            Distribution does without `http.draintimeout`, but they are still told and may still clean up.
        cleanup_timeout: seconds that cut-off requests get to clean up.
        h2c: also speak HTTP/2 without TLS (Distribution's `http.h2c.enabled`, off there too). An HTTP/2 upload comes
            in pieces of 16 KiB, at a third of the speed; an answer before the end of an upload reaches curl as a stream
            error; and a connection that never sends a byte is never closed, because which version it will speak is
            still to be read.
        max_connections: connections served at the same time; more wait in the kernel's queue. At most half of the
            files that the process may open, so that there is always one to open for a request.
        backlog: length of the kernel's queue of connections not yet accepted.
    """

    host: str
    port: int
    drain_timeout: float
    cleanup_timeout: float = 5.0
    h2c: bool = False
    max_connections: int = 16_384
    backlog: int = 1024

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port {self.port} is not between 0 and 65535")
        if self.drain_timeout < 0 or self.cleanup_timeout < 0:
            raise ValueError("a timeout is 0 seconds or more")
        if self.max_connections < 1 or self.backlog < 1:
            raise ValueError("max_connections and backlog are 1 or more")


async def serve(
    app: ASGIApp,
    options: ServerOptions,
    *,
    on_listening: Callable[[str], None],
    lifespan: AbstractAsyncContextManager[object] | None = None,
) -> None:
    """Serves `app` until SIGTERM or SIGINT, then drains and returns.

    The first signal stops the listening and lets running requests finish within `drain_timeout`; then their tasks are
    cancelled (who has not answered yet answers 503) and get `cleanup_timeout`; then every connection is closed.
    After the first signal both signals have the kernel's meaning again: a second one ends the process at once.
    Cancelling the call stops it in the same way with a `drain_timeout` of 0.

    Must run in the main thread, where Python delivers signals. The application gets no ASGI lifespan messages.

    Args:
        app: the ASGI application; called for HTTP requests only.
        options: where to listen, and how to stop.
        on_listening: called once, with the real `host:port`, when connections are accepted.
        lifespan: entered after the socket is bound and before the first request, left after the last one.

    Raises:
        ListenError: the address can't be listened on; raised before `lifespan` is entered.
        ServerFailedError: the server ended by itself.
    """
    with await _listen(options) as listener:
        # Inherited by every connection. Without it a small file's content waits 40 ms for the acknowledgement of
        # its headers: 700 requests a second instead of 11,000.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        async with lifespan or contextlib.nullcontext():
            with _stop_signals() as stop:
                on_listening(_format_address(*listener.getsockname()[:2]))
                await _serve_until(stop, app, listener, options)


async def _serve_until(stop: asyncio.Event, app: ASGIApp, listener: socket.socket, options: ServerOptions) -> None:
    port: int = listener.getsockname()[1]
    requests = _Requests(app)
    server = _EmbeddedServer(requests, listener, options)
    serving = asyncio.create_task(server.serve(), name="granian")
    stopping = asyncio.create_task(stop.wait(), name="stop signal")
    drain_timeout = 0.0
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not stopping.done():
            raise ServerFailedError("the HTTP server ended by itself") from serving.exception()
        drain_timeout = options.drain_timeout
    finally:
        stopping.cancel()
        with anyio.CancelScope(shield=True):
            await _shut_down(server, serving, requests, port=port, drain=drain_timeout, cleanup=options.cleanup_timeout)


async def _shut_down(
    server: "_EmbeddedServer",
    serving: asyncio.Task[None],
    requests: "_Requests",
    *,
    port: int,
    drain: float,
    cleanup: float,
) -> None:
    """Ends the server in at most `drain + cleanup` seconds and a moment."""
    server.stop()  # type: ignore[no-untyped-call]
    if await _settled(requests.running, serving, drain):
        return
    if count := requests.cancel():
        _log.warning("requests cut off by the shutdown", count=count, drain_timeout=drain)
    await _settled(requests.running, None, cleanup)
    if await _settled(requests.running, serving, _LAST_MOMENT):
        return
    # Left are clients that read nothing of their answer, or sent half a request: granian would wait for them forever.
    closed = _close_connections(port)
    _log.warning("connections closed by the shutdown", count=closed)
    if not await _settled(requests.running, serving, _LAST_MOMENT):
        serving.cancel()
        _log.error("requests ignored their cancellation", count=len(requests.running))


async def _settled(running: set[asyncio.Task[Any]], serving: asyncio.Task[None] | None, limit: float) -> bool:
    """Whether the requests, and the connections if `serving` is given, ended within `limit` seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + limit
    # granian's task ends with the last connection (a file being sent is one, though its request has returned), and a
    # request can outlive its connection, so both count. An HTTP/2 request may still start: look anew each time.
    while pending := {task for task in (serving, *running) if task is not None and not task.done()}:
        left = deadline - loop.time()
        if left <= 0:
            return False
        await asyncio.wait(pending, timeout=left)
    return True


class _Requests:
    """The application, with a list of its running requests."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.running: set[asyncio.Task[Any]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a request runs in a task")
        _normalise(scope)
        self.running.add(task)
        # granian answers an error with a bare 500, or breaks off an answer that has begun so that the client can see
        # it is not whole; what the error was would go to granian's log, which is off.
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:
            await _answer_unavailable(send)
            raise
        except Exception:
            _log.exception("request failed", method=scope["method"], path=scope["path"])
            raise
        finally:
            self.running.discard(task)

    def cancel(self) -> int:
        """Cancels what runs and returns how many."""
        for task in self.running:
            task.cancel()
        return len(self.running)


def _normalise(scope: Scope) -> None:
    # granian gives ports as text where ASGI says numbers, and a socket that listens on IPv6 and IPv4 shows an IPv4
    # client in its IPv6 form, which no address list in a log or a rule would match.
    host, port = scope["client"]
    scope["client"] = (host.removeprefix("::ffff:"), int(port))
    host, port = scope["server"]
    scope["server"] = (host, int(port))


async def _answer_unavailable(send: Send) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(_UNAVAILABLE)),
        (b"connection", b"close"),
        (b"retry-after", b"1"),
    ]
    # granian refuses a second start; then an answer was under way, and is broken off.
    with contextlib.suppress(RuntimeError):
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": _UNAVAILABLE})


class _EmbeddedServer(Server):
    """granian in this event loop, on a socket that is already listening."""

    def __init__(self, app: ASGIApp, listener: socket.socket, options: ServerOptions) -> None:
        super().__init__(
            target=app,
            interface=Interfaces.ASGINL,
            task_impl=TaskImpl.asyncio,  # the other one's tasks can't be cancelled
            http=HTTPModes.auto if options.h2c else HTTPModes.http1,
            websockets=False,
            backlog=options.backlog,
            backpressure=_connection_limit(options.max_connections),
            runtime_blocking_threads=_FILE_THREADS,
            http1_settings=HTTP1Settings(max_buffer_size=_READ_BUFFER),
            # Pings find HTTP/2 clients that are gone; HTTP/1 has its header timeout for that.
            http2_settings=HTTP2Settings(keep_alive_interval=30_000),
            log_enabled=False,
            # granian configures `logging` for the whole process, which would drop everybody's handlers;
            # "incremental" leaves it its own logger's level.
            log_dictconfig={"incremental": True, "formatters": {}, "handlers": {}, "loggers": {}},
        )
        self._listener = listener

    def _init_shared_socket(self) -> None:
        # granian's own would set SO_REUSEPORT: a second server on the port would start without an error and get half
        # of the connections.
        # (Its stubs leave the extension's constructor and the attribute's second type out.)
        self._shd = SocketHolder(self._listener.detach(), False, self.backlog)  # type: ignore[call-arg,assignment]  # noqa: FBT003


@contextlib.contextmanager
def _stop_signals() -> Iterator[asyncio.Event]:
    """Turns the first SIGTERM or SIGINT into an event, and gives the second one back to the kernel."""
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    stop = asyncio.Event()

    def on_signal(number: signal.Signals) -> None:
        for each in _SIGNALS:
            loop.remove_signal_handler(each)
            signal.signal(each, signal.SIG_DFL)
        _log.info("stopping", signal=number.name)
        stop.set()

    for number in _SIGNALS:
        loop.add_signal_handler(number, on_signal, number)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


async def _listen(options: ServerOptions) -> socket.socket:
    try:
        if options.host in {"", "::"}:
            return _listen_everywhere(options)
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(
            options.host, options.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICSERV
        )
        family, _, _, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
        return socket.create_server(address, family=family, backlog=options.backlog)
    except socket.gaierror as exc:
        remedy = "choose an address or a name that resolves"
        raise _listen_error(options, exc.strerror or str(exc), remedy) from exc
    except OSError as exc:
        reason = os.strerror(exc.errno) if exc.errno else str(exc)
        raise _listen_error(options, reason, _REMEDIES.get(exc.errno or 0, _REMEDY)) from exc


def _listen_everywhere(options: ServerOptions) -> socket.socket:
    if socket.has_dualstack_ipv6():
        try:
            return socket.create_server(
                ("::", options.port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=options.backlog
            )
        except OSError as exc:
            # A kernel may know IPv6 and have it switched off.
            if options.host or exc.errno != errno.EADDRNOTAVAIL:
                raise
    return socket.create_server(("0.0.0.0", options.port), backlog=options.backlog)  # noqa: S104 asked for


def _listen_error(options: ServerOptions, reason: str, remedy: str) -> ListenError:
    return ListenError(address=_format_address(options.host, options.port), reason=reason.lower(), remedy=remedy)


def _format_address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _connection_limit(wanted: int) -> int:
    """Allows the process as many files as it may have, and returns how many connections that is good for."""
    # At the limit granian's accept would fail and be tried again without a pause.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return wanted if hard == resource.RLIM_INFINITY else max(1, min(wanted, hard // 2))


def _close_connections(port: int) -> int:
    """Shuts down every connection that this process accepted on `port`; returns how many.

    granian keeps its sockets to itself, so they are looked for among the process's open files.
    """
    closed = 0
    for entry in Path("/proc/self/fd").iterdir():
        # A file can be closed meanwhile, or be a connection that the client has just ended: neither is left to close.
        with contextlib.suppress(OSError):
            closed += _close_connection(int(entry.name), port)
    return closed


def _close_connection(number: int, port: int) -> bool:
    if not stat.S_ISSOCK(os.fstat(number).st_mode):
        return False
    # The number can come to mean another file at any time; its copy stays what it is while it is looked at.
    copy = os.dup(number)
    try:
        connection = socket.socket(fileno=copy)
    except OSError:
        os.close(copy)
        raise
    with connection:
        if connection.family not in {socket.AF_INET, socket.AF_INET6} or connection.getsockname()[1] != port:
            return False
        connection.shutdown(socket.SHUT_RDWR)
        return True
