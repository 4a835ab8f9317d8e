import os
import re
import socket
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from holdfast.registry.server import ListenError, ServerOptions, client_address, client_port
from tests.registry.serving import GET, answer, ok, read_answer, recorded, running

pytestmark = pytest.mark.anyio


async def test_port_zero_is_reported_as_the_port_it_became() -> None:
    """Port 0 listens on a free port, and `on_listening` is told which."""
    async with running(ok) as server:
        reader, _ = await server.connect(GET)

        assert (200, b"ok") == (await read_answer(reader))[::2]
        assert "127.0.0.1" == server.address.rpartition(":")[0]


async def test_empty_host_listens_everywhere_and_knows_its_clients() -> None:
    """Without a host an IPv4 client gets in; who asks for its address gets it in IPv4 form, and its port."""
    seen: list[Scope] = []

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        seen.append(scope)
        await answer(send)

    async with running(app, host="") as server:
        reader, writer = await server.connect(GET)
        await read_answer(reader)

        assert re.fullmatch(r"(\[::\]|0\.0\.0\.0):\d+", server.address)
        assert writer.get_extra_info("sockname") == (client_address(seen[0]), client_port(seen[0]))


async def test_machine_without_ipv6_listens_everywhere_on_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no IPv6, no host means every IPv4 address."""
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)

    async with running(ok, host="") as server:
        assert "0.0.0.0" == server.address.rpartition(":")[0]


async def test_port_taken_is_one_clear_error_before_anything_starts() -> None:
    """A port in use names the address, the reason and a remedy, and the lifespan is not entered."""
    events: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(ListenError) as caught:
            async with running(ok, recorded(events), port=port):
                pass

    assert f"127.0.0.1:{port}" == caught.value.address
    assert (
        f"cannot listen on 127.0.0.1:{port}: address already in use; "
        "stop the program that has the port, or choose another one" == str(caught.value)
    )
    assert [] == events


async def test_second_server_on_the_port_is_refused() -> None:
    """Two servers never share a port, which would give each half of the connections."""
    async with running(ok) as first:
        with pytest.raises(ListenError, match="in use"):
            async with running(ok, port=first.port):
                pass


@pytest.mark.parametrize(
    ("host", "remedy"),
    [
        ("192.0.2.1", "choose an address that this machine has, or leave the host out to listen on all"),
        ("no-such-name.invalid", "choose an address or a name that resolves"),
    ],
)
async def test_address_that_is_not_ours_is_one_clear_error(host: str, remedy: str) -> None:
    """An address of another machine and a name that doesn't resolve are told apart."""
    with pytest.raises(ListenError) as caught:
        async with running(ok, host=host):
            pass

    assert remedy == caught.value.remedy


async def test_port_that_needs_a_right_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused right says so, and which ports need none."""

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket, "create_server", refuse)
    with pytest.raises(ListenError, match=r"127\.0\.0\.1:80: permission denied; choose a port from 1024 up"):
        async with running(ok, port=80):
            pass


def _hand_over(monkeypatch: pytest.MonkeyPatch, listener: socket.socket, *, count: int = 1, pid: int = 0) -> int:
    """What systemd does; returns the socket's number."""
    monkeypatch.setenv("LISTEN_PID", str(pid or os.getpid()))
    monkeypatch.setenv("LISTEN_FDS", str(count))
    number = listener.detach()
    monkeypatch.setattr("holdfast.registry.server.listener._FIRST_HANDED_OVER", number)
    return number


async def test_socket_of_systemd_is_listened_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that was handed over is used instead of the configured address, and no child inherits it."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    number = _hand_over(monkeypatch, listener)
    async with running(ok, host="192.0.2.1", port=1) as server:
        reader, _ = await server.connect(GET)

        assert 200 == (await read_answer(reader))[0]
        assert f"127.0.0.1:{port}" == server.address
        assert "LISTEN_FDS" not in os.environ
        assert not os.get_inheritable(number)


async def test_socket_of_another_process_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that a parent forgot to remove mean nothing here."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        monkeypatch.setenv("LISTEN_PID", "1")
        monkeypatch.setenv("LISTEN_FDS", "1")
        async with running(ok) as server:
            assert other.getsockname()[1] != server.port


@pytest.mark.parametrize(
    ("kind", "count", "said"),
    [
        ("listening", 2, "there are 2 of them; leave one ListenStream in the socket's unit"),
        ("idle", 1, "it takes no connections; write ListenStream and Accept=no in the socket's unit"),
    ],
)
async def test_sockets_that_can_not_be_meant_are_one_clear_error(
    monkeypatch: pytest.MonkeyPatch, kind: str, count: int, said: str
) -> None:
    """Several sockets, and one that isn't listened on, are an error that says what to change."""
    handed = socket.create_server(("127.0.0.1", 0)) if kind == "listening" else socket.socket()
    number = _hand_over(monkeypatch, handed, count=count)
    with pytest.raises(ListenError) as caught:
        async with running(ok):
            pass

    assert str(caught.value).endswith(f" of systemd: {said}")

    if count > 1:  # else it was taken, and closed
        os.close(number)


@pytest.mark.parametrize(
    "wrong", [{"port": 65536}, {"port": -1}, {"drain_timeout": -1}, {"cleanup_timeout": -1}, {"max_connections": 0}]
)
async def test_options_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    """Options that can't be meant are an error where they are written."""
    options: dict[str, Any] = {"host": "", "port": 0, "drain_timeout": 0.0, **wrong}
    with pytest.raises(ValueError, match=r"port|timeout|max_connections"):
        ServerOptions(**options)


async def test_failing_lifespan_gives_the_port_back() -> None:
    """An error of the application's start comes out as it is, and nothing listens any more."""

    class Failing(AbstractAsyncContextManager[None]):
        async def __aenter__(self) -> None:
            raise LookupError("storage")

        async def __aexit__(self, *_exc: object) -> None:
            raise AssertionError("was never entered")

    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
    with pytest.raises(LookupError, match="storage"):
        async with running(ok, Failing(), port=port):
            pass

    socket.create_server(("127.0.0.1", port)).close()


async def test_error_of_the_application_is_a_500_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """An exception gives the client a 500, the log one entry, and the connection its next request."""

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["path"] == "/fail":
            raise LookupError("a bug")
        await answer(send)

    with capture_logs() as logs:
        async with running(app) as server:
            reader, _ = await server.connect(GET.replace(b"/ ", b"/fail ", 1) + GET)
            first, second = await read_answer(reader), await read_answer(reader)

    assert [500, 200] == [first[0], second[0]]
    assert [("request failed", "/fail")] == [(e["event"], e["path"]) for e in logs if e["log_level"] == "error"]
    assert [] == caplog.records


async def test_answer_broken_off_is_seen_as_broken_off() -> None:
    """An error after the answer has begun ends the connection without the mark of a complete answer."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"part", "more_body": True})
        raise LookupError("the storage failed")

    async with running(app) as server:
        reader, _ = await server.connect(GET)

        assert b"\r\n\r\n4\r\npart\r\n" == (await reader.read())[-13:]


@pytest.mark.parametrize("h2c", [True, False])
async def test_http2_is_spoken_only_when_asked_for(h2c: bool) -> None:  # noqa: FBT001 a parameter of the test
    """An HTTP/2 preface is answered with SETTINGS if `h2c` is on, and else with a closed connection."""
    async with running(ok, h2c=h2c) as server:
        reader, writer = await server.connect(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
        frame = await reader.read(9)

        assert h2c == (b"\x04" == frame[3:4])
        writer.close()
