"""The process's connections: how many there may be, and closing those that are left."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import stat
from pathlib import Path

__all__ = ["close_connections", "connection_limit"]


def connection_limit(wanted: int) -> int:
    """Allow the process as many files as it may have, and return how many connections that is good for."""
    # At the limit granian's accept would fail and be tried again without a pause.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return wanted if hard == resource.RLIM_INFINITY else max(1, min(wanted, hard // 2))


def close_connections(place: int | str) -> int:
    """Shut down every connection that this process accepted; return how many.

    granian keeps its sockets to itself, so they are looked for among the process's open files.

    Args:
        place: Where it listened: a port, or the path of a unix socket.
    """
    closed = 0
    for entry in Path("/proc/self/fd").iterdir():
        # A file can be closed meanwhile, or be a connection that the client has just ended: neither is left to close.
        with contextlib.suppress(OSError):
            closed += _close_connection(int(entry.name), place)
    return closed


def _close_connection(number: int, place: int | str) -> bool:
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
        if _place(connection) != place:
            return False
        connection.shutdown(socket.SHUT_RDWR)
        return True


def _place(connection: socket.socket) -> int | str | None:
    if connection.family in {socket.AF_INET, socket.AF_INET6}:
        port: int = connection.getsockname()[1]
        return port
    return str(connection.getsockname()) if connection.family == socket.AF_UNIX else None
