import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import LogCapture

from holdfast.logs import LogOptions
from holdfast.logs.configure import _Fields
from holdfast.logs.context import LOG_CONTEXT
from holdfast.logs.formats import render_json
from holdfast.registry.http.errors import error_response, from_exception
from holdfast.registry.http.logs import logged
from holdfast.registry.http.request_log import CompletionLog, LoggedRequest, RequestLog, remote_address, request_id
from holdfast.storage.errors import StorageTimeoutError
from tests.registry.asgi import RawRequest

pytestmark = pytest.mark.anyio

_log = structlog.get_logger(__name__)


@pytest.fixture
def capture() -> Iterator[LogCapture]:
    """What is logged, with the fields of requests."""
    before = structlog.get_config()
    kept = LogCapture()
    structlog.configure(processors=[_Fields({}), kept], cache_logger_on_first_use=False)
    yield kept
    structlog.configure(**before)


def _scope(path: str = "/v2/a/b/manifests/latest", *headers: tuple[bytes, bytes], **others: Any) -> Scope:
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "PUT",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "client": ("192.0.2.1", "40000"),
        "headers": list(headers),
        **others,
    }


async def _receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _send(_: Message) -> None: ...


def _app(act: Callable[[], Awaitable[None]]) -> Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive, send
        await act()

    return app


async def _complain() -> None:
    _log.error("storage failed", error="no space left")


async def test_a_line_tells_which_request_it_comes_from(capture: LogCapture) -> None:
    """What is logged while a request runs has Distribution's fields of a request, and its own."""
    headers = (
        (b"host", b"registry.example:5000"),
        (b"user-agent", b"skopeo/1.9"),
        (b"referer", b"http://r.example/"),
        (b"content-type", b"text/plain"),
        (b"authorization", b"Bearer sesame"),
        (b"cookie", b"sesame"),
    )
    scope = _scope("/v2/a/b/blobs/uploads/3f2e", *headers, query_string=b"digest=sha256:ab&_state=sesame")
    await RequestLog(_app(_complain))(scope, _receive, _send)

    (line,) = capture.entries
    assert {
        "event": "storage failed",
        "log_level": "error",
        "error": "no space left",
        "http.request.id": request_id(scope),
        "http.request.method": "PUT",
        "http.request.uri": "/v2/a/b/blobs/uploads/3f2e?digest=sha256:ab&_state=-",
        "http.request.host": "registry.example:5000",
        "http.request.remoteaddr": "192.0.2.1:40000",
        "http.request.useragent": "skopeo/1.9",
        "http.request.referer": "http://r.example/",
        "http.request.contenttype": "text/plain",
        "vars.name": "a/b",
        "vars.uuid": "3f2e",
    } == line


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/v2/a/b/manifests/latest", {"vars.name": "a/b", "vars.reference": "latest"}),
        ("/v2/a/blobs/sha256:ab", {"vars.name": "a", "vars.digest": "sha256:ab"}),
        ("/v2/a/blobs/uploads/", {"vars.name": "a"}),
        ("/v2/blobs/blobs/uploads/3f2e", {"vars.name": "blobs", "vars.uuid": "3f2e"}),
        ("/v2/a/referrers/sha256:ab", {"vars.name": "a", "vars.digest": "sha256:ab"}),
        ("/v2/a/tags/list", {"vars.name": "a"}),
        ("/prefix/v2/a/tags/list", {"vars.name": "a"}),
        ("/v2/", {}),
        ("/v2/_catalog", {}),
        ("/elsewhere", {}),
        ("/v2/" + "a/" * 100_000, {}),
    ],
)
def test_the_names_in_a_path(path: str, found: dict[str, str]) -> None:
    """Repository, tag or digest, and upload are fields of their own, wherever the registry's paths begin."""
    fields = LoggedRequest(_scope(path)).fields()

    assert found == {name: value for name, value in fields.items() if name.startswith("vars.")}


@pytest.mark.parametrize(
    ("headers", "client", "address"),
    [
        ([], ("192.0.2.1", "40000"), "192.0.2.1:40000"),
        ([], ("::ffff:192.0.2.1", "40000"), "192.0.2.1:40000"),
        ([], ("2001:db8::1", "40000"), "[2001:db8::1]:40000"),
        ([], None, ""),
        ([(b"x-forwarded-for", b"198.51.100.7")], ("192.0.2.1", "1"), "198.51.100.7"),
        ([(b"x-forwarded-for", b" 2001:db8::7 , 10.0.0.1")], ("192.0.2.1", "1"), "2001:db8::7"),
        ([(b"x-real-ip", b"198.51.100.8")], ("192.0.2.1", "1"), "198.51.100.8"),
        ([(b"x-forwarded-for", b"unknown"), (b"x-real-ip", b"198.51.100.8")], ("192.0.2.1", "1"), "198.51.100.8"),
        ([(b"x-forwarded-for", b"1.1.1.1"), (b"x-forwarded-for", b"2.2.2.2")], ("192.0.2.1", "1"), "1.1.1.1"),
        ([(b"x-forwarded-for", b"\xff\n"), (b"x-real-ip", b"fe80::1%x\ny")], ("192.0.2.1", "1"), "192.0.2.1:1"),
    ],
)
def test_the_address_is_what_proxies_say(headers: list[tuple[bytes, bytes]], client: Any, address: str) -> None:
    """A proxy's word goes before the peer's address, if it is an address."""
    assert address == remote_address(_scope("/v2/", *headers, client=client))


@given(st.binary(), st.lists(st.tuples(st.sampled_from([b"host", b"user-agent", b"x-forwarded-for"]), st.binary())))
def test_any_request_can_be_logged(path: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    """Whatever bytes a client sends, a line about it is one line."""
    scope = _scope(path.decode(errors="replace"), *headers, raw_path=path, query_string=path)

    assert "\n" not in render_json(None, "error", {"event": "x", **LoggedRequest(scope).fields()})


async def test_all_lines_of_a_request_have_one_id(capture: LogCapture) -> None:
    """The identifier is made once for each request, and differs between requests."""

    async def act() -> None:
        await _complain()
        await _complain()

    app = RequestLog(_app(act))
    for _ in range(2):
        await app(_scope(), _receive, _send)
    first, again, other, _ = (line["http.request.id"] for line in capture.entries)

    assert first == again != other


async def test_requests_at_the_same_time_are_told_apart(capture: LogCapture) -> None:
    """Each task's lines are its own request's."""
    both = asyncio.Barrier(2)

    async def act() -> None:
        await both.wait()
        await _complain()

    app = RequestLog(_app(act))
    paths = ("/v2/one/tags/list", "/v2/two/tags/list")
    await asyncio.gather(*(asyncio.create_task(app(_scope(path), _receive, _send)) for path in paths))

    assert {"one", "two"} == {line["vars.name"] for line in capture.entries}


async def test_what_goes_on_after_a_request_is_no_part_of_it(capture: LogCapture) -> None:
    """A task that a request has started and that outlives it logs without the request, and doesn't keep it."""
    go_on = asyncio.Event()
    tasks: list[asyncio.Task[None]] = []

    async def later() -> None:
        await go_on.wait()
        await _complain()

    async def act() -> None:
        tasks.append(asyncio.create_task(later()))

    await asyncio.create_task(RequestLog(_app(act))(_scope(), _receive, _send))
    go_on.set()
    await tasks[0]

    assert [{"event": "storage failed", "error": "no space left", "log_level": "error"}] == capture.entries


async def test_the_error_of_a_request_is_logged_with_it(capture: LogCapture) -> None:
    """What the server logs of an error that came out of the application still tells the request."""

    async def act() -> None:
        raise RuntimeError("a bug")

    async def server() -> None:
        try:
            await RequestLog(_app(act))(_scope(), _receive, _send)
        except RuntimeError:
            _log.exception("request failed")

    await asyncio.create_task(server())

    assert "a/b" == capture.entries[0]["vars.name"]
    assert None is LOG_CONTEXT.get()


@pytest.mark.parametrize(
    ("method", "status", "event", "written"),
    [
        ("GET", 200, "response completed", 3),
        ("HEAD", 200, "response completed", 0),
        ("GET", 404, "response completed with error", 3),
    ],
)
async def test_completed_requests(capture: LogCapture, method: str, status: int, event: str, written: int) -> None:
    """At the level of debugging, the end of a request is a line with its status, size and duration."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b"abc"})

    await RequestLog(CompletionLog(app))(_scope(method=method), _receive, _send)

    (line,) = capture.entries
    assert (event, "debug", status, written) == (
        line["event"],
        line["log_level"],
        line["http.response.status"],
        line["http.response.written"],
    )
    assert line["http.response.duration"].endswith("ms")


async def test_a_failed_request_is_told_without_its_secrets(capture: LogCapture) -> None:
    """Storage that fails under a request makes a line that names the request and the client, and no secret."""

    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        await error_response(from_exception(StorageTimeoutError("slow", path="/x")))(scope, receive, send)

    headers = {"Authorization": "Bearer sesame", "User-Agent": "skopeo/1.9"}
    with logged(failing, LogOptions(access_log=False)) as app:
        request = RawRequest(app, "GET", "/v2/a/b/tags/list?_state=sesame", headers=headers)
        await request.task

    (line,) = capture.entries
    assert 503 == request.status
    assert ("storage failed", "a/b", "skopeo/1.9", "127.0.0.1:12345") == (
        line["event"],
        line["vars.name"],
        line["http.request.useragent"],
        line["http.request.remoteaddr"],
    )
    assert "sesame" not in str(line)
