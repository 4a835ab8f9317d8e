"""SIGTERM while an image is being pushed."""

import hashlib
import http.client
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.holdfast_server import HoldfastServer
from tests.services.server import Server

pytestmark = pytest.mark.e2e

_BLOB = random.Random(20).randbytes(3_000_000)
_DIGEST = f"sha256:{hashlib.sha256(_BLOB).hexdigest()}"


@pytest.fixture
def server(root: Path, scratch: Path) -> Iterator[Server]:
    """Holdfast with time to drain."""
    with HoldfastServer(root=root, scratch=scratch, config={"http": {"draintimeout": "20s"}}) as running:
        yield running


class _Client:
    """One connection at a time, and the request's body under the test's control."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def send(self, method: str, target: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Sends one request on a connection of its own, and returns status, headers by lower-case name, and body."""
        connection = self._connect()
        try:
            connection.request(method, target, body, {name.replace("_", "-"): value for name, value in headers.items()})
            return self.answer(connection)
        finally:
            connection.close()

    def begin(self, method: str, target: str, *, length: int) -> http.client.HTTPConnection:
        """Sends the head of a request whose body the caller sends; the caller closes the connection."""
        connection = self._connect()
        connection.putrequest(method, target)
        connection.putheader("Content-Type", "application/octet-stream")
        connection.putheader("Content-Length", str(length))
        connection.endheaders()
        return connection

    @staticmethod
    def answer(connection: http.client.HTTPConnection) -> tuple[int, dict[str, str], bytes]:
        """Reads the answer to the request of a connection."""
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=20)


def _target(location: str, query: str = "") -> str:
    """The path of a location, absolute or not, with a parameter added."""
    path = "/" + location.split("//", 1)[1].split("/", 1)[1] if "//" in location else location
    if not query:
        return path
    return f"{path}{'&' if '?' in path else '?'}{query}"


def _start_upload(client: _Client) -> str:
    status, headers, _ = client.send("POST", "/v2/drain/blobs/uploads/")

    assert status == http.client.ACCEPTED

    return _target(headers["location"])


def _finish_upload(client: _Client, location: str, start: int) -> bytes:
    """Sends what is missing from `start` on, commits, and returns the blob as the registry then serves it."""
    span = f"{start}-{len(_BLOB) - 1}"
    status, headers, body = client.send("PATCH", location, _BLOB[start:], Content_Range=span)

    assert (http.client.ACCEPTED, f"0-{len(_BLOB) - 1}") == (status, headers.get("range")), body

    status, _, body = client.send("PUT", _target(headers["location"], f"digest={_DIGEST}"))

    assert http.client.CREATED == status, body

    return client.send("GET", f"/v2/drain/blobs/{_DIGEST}")[2]


def test_running_upload_is_answered_and_goes_on_after_a_restart(server: Server) -> None:
    """A PATCH that runs when SIGTERM comes is received whole and acknowledged; the upload goes on after the restart."""
    client = _Client(server)
    location = _start_upload(client)
    half = len(_BLOB) // 2
    patch = client.begin("PATCH", location, length=half)
    try:
        patch.send(_BLOB[: half // 3])
        server.terminate()
        # The rest comes at a client's pace, long enough for the server to have seen the signal.
        for start in range(half // 3, half, 200_000):
            time.sleep(0.1)
            patch.send(_BLOB[start : min(start + 200_000, half)])
        status, headers, body = client.answer(patch)
    finally:
        patch.close()

    assert (http.client.ACCEPTED, f"0-{half - 1}") == (status, headers.get("range")), body
    assert server.wait() == 0, server.output()

    server.start()
    location = _target(headers["location"])
    status, headers, _ = client.send("GET", location)

    assert (http.client.NO_CONTENT, f"0-{half - 1}") == (status, headers.get("range"))
    assert _finish_upload(client, _target(headers.get("location", location)), half) == _BLOB


def test_open_upload_survives_a_restart(server: Server) -> None:
    """An upload between two PATCHes does not keep the server from ending, and goes on after the restart."""
    client = _Client(server)
    location = _start_upload(client)
    status, headers, _ = client.send("PATCH", location, _BLOB[:1_000_000])

    assert status == http.client.ACCEPTED

    began = time.monotonic()
    ended = server.stop()

    assert ended == 0, server.output()
    # It is idle, so it waits for nobody: far from the 20 s that it may drain.
    assert time.monotonic() - began < 5

    server.start()

    assert _finish_upload(client, _target(headers["location"]), 1_000_000) == _BLOB


def test_idle_connection_does_not_hold_up_the_end(server: Server) -> None:
    """A client that keeps its connection open and asks for nothing is not waited for."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.request("GET", "/v2/")
        with connection.getresponse() as response:
            response.read()
        began = time.monotonic()

        assert server.stop() == 0, server.output()
        assert time.monotonic() - began < 5
    finally:
        connection.close()


def test_upload_that_outlasts_the_drain_is_cut_off_and_resumed(root: Path, scratch: Path) -> None:
    """When the time to drain is over the server ends all the same, and what it holds of the upload is right."""
    config = {"http": {"draintimeout": "1s"}}
    with HoldfastServer(root=root, scratch=scratch, config=config) as server:
        client = _Client(server)
        location = _start_upload(client)
        patch = client.begin("PATCH", location, length=len(_BLOB))
        try:
            patch.send(_BLOB[:500_000])
            server.terminate()
            server.wait(timeout=15)
        finally:
            patch.close()
        server.start()
        status, headers, _ = client.send("GET", location)
        end = int(headers["range"].split("-")[1])
        held = end + 1 if end else 0

        assert status == http.client.NO_CONTENT
        assert held <= 500_000
        assert _finish_upload(client, _target(headers.get("location", location)), held) == _BLOB
