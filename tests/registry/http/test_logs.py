"""The logs of a real server, in a process whose output the test holds."""

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from holdfast.logs import LogOptions

from .test_access_log import COMBINED

_PROGRAM = """
import asyncio, contextlib, sys, uvloop
from holdfast.logs import LogOptions, configure_logs
from holdfast.registry.http.logs import logged
from holdfast.registry.server import ServerOptions, serve

async def send_body(send, status, body, **message):
    headers = [(b"content-length", str(len(body)).encode())]
    await send({{"type": "http.response.start", "status": status, "headers": headers}})
    await send({{"type": "http.response.body", "body": body}})

async def app(scope, receive, send):
    if scope["path"] == "/file":
        start = {{"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"300000")]}}
        await send(start)
        await send({{"type": "http.response.pathsend", "path": {file!r}}})
    elif scope["path"] == "/slow":
        print("slow", file=sys.stderr, flush=True)
        while (await receive()).get("more_body"):
            pass
        await send_body(send, 201, b"done")
    elif scope["path"] == "/bug":
        raise RuntimeError("a bug")
    else:
        await send_body(send, 200, b"ok")

async def main(options):
    with logged(app, options) as wrapped:
        await serve(
            wrapped,
            ServerOptions(host="", port=0, drain_timeout=20),
            on_listening=lambda address: print("at", address, file=sys.stderr, flush=True),
        )

options = {options!r}
with configure_logs(options):
    uvloop.run(main(options))
"""


class Process:
    """A server process.

    Attributes:
        port: Where it listens.
        errors: The lines that it has written to standard error so far.
    """

    def __init__(self, options: LogOptions, file: Path) -> None:
        program = _PROGRAM.format(options=options, file=str(file))
        self._process = subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._is_stopping = False
        self.errors: list[str] = []
        self._client = httpx.Client(trust_env=False)
        self.port = int(self.wait_for("at ").rpartition(":")[2])

    def wait_for(self, word: str) -> str:
        """Return the next line of standard error that contains a word."""
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.errors.append(line.decode())
            if word in self.errors[-1]:
                return self.errors[-1]
        raise AssertionError(f"no {word!r} in {self.errors}")

    def get(self, target: str, method: str = "GET", **headers: str) -> httpx.Response:
        """The answer to one request, over IPv4 to a socket for both."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._client.request(method, f"http://127.0.0.1:{self.port}{target}", headers=fields)

    def terminate(self) -> None:
        """What an operator's stop does."""
        self._process.send_signal(signal.SIGTERM)
        self._is_stopping = True

    def wait(self, seconds: float) -> int:
        """Wait until it has ended, with nothing of its output read, and return its status."""
        return self._process.wait(seconds)

    def end(self) -> list[bytes]:
        """Stop it, if nobody has, and return the lines of standard output."""
        if not self._is_stopping:  # a second signal would end it at once
            self.terminate()
        output, errors = self._process.communicate(timeout=30)
        self.errors += errors.decode().splitlines(keepends=True)
        return output.splitlines(keepends=True)

    def close(self) -> None:
        """End it whatever state it is in."""
        self._client.close()
        self._process.kill()
        self._process.communicate()

    def read_access(self) -> bytes:
        """Return the next line of standard output."""
        assert self._process.stdout is not None
        return self._process.stdout.readline()


@pytest.fixture
def options(request: pytest.FixtureRequest) -> LogOptions:
    """How the server logs; a test chooses by indirect parameters."""
    return getattr(request, "param", LogOptions(formatter="json"))


@pytest.fixture
def process(options: LogOptions, tmp_path: Path) -> Iterator[Process]:
    """A server that has just been started."""
    file = tmp_path / "file"
    file.write_bytes(bytes(300_000))
    started = Process(options, file)
    try:
        yield started
    finally:
        started.close()


def test_requests_are_lines_on_standard_output(process: Process) -> None:
    """Each request is a line in combined format, with the size of a file that the server sends, and IPv4 as IPv4."""
    process.get("/v2/", User_Agent="skopeo/1.9", Referer='a"b')
    process.get("/file?n=1", User_Agent="x")
    process.get("/file", "HEAD", User_Agent="x")
    process.get("/bug", User_Agent="x")
    lines = [line.decode() for line in process.end()]
    when = r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]"

    assert [
        '127.0.0.1 - - WHEN "GET /v2/ HTTP/1.1" 200 2 "a\\"b" "skopeo/1.9"\n',
        '127.0.0.1 - - WHEN "GET /file?n=1 HTTP/1.1" 200 300000 "" "x"\n',
        '127.0.0.1 - - WHEN "HEAD /file HTTP/1.1" 200 0 "" "x"\n',
        '127.0.0.1 - - WHEN "GET /bug HTTP/1.1" 500 0 "" "x"\n',
    ] == [re.sub(when, "WHEN", line) for line in lines]


def test_lines_come_while_the_server_runs(process: Process) -> None:
    """A request is seen soon after its end, not only at the server's."""
    process.get("/v2/")

    assert b'"GET /v2/ HTTP/1.1" 200 2 ' in process.read_access()


@pytest.mark.parametrize("options", [LogOptions(access_log=False, formatter="json")], indirect=True)
def test_the_access_log_can_be_off(process: Process) -> None:
    """Switched off, it writes nothing; the log goes on, with the request's fields."""
    process.get("/v2/a/tags/list")
    process.get("/bug", Authorization="Bearer sesame")

    assert [] == process.end()
    bug = json.loads(next(line for line in process.errors if "RuntimeError: a bug" in line))
    assert ("error", "/bug", "GET") == (bug["level"], bug["http.request.uri"], bug["http.request.method"])
    assert re.fullmatch(r"127\.0\.0\.1:\d+", bug["http.request.remoteaddr"])
    assert "sesame" not in "".join(process.errors)


def test_nothing_is_lost_when_the_server_is_stopped(process: Process) -> None:
    """After SIGTERM running requests end, and every request that was answered is in the log."""
    with socket.create_connection(("127.0.0.1", process.port)) as client:
        client.sendall(b"PUT /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na")
        process.wait_for("slow")
        for number in range(200):
            assert 200 == process.get(f"/v2/{number}").status_code
        process.terminate()
        process.wait_for("stopping")
        client.sendall(b"b")

        assert client.recv(65536).startswith(b"HTTP/1.1 201")

    assert [*(f"/v2/{number}" for number in range(200)), "/slow"] == _targets(process.end())


def _targets(lines: list[bytes]) -> list[str]:
    """Return what the lines say was asked for; all of them must be lines of the combined format."""
    found = [COMBINED.fullmatch(line.decode()) for line in lines]
    return [match["target"] if match else "no line of the format" for match in found]


def test_a_reader_that_stops_reading_stops_nobody(process: Process) -> None:
    """With standard output full and unread, requests are answered as ever; once it is read, all lines are there."""
    for number in range(100):  # half a megabyte, where a pipe takes 64 KiB
        assert 200 == process.get(f"/v2/{number}", User_Agent="x" * 5000).status_code

    assert [f"/v2/{number}" for number in range(100)] == _targets(process.end())


def test_a_reader_that_never_reads_delays_the_end_by_seconds(process: Process) -> None:
    """The server ends although nobody reads what it has to say, and says on standard error what was lost."""
    for number in range(50):
        process.get(f"/v2/{number}", User_Agent="x" * 5000)
    process.terminate()

    assert 0 == process.wait(20)
    assert "lines of a log were lost" in process.wait_for("lost")


@pytest.mark.parametrize("options", [LogOptions(level="debug", formatter="json")], indirect=True)
def test_debugging_tells_of_every_request(process: Process) -> None:
    """At the level `debug` the end of each request is a line with all there is to say about it."""
    process.get("/v2/a/tags/list")
    process.end()
    line = json.loads(next(line for line in process.errors if "response completed" in line))

    assert ("debug", 200, 2, "a") == (
        line["level"],
        line["http.response.status"],
        line["http.response.written"],
        line["vars.name"],
    )
