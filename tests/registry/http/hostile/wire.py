"""Requests byte for byte, and what comes back: no client library would send most of these."""

import asyncio
import contextlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import anyio

__all__ = ["Answer", "Row", "chunked", "exchange", "request"]


class Row(NamedTuple):
    """A hostile request, and what becomes of it.

    Attributes:
        what: What is wrong with it.
        sent: All of it.
        status: The answer's status; `None` where there may be none.
        code: The spec's code in the answer, if it is an error.
        by_server: The HTTP server refuses it, before the registry sees it: a bare status, the connection closed.
        leaves: The client sends no more after that, not even what it has announced; whether it is answered is open.
        keeps: What arrived of an upload is kept, so that its client can go on.
        content: What the answer's body must be.
    """

    what: str
    sent: bytes
    status: int | None
    code: str | None = None
    by_server: bool = False
    leaves: bool = False
    keeps: bool = False
    content: bytes | None = None


class Answer(NamedTuple):
    """An answer: its status, its header fields in lower case, and its body."""

    status: int
    fields: Mapping[str, str]
    body: bytes

    def code(self) -> str:
        """The code of an error's body, whose form is the spec's."""
        assert "application/json" == self.fields["content-type"]
        document: dict[str, Any] = json.loads(self.body)
        assert {"errors"} == document.keys()
        errors = document["errors"]
        assert errors
        for error in errors:
            assert {"code", "message"} <= set(error) <= {"code", "message", "detail"}
            assert isinstance(error["message"], str)
        codes = {error["code"] for error in errors}
        assert 1 == len(codes)
        return str(codes.pop())


def request(
    method: str,
    target: str | bytes,
    *fields: str | bytes,
    body: bytes | None = None,
    host: str | None = "registry.test",
    version: str = "1.1",
) -> bytes:
    """A request that is the last one of its connection; with a body, its length is announced."""
    lines = [b" ".join([method.encode("latin-1"), _bytes(target), f"HTTP/{version}".encode()])]
    lines += [b"Host: " + host.encode("latin-1")] if host is not None else []
    lines += [b"Connection: close", *map(_bytes, fields)]
    if body is not None:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"", body or b""])


def chunked(*chunks: bytes, end: bool = True) -> bytes:
    """A body in chunks."""
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + (b"0\r\n\r\n" if end else b"")


async def exchange(port: int, sent: bytes, *, leaves: bool = False) -> list[Answer]:
    """Send bytes on a connection of their own; return all answers, when the server has closed it.

    With `leaves` its sending side is closed here as soon as everything was sent.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=64 * 1024 * 1024)
    try:
        with contextlib.suppress(OSError):  # answered, and closed, before all was sent
            writer.write(sent)
            await writer.drain()
            if leaves:
                writer.write_eof()
        with anyio.fail_after(20):
            return _answers(await _rest(reader), head_only=sent.startswith(b"HEAD "))
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def _rest(reader: asyncio.StreamReader) -> bytes:
    received = []
    with contextlib.suppress(ConnectionResetError):  # what was sent after the answer was never read
        while chunk := await reader.read(1 << 20):
            received.append(chunk)
    return b"".join(received)


def _answers(received: bytes, *, head_only: bool) -> list[Answer]:
    """Read what came, interim answers left out."""
    answers = []
    while received:
        head, _, received = received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        status = int(first.split()[1])
        fields = dict(line.lower().split(": ", 1) for line in lines)
        length = 0 if head_only or status in {100, 204, 304} else int(fields.get("content-length", 0))
        if status >= 200:
            answers.append(Answer(status, fields, received[:length]))
        received = received[length:]
    return answers


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")
