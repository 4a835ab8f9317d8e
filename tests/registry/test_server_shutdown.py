import asyncio
import contextlib
import logging
import signal
import socket
import subprocess
import sys
from pathlib import Path

import anyio
import pytest
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from holdfast.registry.server import ServerFailedError, embedded
from holdfast.registry.server import running as running_module
from tests.registry.serving import GET, answer, echo_length, ok, read_answer, recorded, running, terminate

pytestmark = pytest.mark.anyio


async def test_running_request_finishes_after_the_signal_and_new_ones_are_refused() -> None:
    """SIGTERM closes the listening socket at once, and a request that runs gets its answer; then all has ended."""
    events: list[str] = []
    started, finish = asyncio.Event(), asyncio.Event()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        started.set()
        await finish.wait()
        await answer(send)
        events.append("answered")

    async with running(app, recorded(events)) as server:
        reader, _ = await server.connect(GET)
        await started.wait()
        terminate()
        await server.refused()
        finish.set()
        status, headers, body = await read_answer(reader)
        await server.stopped()

        assert (200, "close", b"ok") == (status, headers["connection"], body)
        assert b"" == await reader.read()
        assert ["enter", "answered", "leave"] == events


async def test_upload_in_progress_finishes_after_the_signal() -> None:
    """The rest of a body sent after SIGTERM is received, and answered."""
    started = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        started.set()
        await echo_length(scope, receive, send)

    async with running(app) as server:
        reader, writer = await server.connect(
            b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n" + b"a" * 1000
        )
        await started.wait()
        terminate()
        await server.refused()
        writer.write(b"b" * 199_000)

        assert (200, b"200000") == (await read_answer(reader))[::2]
        await server.stopped()


async def test_idle_connection_does_not_hold_the_stop_up() -> None:
    """A kept-alive connection without a request is closed by the stop."""
    async with running(ok) as server:
        reader, _ = await server.connect(GET)
        await read_answer(reader)
        terminate()
        await server.stopped()

        assert b"" == await reader.read()


@pytest.mark.parametrize("drain_timeout", [0.0, 0.2])
async def test_request_over_time_is_cancelled_and_may_clean_up(drain_timeout: float) -> None:
    """What still runs after the drain sees its cancellation, cleans up, and its client gets a 503 that it can retry."""
    events: list[str] = []
    started = asyncio.Event()

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        try:
            started.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)
            events.append("cleaned up")

    async with running(app, recorded(events), drain_timeout=drain_timeout) as server:
        reader, _ = await server.connect(GET)
        await started.wait()
        with capture_logs() as logs:
            terminate()
            status, headers, body = await read_answer(reader)
            await server.stopped()

    assert (503, "close", "1") == (status, headers["connection"], headers["retry-after"])
    assert b"UNAVAILABLE" in body
    assert ["enter", "cleaned up", "leave"] == events
    assert [1] == [entry["count"] for entry in logs if entry["event"].startswith("requests cut off")]


@pytest.mark.parametrize("kind", ["half a request", "file not read"])
async def test_client_that_does_nothing_is_closed(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a request that is never finished nor a file that is never read holds the stop up."""
    monkeypatch.setattr(running_module, "LAST_MOMENT", 0.1)
    file = tmp_path / "file"
    file.write_bytes(bytes(32 * 1024 * 1024))

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [(b"content-length", b"%d" % file.stat().st_size)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.pathsend", "path": str(file)})

    async with running(app, drain_timeout=0.1) as server:
        reader, _ = await server.connect(GET if kind == "file not read" else GET[:9])
        if kind == "file not read":
            await reader.readuntil(b"\r\n\r\n")
        else:
            # The other connection comes after, so the half request has been accepted when it is answered.
            other, _ = await server.connect(GET)
            await other.readuntil(b"\r\n\r\n")
        terminate()
        await server.stopped()

        with anyio.fail_after(5), contextlib.suppress(ConnectionResetError):
            assert file.stat().st_size > len(await reader.read())


async def test_request_that_ignores_its_cancellation_does_not_hold_the_stop_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handler that goes on is reported, and `serve` returns all the same."""
    monkeypatch.setattr(running_module, "LAST_MOMENT", 0.1)
    started, end, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        started.set()
        while not end.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await end.wait()
        await answer(send)
        ended.set()

    with capture_logs() as logs:
        async with running(app, drain_timeout=0.1, cleanup_timeout=0.1) as server:
            await server.connect(GET)
            await started.wait()
            terminate()
            await server.stopped()
            end.set()
            await ended.wait()

    assert [1] == [entry["count"] for entry in logs if entry["log_level"] == "error"]


async def test_cancelling_serve_stops_it() -> None:
    """A cancelled `serve` cancels its requests, leaves the lifespan and gives the port back."""
    events: list[str] = []
    started = asyncio.Event()

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        try:
            started.set()
            await asyncio.Event().wait()
        finally:
            events.append("cancelled")

    async with running(app, recorded(events)) as server:
        await server.connect(GET)
        await started.wait()
        server.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await server.stopped()

    socket.create_server(("127.0.0.1", server.port)).close()
    assert ["enter", "cancelled", "leave"] == events


async def test_server_that_ends_by_itself_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that ends without having been asked is not a normal stop."""

    async def end(_self: object) -> None:
        raise OSError("the cause")

    monkeypatch.setattr(embedded.EmbeddedServer, "serve", end)
    with pytest.raises(ServerFailedError) as caught:
        async with running(ok) as server:
            await server.stopped()

    assert "the cause" == str(caught.value.__cause__)


async def test_signal_handlers_and_logging_are_the_callers_again() -> None:
    """After `serve` the signals mean what they meant before, and nobody's log handler was closed."""

    class Handler(logging.Handler):
        closed = False

        def close(self) -> None:
            self.closed = True
            super().close()

    handler = Handler()
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    async with running(ok) as server:
        terminate()
        await server.stopped()

    assert before == [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    assert not handler.closed
    handler.close()


async def test_second_signal_ends_the_process_at_once() -> None:
    """A person who presses ctrl-C twice doesn't wait for the drain."""
    program = """
import asyncio, os, signal
from holdfast.registry.server import ServerOptions, serve
async def app(scope, receive, send):
    print("started", flush=True)
    await asyncio.Event().wait()
options = ServerOptions(host="127.0.0.1", port=0, drain_timeout=600.0)
asyncio.run(serve(app, options, on_listening=lambda address: print(address, flush=True)))
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:  # noqa: ASYNC220 it is the test's
        stdout = process.stdout
        if stdout is None:
            raise RuntimeError("no pipe")
        host, _, port = stdout.readline().strip().partition(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(GET)
            stdout.readline()
            process.send_signal(signal.SIGINT)
            # The first signal is logged, after its meaning has changed.
            line = stdout.readline()
            process.send_signal(signal.SIGINT)

            assert -signal.SIGINT == process.wait(10)
            assert "stopping" in line
