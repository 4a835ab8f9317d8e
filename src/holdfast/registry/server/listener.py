"""The listening socket: TCP or unix."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import stat
from typing import TYPE_CHECKING, Final

import structlog

from holdfast.registry.server.errors import ListenError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from holdfast.registry.server.options import ServerOptions

__all__ = ["address_of", "listening"]

_KEEPALIVE: Final = 180
"""Seconds of silence until the kernel asks whether the other side is still there, as Distribution has it."""

_FIRST_HANDED_OVER: Final = 3
"""The number of the first socket that systemd hands over."""

_log = structlog.get_logger(__name__)

_REMEDIES: Final = {
    errno.EADDRINUSE: "stop the program that has the port, or choose another one",
    errno.EADDRNOTAVAIL: "choose an address that this machine has, or leave the host out to listen on all",
    errno.EACCES: "choose a port from 1024 up, or grant the right to use a lower one (CAP_NET_BIND_SERVICE)",
    errno.EAFNOSUPPORT: "choose an IPv4 address, IPv6 is switched off here",
}
_REMEDY: Final = "choose another address"

_UNIX_REMEDIES: Final = {
    errno.EADDRINUSE: "stop the program that listens there, or choose another path",
    errno.EACCES: "choose a folder that this user may write to",
    errno.ENOENT: "make the folder first",
    errno.EEXIST: "remove the file, or choose another path",
}
_UNIX_REMEDY: Final = "choose another path"


@contextlib.asynccontextmanager
async def listening(options: ServerOptions, *, activated: bool = False) -> AsyncIterator[socket.socket]:
    """Listen; at the end the socket is closed, and a unix socket's file removed.

    Args:
        options: Where to listen.
        activated: Whether a socket that systemd hands over is listened on instead, as Distribution does.

    Raises:
        ListenError: The address can't be listened on, or systemd handed over something else than one socket.
    """
    if activated and (handed := _handed_over()) is not None:
        with handed as listener:
            _log.info("listening on the socket of systemd", address=address_of(listener))
            _prepare(listener)
            yield listener
        return
    if options.unix is not None:
        with _listening_on_path(options.unix, options.backlog) as listener:
            yield listener
        return
    with await _listen(options) as listener:
        _prepare(listener)
        yield listener


def address_of(listener: socket.socket) -> str:
    """Return what a socket listens on: `host:port`, or a path."""
    name = listener.getsockname()
    return str(name) if listener.family == socket.AF_UNIX else _format_address(*name[:2])


def _prepare(listener: socket.socket) -> None:
    """Set what every connection inherits."""
    if listener.family == socket.AF_UNIX:
        return
    # Without it a small file's content waits 40 ms for the acknowledgement of its headers: 700 requests a second
    # instead of 11,000.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # A client whose machine is gone without a word, while nothing is under way, is noticed in some minutes.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEPALIVE)


def _handed_over() -> socket.socket | None:
    """Take the socket that systemd opened for this process (sd_listen_fds(3)); the next call finds none."""
    mine = os.environ.pop("LISTEN_PID", None) == str(os.getpid())
    count = os.environ.pop("LISTEN_FDS", "")
    os.environ.pop("LISTEN_FDNAMES", None)
    if not mine or count in {"", "0"}:
        return None
    if count != "1":
        remedy = "leave one ListenStream in the socket's unit"
        raise ListenError(address="the sockets of systemd", reason=f"there are {count} of them", remedy=remedy)
    try:
        listener = socket.socket(fileno=_FIRST_HANDED_OVER)
    except OSError as exc:
        remedy = "write ListenStream in the socket's unit"
        raise ListenError(address="the socket of systemd", reason=_reason(exc), remedy=remedy) from exc
    listener.set_inheritable(False)
    if not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        listener.close()
        remedy = "write ListenStream and Accept=no in the socket's unit"
        raise ListenError(address="the socket of systemd", reason="it takes no connections", remedy=remedy)
    return listener


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
        raise _listen_error(options, _reason(exc), _REMEDIES.get(exc.errno or 0, _REMEDY)) from exc


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


@contextlib.contextmanager
def _listening_on_path(path: Path, backlog: int) -> Iterator[socket.socket]:
    with contextlib.ExitStack() as stack:
        try:
            _remove_abandoned(path)
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(str(path))
            made = path.lstat()
            stack.callback(_remove_same, path, made)
            listener.listen(backlog)
        except OSError as exc:
            # Longer than the kernel's 107 bytes is an error without a number.
            remedy = _UNIX_REMEDIES.get(exc.errno or 0, _UNIX_REMEDY)
            raise ListenError(address=str(path), reason=_reason(exc), remedy=remedy) from exc
        yield listener


def _remove_abandoned(path: Path) -> None:
    """Remove the socket of a server that was killed; never one that is listened on, nor any other kind of file."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(errno.EEXIST, "the file exists and is no socket")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(0)  # not waiting: a full queue is a server, too
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except BlockingIOError:
            pass
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def _remove_same(path: Path, made: os.stat_result) -> None:
    """Remove our socket, unless another server has replaced it."""
    with contextlib.suppress(FileNotFoundError):
        if os.path.samestat(path.lstat(), made):
            path.unlink()


def _reason(error: OSError) -> str:
    if error.errno is None or error.errno == errno.EEXIST:
        return (error.strerror or str(error)).lower()
    return os.strerror(error.errno).lower()


def _listen_error(options: ServerOptions, reason: str, remedy: str) -> ListenError:
    return ListenError(address=_format_address(options.host, options.port), reason=reason.lower(), remedy=remedy)


def _format_address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
