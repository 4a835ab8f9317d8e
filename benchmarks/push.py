"""A client that pushes as fast as the server takes it, in the ways that the usual clients do."""

import hashlib
import http.client
import mmap
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from urllib.parse import urlsplit

from tests.services.server import Server

__all__ = ["Framing", "Noise", "PushError", "push", "push_many"]

# The frames that Docker's client, io.Copy in Go, makes of a body of unknown length; and how many of them are handed
# over in one system call, so that the client is not what is measured.
_FRAME = 32 << 10
_FRAMES_PER_CALL = 32


class Framing(Enum):
    """How the body of the PATCH says where it ends."""

    CHUNKED = "as Docker sends a layer that it compresses on the way"
    LENGTH = "as skopeo, podman and containerd send a layer of a known size"


class PushError(Exception):
    """The registry did not take the blob."""


class Noise:
    """A large blob of noise in a file, of which endless variants exist that differ in their last bytes.

    So each push is a blob that the registry has never seen, and its digest is known without reading it all again.

    Args:
        path: Where the noise is kept; the file is made.
        size: Its size in bytes, a multiple of 1 MiB.
    """

    def __init__(self, path: Path, size: int) -> None:
        self.size = size
        self._hash = hashlib.sha256()
        with path.open("wb") as file:
            for _ in range(size >> 20):
                piece = os.urandom(1 << 20)
                self._hash.update(piece)
                file.write(piece)
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def variant(self) -> "_Blob":
        """Returns a blob that was never pushed before."""
        tail = os.urandom(16)
        whole = self._hash.copy()
        whole.update(tail)
        return _Blob(noise=memoryview(self._map), tail=tail, digest=f"sha256:{whole.hexdigest()}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Blob:
    noise: memoryview
    tail: bytes
    digest: str

    def body(self, framing: Framing) -> Iterator[list[memoryview | bytes]]:
        """The bytes on the wire, in lists for one system call each."""
        chunked = framing is Framing.CHUNKED
        head = b"%x\r\n" % _FRAME
        for start in range(0, len(self.noise), _FRAME * _FRAMES_PER_CALL):
            call: list[memoryview | bytes] = []
            for offset in range(start, min(start + _FRAME * _FRAMES_PER_CALL, len(self.noise)), _FRAME):
                frame = self.noise[offset : offset + _FRAME]
                call += [head, frame, b"\r\n"] if chunked else [frame]
            yield call
        yield [b"%x\r\n" % len(self.tail), self.tail, b"\r\n0\r\n\r\n"] if chunked else [self.tail]


def push(server: Server, repository: str, blob: _Blob, framing: Framing) -> float:
    """Pushes a blob by POST, one PATCH, and PUT, and returns the seconds from the first to the last.

    Raises:
        PushError: an answer was not the expected one.
    """
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=300)
    try:
        connection.request("POST", f"/v2/{repository}/blobs/uploads/", headers={"Content-Length": "0"})
        location = _answer(connection, http.client.ACCEPTED)
        connection.putrequest("PATCH", _target(location))
        connection.putheader("Content-Type", "application/octet-stream")
        if framing is Framing.CHUNKED:
            connection.putheader("Transfer-Encoding", "chunked")
        else:
            connection.putheader("Content-Length", str(len(blob.noise) + len(blob.tail)))
        connection.endheaders()
        for buffers in blob.body(framing):
            _send(connection, buffers)
        location = _answer(connection, http.client.ACCEPTED)
        target = _target(location)
        separator = "&" if "?" in target else "?"
        connection.request("PUT", f"{target}{separator}digest={blob.digest}", headers={"Content-Length": "0"})
        _answer(connection, http.client.CREATED)
    finally:
        connection.close()
    return time.perf_counter() - began


def push_many(server: Server, repository: str, blobs: list[_Blob]) -> float:
    """Pushes blobs all at once, chunked, and returns the seconds until the last is there; raises as `push` does."""
    began = time.perf_counter()
    with ThreadPoolExecutor(len(blobs)) as threads:
        list(threads.map(lambda blob: push(server, repository, blob, Framing.CHUNKED), blobs))
    return time.perf_counter() - began


def _send(connection: http.client.HTTPConnection, buffers: list[memoryview | bytes]) -> None:
    """Sends all of some buffers; a socket may take a part of them only."""
    views = [memoryview(buffer) for buffer in buffers]
    while views:
        sent = connection.sock.sendmsg(views)
        while views and sent >= len(views[0]):
            sent -= len(views.pop(0))
        if sent:
            views[0] = views[0][sent:]


def _answer(connection: http.client.HTTPConnection, status: int) -> str:
    """Reads an answer and returns its Location."""
    response = connection.getresponse()
    body = response.read()
    if response.status != status:
        msg = f"{response.status} instead of {status}: {body[:500].decode(errors='replace')}"
        raise PushError(msg)
    return response.headers.get("Location", "")


def _target(location: str) -> str:
    parts = urlsplit(location)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
