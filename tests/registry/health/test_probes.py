import socket
from contextlib import aclosing
from pathlib import Path

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from holdfast import storage
from holdfast.registry.health import FileProbe, HTTPProbe, StorageProbe, TCPProbe, UnhealthyError
from holdfast.storage.errors import PathNotFoundError, StorageUnavailableError
from holdfast.testing.drivers import Fault, FaultyDriver
from tests.registry.serving import answer, running

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("driver", ["inmemory", "filesystem"])
async def test_empty_storage_is_healthy(driver: str, tmp_path: Path) -> None:
    """A storage in which nothing was ever written is well: it answered."""
    parameters = {"rootdirectory": str(tmp_path / "none")} if driver == "filesystem" else {}
    async with aclosing(storage.create(driver, parameters)) as store:
        assert None is await StorageProbe(store)()  # type: ignore[func-returns-value]

        await store.put_content("/a", b"")

        assert None is await StorageProbe(store)()  # type: ignore[func-returns-value]


async def test_storage_without_a_root_is_healthy() -> None:
    """A storage that knows no root before something is written, as object stores do, has answered all the same."""
    async with aclosing(storage.create("inmemory", {})) as store:
        probe = StorageProbe(FaultyDriver(store, Fault(op="stat", error=PathNotFoundError)))

        assert None is await probe()  # type: ignore[func-returns-value]


async def test_storage_that_fails_is_unhealthy() -> None:
    """Any other error than a missing root is what the check is there to find."""
    async with aclosing(storage.create("inmemory", {})) as store:
        with pytest.raises(StorageUnavailableError):
            await StorageProbe(FaultyDriver(store, Fault(op="stat", error=StorageUnavailableError)))()


async def test_file_that_exists_is_unhealthy(tmp_path: Path) -> None:
    """Making the file takes the registry out of service, removing it brings it back."""
    file = tmp_path / "down"
    probe = FileProbe(str(file))
    await probe()
    file.touch()
    with pytest.raises(UnhealthyError, match="the file exists"):
        await probe()
    file.unlink()

    assert None is await probe()  # type: ignore[func-returns-value]


async def test_file_that_can_not_be_looked_at_is_unhealthy(tmp_path: Path) -> None:
    """Only a file that is missing is missing; any other answer isn't taken for that."""
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        await FileProbe(str(tmp_path / "file" / "below"))()


async def test_url_must_answer_with_the_status() -> None:
    """The head of the URL is asked for, with the headers, and its status compared."""
    seen: list[tuple[str, list[str]]] = []

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        seen.append((scope["method"], [v.decode() for k, v in scope["headers"] if k == b"x-token"]))
        await answer(send, status=204, body=b"")

    async with running(app) as server:
        url = f"http://{server.address}/"
        await HTTPProbe(uri=url, status=204, headers=[("X-Token", "a"), ("X-Token", "b")])()
        with pytest.raises(UnhealthyError, match="the status is 204 instead of 200"):
            await HTTPProbe(uri=url)()

    assert ("HEAD", ["a", "b"]) == seen[0]

    with pytest.raises(httpx.ConnectError):
        await HTTPProbe(uri=url)()


async def test_address_must_take_connections() -> None:
    """An address that is listened on is well, and one that refuses isn't."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        await TCPProbe(host="127.0.0.1", port=port)()

    with pytest.raises(ConnectionRefusedError):
        await TCPProbe(host="127.0.0.1", port=port)()
