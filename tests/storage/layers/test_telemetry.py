from __future__ import annotations

import asyncio
import inspect
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from prometheus_client import REGISTRY

from holdfast.storage.driver import StorageDriver, UploadInfo
from holdfast.storage.errors import PathNotFoundError, StorageFullError
from holdfast.storage.layers import _tracing
from holdfast.storage.layers.telemetry import TelemetryLayer
from tests.storage.fakes import ScriptedDriver

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

pytestmark = pytest.mark.anyio

ACTIONS = {
    "AbortUpload", "Cancel", "Close", "Commit", "Delete", "DeleteFiles", "GetContent", "List", "ListUploads",
    "LocalPath", "Move", "PutContent", "Read", "Reader", "RedirectURL", "Stat", "Walk", "Write", "Writer",
}  # fmt: skip


def _metric(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def _counts(driver: str) -> dict[str, int]:
    name = "registry_storage_action_seconds_count"
    counts = {action: int(_metric(name, driver=driver, action=action)) for action in ACTIONS}
    return {action: count for action, count in counts.items() if count}


async def _use_everything(driver: TelemetryLayer) -> None:
    await driver.put_content("/a", b"12345678")
    await driver.get_content("/a")
    async with driver.reader("/a") as chunks:
        async for _ in chunks:
            pass
    for end in ("close", "commit", "cancel"):
        writer = await driver.writer("/b")
        await writer.write(memoryview(b"123"))
        await getattr(writer, end)()
    await driver.stat("/a")
    await driver.list("/")
    assert 2 == len([info async for info in driver.walk("/")])
    await driver.move("/b", "/c")
    await driver.delete("/c")
    await driver.delete_files(["/a"])
    assert [] == [upload async for upload in driver.list_uploads("/")]
    await driver.abort_upload(UploadInfo(path="/a", upload_id="1"))
    await driver.redirect_url("/a")
    await driver.put_content("/a", b"")
    await driver.local_path("/a")


async def test_every_operation_is_timed_under_its_name() -> None:
    """The histogram counts each operation and each of a stream's parts."""
    await _use_everything(TelemetryLayer(ScriptedDriver(name="everything")))

    assert dict.fromkeys(ACTIONS, 1) | {"PutContent": 2, "Writer": 3, "Write": 3} == _counts("everything")


def test_the_histogram_is_distributions() -> None:
    """Name, labels and buckets are those of Distribution's `registry_storage_action_seconds`."""
    TelemetryLayer(ScriptedDriver(name="buckets"))
    metric = next(metric for metric in REGISTRY.collect() if metric.name == "registry_storage_action_seconds")
    samples = [sample for sample in metric.samples if sample.labels["driver"] == "buckets"]
    bounds = [
        sample.labels["le"] for sample in samples if sample.labels.get("le") and sample.labels["action"] == "Stat"
    ]

    assert ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "+Inf"] == bounds
    assert ACTIONS == {sample.labels["action"] for sample in samples}


async def test_bytes_are_counted() -> None:
    """What was read and written, by whole contents and by streams."""
    await _use_everything(TelemetryLayer(ScriptedDriver(name="bytes")))

    assert 8 + 8 == _metric("registry_storage_read_bytes_total", driver="bytes")
    assert 8 + 3 * 3 == _metric("registry_storage_written_bytes_total", driver="bytes")


async def test_failures_are_counted_by_class_and_timed() -> None:
    """The class is the driver's own, before anything wraps it."""
    inner = ScriptedDriver(name="failing")
    inner.files = {"/a": b"content"}
    driver = TelemetryLayer(inner)
    inner.script.fail = {
        "stat": PermissionError(),
        "chunk": StorageFullError(),
        "write": OSError("broken"),
        "walk": KeyError(),
    }
    for _ in range(2):
        with pytest.raises(PermissionError):
            await driver.stat("/a")
    async with driver.reader("/a") as chunks:
        with pytest.raises(StorageFullError):
            await anext(chunks)
    with pytest.raises(OSError, match="broken"):
        await (await driver.writer("/b")).write(b"")
    with pytest.raises(KeyError):
        await anext(driver.walk("/"))
    errors = {
        (action, error): _metric("registry_storage_errors_total", driver="failing", action=action, error=error)
        for action, error in [
            ("Stat", "PermissionError"), ("Read", "StorageFullError"), ("Write", "OSError"), ("Walk", "KeyError"),
        ]
    }  # fmt: skip

    assert [2, 1, 1, 1] == list(errors.values())
    assert {"Stat": 2, "Reader": 1, "Read": 1, "Writer": 1, "Write": 1, "Walk": 1} == _counts("failing")


async def test_cancellation_is_no_failure() -> None:
    """A cancelled call is timed and not counted as an error."""
    inner = ScriptedDriver(name="cancelled")
    inner.script.fail["stat"] = asyncio.CancelledError()
    with pytest.raises(asyncio.CancelledError):
        await TelemetryLayer(inner).stat("/a")

    assert {"Stat": 1} == _counts("cancelled")
    assert 0 == _metric("registry_storage_errors_total", driver="cancelled", action="Stat", error="CancelledError")


async def test_the_consumers_time_is_not_the_drivers() -> None:
    """A slow consumer of a reader or a walk doesn't show as a slow driver."""
    inner = ScriptedDriver(name="consumed")
    inner.files = {"/a": b"12345678", "/b": b""}
    driver = TelemetryLayer(inner)
    async with driver.reader("/a") as chunks:
        async for _ in chunks:
            await asyncio.sleep(0.05)
    async for _ in driver.walk("/"):
        await asyncio.sleep(0.05)
    seconds = [
        _metric("registry_storage_action_seconds_sum", driver="consumed", action=action) for action in ("Read", "Walk")
    ]

    assert max(seconds) < 0.05


async def test_two_drivers_of_one_name_share_their_metrics() -> None:
    """A second one registers nothing anew and adds to the same numbers."""
    for _ in range(2):
        await TelemetryLayer(ScriptedDriver(name="twins")).redirect_url("/a")

    assert {"RedirectURL": 2} == _counts("twins")


# Tracing ---------------------------------------------------------------------------------------


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """Trace into a list, for one test: the global provider can't be set twice."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(_tracing, "get_tracer_provider", lambda: provider)
    yield exporter
    provider.shutdown()


async def test_operations_are_spans_when_somebody_traces(spans: InMemorySpanExporter) -> None:
    """Each has the action's name, the driver and the path; reading and writing chunks have none."""
    await _use_everything(TelemetryLayer(ScriptedDriver(name="traced")))
    finished = spans.get_finished_spans()

    assert ACTIONS - {"Read", "Write"} == {span.name for span in finished}
    assert {"traced"} == {(span.attributes or {})["io.cncf.distribution.storage.driver.name"] for span in finished}
    assert ("PutContent", "/a") == (
        finished[0].name,
        (finished[0].attributes or {})["io.cncf.distribution.storage.path"],
    )


async def test_a_span_is_current_while_the_driver_works(spans: InMemorySpanExporter) -> None:
    """What a driver's library traces is below the operation's span; after the call the caller's span is current."""
    seen: list[trace.Span] = []

    class Looking(ScriptedDriver):
        async def list(self, path: str, *, start_after: str | None = None, limit: int | None = None) -> list[str]:
            seen.append(trace.get_current_span())
            return [path, str(start_after), str(limit)]

    before = trace.get_current_span()
    await TelemetryLayer(Looking()).list("/")
    (finished,) = spans.get_finished_spans()

    assert finished.context == seen[0].get_span_context()
    assert before is trace.get_current_span()


async def test_a_failed_operation_is_a_failed_span(spans: InMemorySpanExporter) -> None:
    """It tells the error's class and not its message; what isn't there is an answer, not a failure."""
    inner = ScriptedDriver()
    inner.script.fail = {"move": StorageFullError("secret"), "stat": PathNotFoundError()}
    driver = TelemetryLayer(inner)
    with pytest.raises(StorageFullError):
        await driver.move("/a", "/b")
    with pytest.raises(PathNotFoundError):
        await driver.stat("/a")
    move, stat = spans.get_finished_spans()

    assert (StatusCode.ERROR, "StorageFullError") == (move.status.status_code, (move.attributes or {})["error.type"])
    assert (StatusCode.UNSET, "PathNotFoundError") == (stat.status.status_code, (stat.attributes or {})["error.type"])
    assert "secret" not in move.to_json() + stat.to_json()


async def test_a_walk_left_early_ends_its_span(spans: InMemorySpanExporter) -> None:
    """An iterator's span ends with it, whoever ends it."""
    inner = ScriptedDriver(name="left")
    inner.files = {"/a": b"", "/b": b""}
    walk = TelemetryLayer(inner).walk("/")
    async with aclosing(cast("AsyncGenerator[Any]", walk)):
        await anext(walk)

    assert ["Walk"] == [span.name for span in spans.get_finished_spans()]
    assert {"Walk": 1} == _counts("left")


async def test_tracing_that_starts_late_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver made before the provider traces from the next look on; until then a call costs no look."""
    looks = []
    real = trace.get_tracer_provider

    def look() -> trace.TracerProvider:
        looks.append(1)
        return real()

    monkeypatch.setattr(_tracing, "get_tracer_provider", look)
    driver = TelemetryLayer(ScriptedDriver())
    for _ in range(100):
        await driver.redirect_url("/a")
    before = len(looks)
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(_tracing, "get_tracer_provider", lambda: provider)
    driver._redirect_url._tracing.quiet_until = 0.0  # a second later
    await driver.redirect_url("/a")
    provider.shutdown()

    assert 1 == before
    assert ["RedirectURL"] == [span.name for span in exporter.get_finished_spans()]


def test_the_forwards_are_the_layers_own() -> None:
    """Every operation is timed: none is inherited but closing, which is no storage action."""
    own = {name for name, value in vars(TelemetryLayer).items() if inspect.isfunction(value)}

    assert StorageDriver.__abstractmethods__ - {"aclose", "name", "capabilities"} == own - {"__init__"}
