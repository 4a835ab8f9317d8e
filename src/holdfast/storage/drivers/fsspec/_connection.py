"""Filesystems: made at their first use, since most connect then, and made anew once their connection broke."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from itertools import cycle
from typing import TYPE_CHECKING, Any, Final, TypeVar

import fsspec
from fsspec.asyn import sync
from fsspec.dircache import DirCache

from holdfast.storage.drivers._tasks import together
from holdfast.storage.drivers.fsspec.errors import storage_error
from holdfast.storage.errors import StorageError, StorageUnavailableError
from holdfast.storage.threads import Threads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fsspec import AbstractFileSystem

__all__ = ["Connection", "Connections"]

T = TypeVar("T")

_CLOSING_SECONDS: Final = 10


class Connections:
    """Several filesystems of one protocol, used in turns.

    Args:
        protocol: Its name.
        settings: What they are made with.
        count: How many there are at most.
        threads: How many calls each may do at once. It is 1 for most clients of servers of files: what they answer to
            two threads gets mixed up.
    """

    def __init__(self, protocol: str, settings: Mapping[str, Any], *, count: int, threads: int) -> None:
        self._all = [Connection(protocol, settings, threads=threads) for _ in range(count)]
        self._turns = cycle(self._all)

    def next(self) -> Connection:
        """The one whose turn it is; to be called on the event loop."""
        return next(self._turns)

    async def aclose(self) -> None:
        """Wait for what runs, and end all connections and threads; idempotent."""
        await together(*(connection.aclose() for connection in self._all))


class Connection:
    """One filesystem of fsspec, which nobody else uses and which remembers no listings.

    Its calls block, in threads of its own. A pool for all connections would have more threads than connections, each
    with an arena of the C library's allocator that keeps some MiB of what passed through it: reading 64 MiB over SFTP
    took 25 MiB so, and takes 1.

    Args:
        protocol: Its name.
        settings: What it is made with.
        threads: How many calls it may do at once.
    """

    def __init__(self, protocol: str, settings: Mapping[str, Any], *, threads: int) -> None:
        self._protocol = protocol
        self._settings = dict(settings)
        self._threads = Threads(threads, name="fsspec")
        self._making = threading.Lock()
        self._filesystem: AbstractFileSystem | None = None

    async def run(self, call: Callable[[AbstractFileSystem], T]) -> T:
        """Call something that blocks with the filesystem; errors are ours.

        Raises:
            StorageError: What the table of errors says.
        """
        return await self._threads.run(self._do, call)

    async def aclose(self) -> None:
        """Wait for what runs, and end the connection and its threads; idempotent."""
        try:
            await self._threads.aclose()
        finally:
            await _in_own_thread(self._close)

    def _do(self, call: Callable[[AbstractFileSystem], T]) -> T:
        filesystem: AbstractFileSystem | None = None
        try:
            filesystem = self.filesystem()
            return call(filesystem)
        except StorageError:
            raise
        except Exception as error:
            told = storage_error(error)
            if filesystem is not None and _is_broken(filesystem):
                told = StorageUnavailableError(f"the connection has ended: {told.message}")
            if filesystem is not None and isinstance(told, StorageUnavailableError):
                self._drop(filesystem)
            raise told from error

    def filesystem(self) -> AbstractFileSystem:
        """The filesystem, made now if there is none.

        Raises:
            Exception: What the filesystem raises that can't be made.
        """
        with self._making:
            if self._filesystem is not None and _is_broken(self._filesystem):
                _close(self._filesystem)
                self._filesystem = None
            if self._filesystem is None:
                self._filesystem = fsspec.filesystem(self._protocol, **{**self._settings, "skip_instance_cache": True})
                # Listings of a moment ago aren't what is there now. Not an option above: some hand on all they get.
                self._filesystem.dircache = DirCache(use_listings_cache=False)
                _send_at_once(self._filesystem)
            return self._filesystem

    def _close(self) -> None:
        with self._making:
            filesystem, self._filesystem = self._filesystem, None
        if filesystem is not None:
            _close(filesystem)

    def _drop(self, broken: AbstractFileSystem) -> None:
        with self._making:
            if self._filesystem is not broken:
                return
            self._filesystem = None
        _close(broken)


async def _in_own_thread(call: Callable[[], object]) -> None:
    """Run what blocks once the connection's threads have ended."""
    threads = Threads(1, name="fsspec-closing")
    try:
        await threads.run(call)
    finally:
        await threads.aclose()


def _transport(filesystem: AbstractFileSystem) -> Callable[[], Any] | None:
    """What tells paramiko's transport, for a filesystem that has one."""
    transport = getattr(getattr(filesystem, "client", None), "get_transport", None)
    return transport if callable(transport) else None


def _send_at_once(filesystem: AbstractFileSystem) -> None:
    """Have small packets sent when they are made, which paramiko leaves to the kernel.

    Otherwise each end of a request of 32 KiB waits 40 ms for the other side's acknowledgement: 8 MiB took 11 s to write
    to a server on the same machine, and take 0.3.
    """
    transport = _transport(filesystem)
    connection = None if transport is None else getattr(transport(), "sock", None)
    if isinstance(connection, socket.socket) and connection.family in {socket.AF_INET, socket.AF_INET6}:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _is_broken(filesystem: AbstractFileSystem) -> bool:
    """Whether a connection has ended, as far as that shows; paramiko tells it by an `OSError` without a number."""
    transport = _transport(filesystem)
    return transport is not None and ((current := transport()) is None or not current.is_active())


def _close(filesystem: AbstractFileSystem) -> None:
    """End a filesystem's connections, for which fsspec has no name that all of them know."""
    client = getattr(filesystem, "client", None)  # paramiko's
    if client is not None and callable(getattr(client, "close", None)):
        with suppress(OSError, EOFError):  # it is broken already
            client.close()
    session = getattr(filesystem, "_s3", None)
    if session is not None:
        sync(filesystem.loop, session.__aexit__, None, None, None, timeout=_CLOSING_SECONDS)
