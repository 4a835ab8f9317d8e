"""Redirects, followed to a server on loopback as a client follows them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from holdfast.checking import Finding, check_storage
from holdfast.storage import Capabilities
from holdfast.storage.layers.forwarding import ForwardingDriver
from tests.checking.boxes import QUICK, Box, check_box, names
from tests.services.server import free_port

pytestmark = pytest.mark.anyio

Answer = Callable[[str, bytes, tuple[int, int] | None], bytes]


def _honest(method: str, content: bytes, span: tuple[int, int] | None) -> bytes:
    status = "200 OK" if span is None else "206 Partial Content"
    if span is not None:
        content = content[span[0] : span[1] + 1]
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n".encode()
    return head if method == "HEAD" else head + content


def _refusing(method: str, content: bytes, span: tuple[int, int] | None) -> bytes:
    del method, content, span
    said = b"<Code>SignatureDoesNotMatch</Code>"
    return b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(said), said)


def _whole(method: str, content: bytes, span: tuple[int, int] | None) -> bytes:
    del span
    return _honest(method, content, None)


def _other(method: str, content: bytes, span: tuple[int, int] | None) -> bytes:
    return _honest(method, content[::-1] + b"?", span)


class _Redirecting(ForwardingDriver):
    """Sends clients to an address where a server has the same content."""

    port = 0

    @property
    def capabilities(self) -> Capabilities:
        return replace(self.inner.capabilities, redirect_get=True, redirect_head=True)

    async def redirect_url(self, path: str, *, method: str = "GET") -> str:
        return f"http://127.0.0.1:{self.port}{path}?signature={method}"


@asynccontextmanager
async def _server(box: Box, answer: Answer) -> AsyncIterator[int]:
    """Serve a box's content; yields the port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, target, *_ = request.split()
        span = None
        for line in request.splitlines():
            if line.lower().startswith("range: bytes="):
                first, last = line.partition("=")[2].split("-")
                span = (int(first), int(last))
        writer.write(answer(method, await box.memory.get_content(target.partition("?")[0]), span))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _findings(answer: Answer, monkeypatch: pytest.MonkeyPatch) -> dict[str, Finding]:
    box = Box(_Redirecting)
    async with _server(box, answer) as port:
        monkeypatch.setattr(_Redirecting, "port", port)
        with box.registered() as subject:
            report = await check_storage(subject, QUICK)
    return {finding.name: finding for finding in report.findings}


async def test_a_client_gets_the_content(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both methods are asked as a client does, in whole and in part."""
    found = await _findings(_honest, monkeypatch)

    assert ("ok", "ok") == (found["redirect GET"].outcome, found["redirect HEAD"].outcome)


async def test_a_store_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A URL that is refused fails with the status and what the store said, and not with the signature."""
    found = (await _findings(_refusing, monkeypatch))["redirect GET"]

    assert "failed" == found.outcome
    assert found.problem is not None
    assert "answers GET with status 403" in found.problem.message
    assert "<Code>SignatureDoesNotMatch</Code>" == found.problem.said
    assert "signature=" not in str(found)


async def test_a_store_without_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    """A URL that ignores ranges can be lived with."""
    found = (await _findings(_whole, monkeypatch))["redirect GET"]

    assert "warning" == found.outcome
    assert "ranges" in found.notes[0]


async def test_a_store_with_other_content(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other bytes than the file has are a failure, another length is a warning."""
    found = await _findings(_other, monkeypatch)

    assert ("failed", "warning") == (found["redirect GET"].outcome, found["redirect HEAD"].outcome)


async def test_an_address_that_is_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that can't be reached from here may be reached by clients: that is a warning."""
    monkeypatch.setattr(_Redirecting, "port", free_port())
    report, _ = await check_box(_Redirecting)

    assert report.ready
    assert {"redirect GET", "redirect HEAD"} == names(report, "warning")


async def test_read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is there already is got in the same way."""
    box = Box(_Redirecting)
    await box.memory.put_content("/file", b"content")
    async with _server(box, _honest) as port:
        monkeypatch.setattr(_Redirecting, "port", port)
        with box.registered() as subject:
            report = await check_storage(subject, replace(QUICK, read_only=True))

    assert "redirect GET" in names(report, "ok")
