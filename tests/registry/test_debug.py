import contextlib
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
from prometheus_client import REGISTRY, Counter

from holdfast.registry.debug import DebugApplication
from holdfast.registry.health import Check, HealthChecks, UnhealthyError
from holdfast.registry.server import ListenError, debug_server
from tests.registry.health.test_checks import Probe
from tests.registry.serving import ok, running, terminate

pytestmark = pytest.mark.anyio


@contextlib.asynccontextmanager
async def _debugging(health: HealthChecks, *, metrics_path: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
    app = DebugApplication(health, metrics_path=metrics_path)
    async with (
        debug_server(app, host="127.0.0.1", port=0) as address,
        httpx.AsyncClient(base_url=f"http://{address}") as client,
    ):
        yield client


async def test_health_is_an_empty_object_or_what_fails() -> None:
    """`/debug/health` says `{}` with 200 when all is well, and else with 503 which checks fail and why."""
    probe = Probe()
    async with HealthChecks([Check(name="it", probe=probe, interval=0.001)]) as health, _debugging(health) as client:
        await probe.asked(1)
        well = await client.get("/debug/health")
        probe.error = UnhealthyError("it burns")
        await probe.asked(1)
        ill = await client.get("/debug/health")

    assert (200, "{}", "application/json") == (well.status_code, well.text, well.headers["content-type"])
    assert (503, {"it": "it burns"}) == (ill.status_code, ill.json())


async def test_what_is_not_there_is_not_found() -> None:
    """Other paths, and metrics where they are off, are 404; so is any method that isn't for reading."""
    async with _debugging(HealthChecks()) as client:
        answers = [
            await client.get("/"),
            await client.get("/metrics"),
            await client.get("/debug/health/"),
            await client.get("/debug/pprof/"),
            await client.post("/debug/health"),
        ]

    assert [404] * 5 == [answer.status_code for answer in answers]


async def test_metrics_are_at_their_path() -> None:
    """Prometheus finds the process's metrics where the configuration says, in the form it asks for."""
    counter = Counter("holdfast_test_scrapes", "A counter of this test")
    try:
        counter.inc(3)
        async with _debugging(HealthChecks(), metrics_path="/prom/metrics") as client:
            plain = await client.get("/prom/metrics")
            asked = {"accept": "application/openmetrics-text; version=1.0.0"}
            modern = await client.get("/prom/metrics", headers=asked)
            elsewhere = await client.get("/metrics")
    finally:
        REGISTRY.unregister(counter)

    assert "holdfast_test_scrapes_total 3.0" in plain.text
    assert "process_resident_memory_bytes" in plain.text
    assert plain.headers["content-type"].startswith("text/plain")
    assert modern.headers["content-type"].startswith("application/openmetrics-text")
    assert 404 == elsewhere.status_code


async def test_report_stays_truthful_while_the_registry_drains() -> None:
    """The debug server answers until the last request has ended, and says 503 from the signal on."""
    health = HealthChecks()
    async with _debugging(health) as client, running(ok, on_stopping=health.stop) as server:
        before = await client.get("/debug/health")
        terminate()
        await server.stopped()
        after = await client.get("/debug/health")

    assert (200, 503) == (before.status_code, after.status_code)
    assert ["shutdown"] == list(after.json())


async def test_port_taken_is_one_clear_error() -> None:
    """A debug address that is in use is said in one line, before anything is served."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(ListenError, match=f"cannot listen on 127.0.0.1:{port}: address already in use; stop"):
            async with debug_server(ok, host="127.0.0.1", port=port):
                pass


async def test_end_gives_the_port_back() -> None:
    """Nothing listens after the context, idle connections of clients notwithstanding."""
    app = DebugApplication(HealthChecks())
    async with httpx.AsyncClient() as client:
        async with debug_server(app, host="127.0.0.1", port=0) as address:
            await client.get(f"http://{address}/debug/health")

        with pytest.raises(httpx.ConnectError):
            await client.get(f"http://{address}/debug/health")
