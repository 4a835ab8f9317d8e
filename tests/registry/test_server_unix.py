import contextlib
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from holdfast.registry.server import ListenError, client_address, client_port
from tests.registry.certificates import Authority
from tests.registry.serving import Running, echo_length, ok, running, terminate

pytestmark = pytest.mark.anyio


@contextlib.asynccontextmanager
async def _client(path: Path, authority: Authority | None = None) -> AsyncIterator[httpx.AsyncClient]:
    verify = authority.trusting() if authority else True
    transport = httpx.AsyncHTTPTransport(uds=str(path), verify=verify)
    async with httpx.AsyncClient(transport=transport) as client:
        yield client


async def test_requests_come_in_over_a_unix_socket(tmp_path: Path) -> None:
    """A socket serves uploads, tells its path, shows no client address, and is gone after the stop."""
    path = tmp_path / "socket"
    seen: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)
        await echo_length(scope, receive, send)

    async with running(app, unix=path) as server:
        async with _client(path) as client:
            response = await client.put("http://localhost/", content=bytes(3_000_000))

        assert "3000000" == response.text
        assert str(path) == server.address
        assert ("", 0) == (client_address(seen[0]), client_port(seen[0]))

        terminate()
        await server.stopped()

    assert not path.exists()


async def test_unix_socket_serves_tls(tmp_path: Path) -> None:
    """TLS works on a socket as on a port."""
    authority = Authority(tmp_path)
    path = tmp_path / "socket"
    async with running(ok, unix=path, tls=authority.options()), _client(path, authority) as client:
        assert 200 == (await client.get("https://localhost/")).status_code


async def test_socket_of_a_killed_server_is_replaced(tmp_path: Path) -> None:
    """What a server that was killed left behind doesn't need a person's hand."""
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
        left.listen()

    async with running(ok, unix=path), _client(path) as client:
        assert 200 == (await client.get("http://localhost/")).status_code


async def test_socket_in_use_is_left_alone(tmp_path: Path) -> None:
    """A second server on the path is refused, and the first one goes on."""
    path = tmp_path / "socket"
    async with running(ok, unix=path):
        with pytest.raises(ListenError) as caught:
            async with running(ok, unix=path):
                pass

        assert (
            f"cannot listen on {path}: address already in use; stop the program that listens there, or choose another"
            " path" == str(caught.value)
        )
        async with _client(path) as client:
            assert 200 == (await client.get("http://localhost/")).status_code


async def test_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    """A path that somebody's file has is an error, and the file stays."""
    path = tmp_path / "file"
    path.write_text("precious")
    with pytest.raises(ListenError, match="the file exists and is no socket; remove the file, or choose another path"):
        async with running(ok, unix=path):
            pass

    assert "precious" == path.read_text()


@pytest.mark.parametrize(
    ("below", "said"),
    [
        ("none/socket", "no such file or directory; make the folder first"),
        ("a" * 120, "af_unix path too long; choose another path"),
    ],
)
async def test_path_that_can_not_be_is_one_clear_error(tmp_path: Path, below: str, said: str) -> None:
    """A folder that isn't there and a path longer than the kernel takes are said in one line."""
    path = tmp_path / below
    with pytest.raises(ListenError) as caught:
        async with running(ok, unix=path):
            pass

    assert f"cannot listen on {path}: {said}" == str(caught.value)


async def test_connection_that_stalls_is_closed_at_the_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client on a socket that reads nothing holds the stop up no longer than one on a port."""
    monkeypatch.setattr("holdfast.registry.server.running.LAST_MOMENT", 0.1)
    path, file = tmp_path / "socket", tmp_path / "file"
    file.write_bytes(bytes(32 * 1024 * 1024))

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [(b"content-length", b"%d" % file.stat().st_size)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.pathsend", "path": str(file)})

    async def stalled(server: Running) -> None:
        async with _client(path) as client, client.stream("GET", "http://localhost/"):
            terminate()
            await server.stopped()

    async with running(app, unix=path, drain_timeout=0.1) as server:
        await stalled(server)

        assert not path.exists()


async def test_socket_that_was_replaced_is_not_removed(tmp_path: Path) -> None:
    """A server that ends leaves alone what stands in its socket's place by then."""
    path = tmp_path / "socket"
    async with running(ok, unix=path) as server:
        path.unlink()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
            terminate()
            await server.stopped()

    assert stat.S_ISSOCK(path.stat().st_mode)
