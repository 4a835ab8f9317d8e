import asyncio
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send

from holdfast.registry.http import access_log
from holdfast.registry.http.access_log import AccessLog

pytestmark = pytest.mark.anyio

COMBINED = re.compile(
    r"(?P<host>[0-9a-fA-F.:]+|-) - - "
    r"\[(?P<when>\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "
    r'"(?P<method>[^" ]+) (?P<target>(?:[^"\\]|\\.)*) (?P<protocol>HTTP/\S+)" '
    r"(?P<status>\d{3}) (?P<size>\d+) "
    r'"(?P<referer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)"\n'
)
"""A line as what reads Apache's combined format reads it."""

_DOCKER = b"docker/24.0.7 go/go1.20.10 UpstreamClient(Docker-Client/24.0.7 \\(linux\\))"

App = Callable[[Scope, Receive, Send], Any]


def _scope(*headers: tuple[bytes, bytes], **others: Any) -> Scope:
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": "/v2/a/manifests/latest",
        "raw_path": b"/v2/a/manifests/latest",
        "query_string": b"",
        "client": ("192.0.2.1", "40000"),
        "headers": list(headers),
        **others,
    }


def _answering(*messages: Message) -> App:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        for message in messages:
            await send(message)

    return app


def _start(status: int = 200, **headers: str) -> Message:
    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http.response.start", "status": status, "headers": fields}


def _body(content: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": content, "more_body": more}


_EMPTY = (_start(200), _body(b""))


async def _receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _lines(app: App, scope: Scope) -> list[bytes]:
    """Answer a request, and return what was logged of it; what was sent is what the application has sent."""
    lines: list[bytes] = []

    async def send(_: Message) -> None: ...

    await AccessLog(app, lines.append)(scope, _receive, send)
    return lines


async def _fields(app: App, scope: Scope) -> dict[str, str]:
    """Answer a request, and return the fields of the one line that was logged of it."""
    (line,) = await _lines(app, scope)
    match = COMBINED.fullmatch(line.decode())

    assert match is not None, line
    return match.groupdict()


class BrokenError(Exception):
    """What an application fails with."""


async def test_a_line_is_as_upstream_writes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte by byte what Distribution wrote for the same request."""
    monkeypatch.setattr(access_log, "time", lambda: 1_800_000_000.9)
    scope = _scope(
        (b"host", b"127.0.0.1:5000"),
        (b"user-agent", "ü x".encode()),
        (b"referer", b'a"b\\c'),
        raw_path=b"/v2/a/b/manifests/latest",
        query_string=b'x=%22%0a"y',
        client=("127.0.0.1", "48388"),
    )
    when = access_log._when(1_800_000_000)

    assert [
        b"127.0.0.1 - - [%b] " % when
        + b'"GET /v2/a/b/manifests/latest?x=%22%0a\\"y HTTP/1.1" 404 96 "a\\"b\\\\c" "'
        + "ü x".encode()
        + b'"\n'
    ] == await _lines(_answering(_start(404), _body(bytes(96))), scope)


@pytest.mark.parametrize(
    ("zone", "when"),
    [
        ("UTC", b"15/Jan/2027:08:00:00 +0000"),
        ("Etc/GMT+3", b"15/Jan/2027:05:00:00 -0300"),
        ("Asia/Kolkata", b"15/Jan/2027:13:30:00 +0530"),
    ],
)
def test_the_time_is_the_local_one(zone: str, when: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The date is in Apache's form, in the machine's time zone."""
    try:
        with monkeypatch.context() as patch:
            patch.setenv("TZ", zone)
            time.tzset()

            assert when == access_log._when(1_800_000_000)
    finally:
        time.tzset()


async def test_the_time_is_that_of_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long request has the time when it came, whatever came meanwhile; the next one has its own."""
    seconds = iter((100.0, 101.0, 150.0))
    monkeypatch.setattr(access_log, "time", lambda: next(seconds))
    lines: list[bytes] = []
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        del receive, send
        if scope["path"] == "/long":
            begun.set()
            await go_on.wait()

    async def send(_: Message) -> None: ...

    log = AccessLog(app, lines.append)
    long = asyncio.create_task(log(_scope(path="/long"), _receive, send))
    await begun.wait()
    await log(_scope(path="/short"), _receive, send)
    go_on.set()
    await long
    await log(_scope(path="/short"), _receive, send)

    assert [access_log._when(second) for second in (101, 100, 150)] == [
        line.partition(b"[")[2].partition(b"]")[0] for line in lines
    ]


@pytest.mark.parametrize(
    ("client", "host"),
    [
        (("192.0.2.1", "1"), "192.0.2.1"),
        (("::ffff:192.0.2.1", "1"), "192.0.2.1"),
        (("2001:db8::1", "1"), "2001:db8::1"),
        (None, "-"),
    ],
)
async def test_the_host_is_the_peer(client: Any, host: str) -> None:
    """An IPv4 peer is shown as one even by a socket for both; what a proxy claims isn't looked at."""
    scope = _scope((b"x-forwarded-for", b"198.51.100.7"), client=client)

    assert host == (await _fields(_answering(*_EMPTY), scope))["host"]


@pytest.mark.parametrize(
    ("version", "protocol"), [("1", "HTTP/1.0"), ("1.0", "HTTP/1.0"), ("1.1", "HTTP/1.1"), ("2", "HTTP/2.0")]
)
async def test_the_protocol(version: str, protocol: str) -> None:
    """The protocol is what the client spoke, in Go's words."""
    assert protocol == (await _fields(_answering(*_EMPTY), _scope(http_version=version)))["protocol"]


@pytest.mark.parametrize(
    ("method", "messages", "size"),
    [
        ("GET", [_start(), _body(b"abc", more=True), _body(b"de")], "5"),
        ("GET", [_start(content_length="7000"), {"type": "http.response.pathsend", "path": "/x"}], "7000"),
        ("HEAD", [_start(content_length="7000"), _body(b"")], "0"),
        ("HEAD", [_start(404, content_length="96"), _body(bytes(96))], "0"),
        ("GET", [_start(304), {"type": "http.response.body"}], "0"),
    ],
)
async def test_the_size_is_that_of_the_body(method: str, messages: list[Message], size: str) -> None:
    """The bytes of the body are counted, piece by piece, or as many as a file was announced with; HEAD has none."""
    assert size == (await _fields(_answering(*messages), _scope(method=method)))["size"]


@pytest.mark.parametrize(
    ("messages", "error", "status", "size"),
    [
        ([], BrokenError, "500", "0"),
        ([], asyncio.CancelledError, "503", "0"),
        ([_start(200), _body(b"abc", more=True)], BrokenError, "200", "3"),
        ([_start(206), _body(b"abc", more=True)], asyncio.CancelledError, "206", "3"),
        ([], None, "500", "0"),
    ],
)
async def test_a_request_that_is_broken_off_is_logged(
    messages: list[Message], error: type[BaseException] | None, status: str, size: str
) -> None:
    """Whatever ends a request, there is one line, with what was sent until then, and the error goes on."""
    lines: list[bytes] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await _answering(*messages)(scope, receive, send)
        if error is not None:
            raise error

    async def send(_: Message) -> None: ...

    running = AccessLog(app, lines.append)(_scope(), _receive, send)
    if error is None:
        await running
    else:
        with pytest.raises(error):
            await running
    (line,) = lines
    match = COMBINED.fullmatch(line.decode())

    assert match is not None
    assert (status, size) == (match["status"], match["size"])


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        (b"_state=secret", "?_state=-"),
        (b"_state=secret&digest=sha256:ab", "?_state=-&digest=sha256:ab"),
        (b"digest=sha256:ab&_state=secret", "?digest=sha256:ab&_state=-"),
        (b"my_state=mine", "?my_state=mine"),
        (b"n=100&last=b", "?n=100&last=b"),
    ],
)
async def test_the_state_of_an_upload_is_not_logged(query: bytes, shown: str) -> None:
    """The signed state, with which anybody could go on with an upload, is left out; the rest of a query is there."""
    fields = await _fields(_answering(*_EMPTY), _scope(query_string=query))

    assert f"/v2/a/manifests/latest{shown}" == fields["target"]


async def test_no_credentials_are_logged() -> None:
    """What a client proves itself with is in no line."""
    secrets = [(b"authorization", b"Bearer sesame"), (b"cookie", b"sesame"), (b"x-registry-auth", b"sesame")]
    (line,) = await _lines(_answering(*_EMPTY), _scope(*secrets))

    assert b"sesame" not in line


@pytest.mark.parametrize("kind", ["raw_path", "query_string", "referer", "user-agent"])
async def test_a_line_has_a_limit(kind: str) -> None:
    """A field as long as a request's head may be is cut off; two of them are remembered by nobody."""
    long = b"\x01" * 1_000_000
    scope = _scope((kind.encode(), long)) if "-" in kind or kind == "referer" else _scope(**{kind: long})
    (line,) = await _lines(_answering(*_EMPTY), scope)

    assert len(line) < 4 * 8192 + 200
    assert COMBINED.fullmatch(line.decode())
    assert 256 >= access_log._known.cache_info().currsize


@given(path=st.binary(), query=st.binary(), referer=st.binary(), agent=st.binary() | st.just(_DOCKER))
async def test_one_request_is_one_line(path: bytes, query: bytes, referer: bytes, agent: bytes) -> None:
    """Whatever bytes a client sends, they make one line, which is read back field by field as they were sent."""
    scope = _scope((b"referer", referer), (b"user-agent", agent), raw_path=b"/" + path, query_string=query)
    (line,) = await _lines(_answering(*_EMPTY), scope)
    match = COMBINED.fullmatch(line.decode())

    assert match is not None
    assert line[:-1].decode().isprintable()
    assert (referer, agent) == (_unescape(match["referer"]), _unescape(match["agent"]))
    if b"_state=" not in query:
        assert b"/" + path + (b"?" + query if query else b"") == _unescape(match["target"])


_NAMED = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}


def _unescape(text: str) -> bytes:
    """Undo Go's escapes, independently of what makes them."""

    def byte(match: re.Match[str]) -> str:
        sequence = match[0][1:]
        if sequence[0] == "x":
            return bytes([int(sequence[1:], 16)]).decode("latin-1")
        if sequence[0] in "uU":
            return chr(int(sequence[1:], 16)).encode().decode("latin-1")
        return chr(_NAMED[sequence]) if sequence in _NAMED else sequence

    escapes = r"\\(x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|.)"
    return re.sub(escapes, byte, text.encode().decode("latin-1")).encode("latin-1")
