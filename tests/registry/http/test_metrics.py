import asyncio
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from starlette.types import Receive, Scope, Send

from holdfast.registry.http import routes
from holdfast.registry.http.metrics import HTTPMetrics, handler_of
from tests.registry.asgi import RawRequest
from tests.registry.serving import answer, echo_length

pytestmark = pytest.mark.anyio

_UUID = "0f3b5b3e-1111-4222-8333-444455556666"


def _value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"registry_http_{name}", labels) or 0.0


class Difference:
    """What a metric has grown by since this was made: the process's figures are all tests' together."""

    def __init__(self, name: str, **labels: str) -> None:
        self._name = name
        self._labels = labels
        self._before = _value(name, **labels)

    def __call__(self) -> float:
        """Tell the difference."""
        return _value(self._name, **self._labels) - self._before


@pytest.mark.parametrize(
    ("path", "handler", "table"),
    [
        ("/v2/", "base", routes._BASE),
        ("/v2", "base", routes._BASE),
        ("/v2/_catalog", "catalog", routes._CATALOG),
        ("/v2/a/tags/list", "tags", routes._TAGS),
        ("/v2/a/b/c/tags/list", "tags", routes._TAGS),
        ("/v2/a/manifests/latest", "manifest", routes._MANIFESTS),
        ("/v2/manifests/manifests/blobs", "manifest", routes._MANIFESTS),
        ("/v2/a/blobs/sha256:1", "blob", routes._BLOBS),
        ("/v2/tags/list/blobs/sha256:1", "blob", routes._BLOBS),
        ("/v2/a/referrers/sha256:1", "referrers", routes._REFERRERS),
        ("/v2/a/blobs/uploads/", "blob_upload", routes._NEW_UPLOAD),
        (f"/v2/a/blobs/uploads/{_UUID}", "blob_upload_chunk", routes._UPLOAD),
        (f"/v2/a/blobs/blobs/uploads/{_UUID}", "blob_upload_chunk", routes._UPLOAD),
    ],
)
def test_handler_is_the_kind_of_endpoint_that_the_routes_have(path: str, handler: str, table: object) -> None:
    """A path counts for the endpoint that answers it, whatever words the repository's name is made of."""
    assert handler == handler_of(path)
    assert table is routes._route(path)[0]


@pytest.mark.parametrize("path", ["", "/", "/v1/", "/v2/a", "/v2/a/", "/v2/a/manifests/", "/v2/a/tags/lists", "/x/y/z"])
def test_anything_else_is_one_series(path: str) -> None:
    """Paths that lead nowhere are counted together, so that nobody can make series by asking."""
    assert "other" == handler_of(path)


async def test_request_is_counted_and_timed_under_upstreams_names() -> None:
    """Each request counts once for its endpoint, method and status, with its time and both sizes."""
    labels = {"handler": "manifest", "method": "put"}
    counted = Difference("requests_total", **labels, code="200")
    timed = Difference("request_duration_seconds_count", **labels)
    received = Difference("request_size_bytes_sum", handler="manifest")
    sent = Difference("response_size_bytes_sum", handler="manifest")
    app = HTTPMetrics(echo_length)
    exchange = RawRequest(app, "PUT", "/v2/a/manifests/b", headers={"content-length": "1000"})
    exchange.send(bytes(1000), more=False)
    await exchange.task

    assert (1, 1) == (counted(), timed())
    assert 1000 < received() < 1200  # its head counts, too
    assert len("1000") == sent()


async def test_upload_of_unknown_length_counts_what_came() -> None:
    """Of a body without a length, what arrives is counted."""
    sizes = []
    for pieces in ([0], [3000, 500]):
        received = Difference("request_size_bytes_sum", handler="blob_upload_chunk")
        exchange = RawRequest(HTTPMetrics(echo_length), "PATCH", f"/v2/a/blobs/uploads/{_UUID}")
        for index, size in enumerate(pieces, 1):
            exchange.send(bytes(size), more=index < len(pieces))
        await exchange.task
        sizes.append(received())

    assert 3500 == sizes[1] - sizes[0]


async def test_file_that_the_server_sends_counts_in_whole(tmp_path: Path) -> None:
    """An answer that never passes through Python counts with its length."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"12345")]})
        await send({"type": "http.response.pathsend", "path": str(tmp_path)})

    sent = Difference("response_size_bytes_sum", handler="blob")
    await RawRequest(HTTPMetrics(app), "GET", "/v2/a/blobs/sha256:1").task

    assert 12345 == sent()


async def test_requests_that_run_are_seen() -> None:
    """The gauge is up while a request runs, and down again after it, failed ones included."""
    running, started, go = Difference("in_flight_requests", handler="tags"), asyncio.Event(), asyncio.Event()
    failed = Difference("requests_total", handler="tags", method="get", code="500")

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        started.set()
        await go.wait()
        raise LookupError("a bug")

    exchange = RawRequest(HTTPMetrics(app), "GET", "/v2/a/tags/list")
    await started.wait()
    assert 1 == running()

    go.set()
    with pytest.raises(LookupError):
        await exchange.task

    assert (0, 1) == (running(), failed())


async def test_cut_off_request_counts_as_what_its_client_was_told() -> None:
    """A request that the shutdown cancels is answered 503 by the server, and counts as that."""
    started = asyncio.Event()
    cut_off = Difference("requests_total", handler="base", method="get", code="503")

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        started.set()
        await asyncio.Event().wait()

    exchange = RawRequest(HTTPMetrics(app), "GET", "/v2/")
    await started.wait()
    exchange.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await exchange.task

    assert 1 == cut_off()


async def test_labels_are_a_closed_list() -> None:
    """Neither an invented method nor an invented path makes a time series."""
    unknown = Difference("requests_total", handler="other", method="unknown", code="200")

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await answer(send)

    metrics = HTTPMetrics(app)
    for number in range(3):
        exchange = RawRequest(metrics, f"METHOD{number}", f"/{number}")
        exchange.send(more=False)
        await exchange.task

    assert 3 == unknown()


async def test_prefix_is_no_part_of_the_endpoint() -> None:
    """With a prefix configured, endpoints count as they do without."""
    counted = Difference("requests_total", handler="catalog", method="get", code="200")

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await answer(send)

    await RawRequest(HTTPMetrics(app, prefix="/registry"), "GET", "/registry/v2/_catalog").task

    assert 1 == counted()
