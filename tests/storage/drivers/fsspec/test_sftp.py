"""What shows on a server only: connections that end, and passwords that are wrong."""

import asyncio
import secrets
import socket
import threading
from collections.abc import AsyncIterator

import pytest

from holdfast.storage import PathNotFoundError
from holdfast.storage.drivers.fsspec import FsspecDriver, FsspecOptions
from holdfast.storage.drivers.fsspec._connection import Connection
from holdfast.storage.drivers.fsspec.backend import FsspecBackend
from holdfast.storage.errors import AccessDeniedError
from tests.services.stores.sftp import SftpService

pytestmark = pytest.mark.anyio


def _driver(sftp: SftpService, **options: object) -> FsspecDriver:
    parameters = {
        "protocol": "sftp",
        "options": {**sftp.options(), **options},
        "rootdirectory": f"/{secrets.token_hex(8)}",
    }
    return FsspecDriver(FsspecOptions.model_validate(parameters))


def _connections(driver: FsspecDriver) -> list[Connection]:
    backend = driver._bridge._backend
    assert isinstance(backend, FsspecBackend)
    return backend._connections._all


@pytest.fixture
async def driver(sftp: SftpService) -> AsyncIterator[FsspecDriver]:
    """On a directory of its own."""
    driver = _driver(sftp)
    yield driver
    await driver.aclose()


async def test_ended_connection_is_made_anew(driver: FsspecDriver) -> None:
    """A server that was restarted, or a connection that rested too long, costs a try and no more."""
    await driver.put_content("/a", b"content")
    connections = _connections(driver)
    broken = [connection.filesystem() for connection in connections]
    for filesystem in broken:
        filesystem.client.close()

    for _ in connections:
        assert b"content" == await driver.get_content("/a")
    assert not set(map(id, broken)) & {id(connection.filesystem()) for connection in connections}
    with pytest.raises(PathNotFoundError):
        await driver.get_content("/b")


async def test_small_packets_are_not_held_back(driver: FsspecDriver) -> None:
    """No connection waits for the acknowledgement of one small packet before it sends the next: 40 ms for 32 KiB."""
    await driver.put_content("/a", b"content")
    sockets = [connection.filesystem().client.get_transport().sock for connection in _connections(driver)]

    assert all(each.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for each in sockets)


async def test_a_thread_for_each_connection(driver: FsspecDriver) -> None:
    """However much is asked for at once, no thread waits for a connection: each keeps memory of its own."""
    await asyncio.gather(*(driver.put_content(f"/{number}", b"content") for number in range(20)))
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("holdfast-fsspec")]

    assert len(_connections(driver)) == len(threads)


async def test_wrong_password(sftp: SftpService) -> None:
    """It is denied access, never an empty store."""
    driver = _driver(sftp, password="wrong")
    with pytest.raises(AccessDeniedError):
        await driver.list("/")
    with pytest.raises(AccessDeniedError):
        await driver.put_content("/a", b"x")

    await driver.aclose()
