import socket
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from holdfast import storage
from holdfast.cli.watching import checks, watched
from holdfast.config import Configuration
from holdfast.registry.health import FileProbe, HealthGate, HTTPProbe, StorageProbe, TCPProbe
from holdfast.registry.http.metrics import HTTPMetrics
from holdfast.registry.server import ListenError
from holdfast.storage.errors import ConfigurationError
from tests.registry.serving import ok
from tests.services.server import free_port

pytestmark = pytest.mark.anyio


def _configuration(**sections: Mapping[str, Any]) -> Configuration:
    return Configuration.model_validate({"version": "0.1", "storage": {"inmemory": {}}, **sections})


_HEALTH = {
    "storagedriver": {"enabled": True, "interval": "5s", "threshold": 3},
    "file": [{"file": "/run/down", "interval": "1s"}],
    "http": [
        {
            "uri": "http://127.0.0.1:1/ready",
            "headers": {"X-One": ["a", "b"]},
            "statuscode": 204,
            "timeout": "3s",
            "threshold": 2,
        }
    ],
    "tcp": [{"addr": "127.0.0.1:6379", "timeout": "4s", "interval": "7s"}],
}


async def test_checks_are_those_of_the_file() -> None:
    """Every kind of check is made as configured, under upstream's names, with its defaults where nothing is said."""
    async with aclosing(storage.create("inmemory", {})) as driver:
        made = checks(_configuration(health=_HEALTH).health, driver, "inmemory")

    assert [
        ("storagedriver_inmemory", StorageProbe, 5.0, 3, 0.0),
        ("/run/down", FileProbe, 1.0, 1, 0.0),
        ("http://127.0.0.1:1/ready", HTTPProbe, 10.0, 2, 3.0),
        ("127.0.0.1:6379", TCPProbe, 7.0, 1, 4.0),
    ] == [(each.name, type(each.probe), each.interval, each.threshold, each.timeout) for each in made]

    web = made[2].probe

    assert isinstance(web, HTTPProbe)
    assert ("http://127.0.0.1:1/ready", [("X-One", "a"), ("X-One", "b")], 204) == (web.uri, web.headers, web.status)


async def test_what_is_not_configured_costs_nothing() -> None:
    """Without checks and metrics the application is served as it is."""
    async with (
        aclosing(storage.create("inmemory", {})) as driver,
        watched(ok, _configuration(), driver) as (app, health),
    ):
        assert ok is app
        assert () == health.checks


async def test_debug_server_tells_health_and_metrics() -> None:
    """At the debug address there are the checks' results and, where that is on, metrics of requests and storage."""
    port = free_port()
    http = {"debug": {"addr": f"127.0.0.1:{port}", "prometheus": {"enabled": True, "path": "/prom"}}}
    configuration = _configuration(http=http, health={"storagedriver": {"enabled": True}})
    async with (
        aclosing(storage.create("inmemory", {})) as driver,
        watched(ok, configuration, driver) as (app, _),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
    ):
        await driver.put_content("/a", b"")
        health = await client.get("/debug/health")
        metrics = await client.get("/prom")

        assert isinstance(app, HTTPMetrics)
        assert isinstance(app._app, HealthGate)

    assert (200, {}) == (health.status_code, health.json())
    assert "# TYPE registry_http_requests_total counter" in metrics.text
    assert 'registry_storage_action_seconds_count{action="PutContent",driver="inmemory"}' in metrics.text


async def test_metrics_without_a_debug_address_are_warned_of() -> None:
    """Metrics that nobody could fetch aren't collected, and the log says so."""
    async with aclosing(storage.create("inmemory", {})) as driver:
        with capture_logs() as logs:
            async with watched(ok, _configuration(http={"debug": {"prometheus": {"enabled": True}}}), driver) as (
                app,
                _,
            ):
                assert ok is app

    assert ["http.debug.addr"] == [entry["missing"] for entry in logs if entry["log_level"] == "warning"]


async def test_debug_address_in_use_is_one_clear_error() -> None:
    """A debug address that is taken ends the start, before anything is served."""
    async with aclosing(storage.create("inmemory", {})) as driver:
        with socket.create_server(("127.0.0.1", 0)) as holder:
            port = holder.getsockname()[1]
            configuration = _configuration(http={"debug": {"addr": f"127.0.0.1:{port}"}})
            with pytest.raises(ListenError, match=f"cannot listen on 127.0.0.1:{port}: address already in use"):
                async with watched(ok, configuration, driver):
                    pass


async def test_one_file_checked_twice_is_an_error() -> None:
    """Two checks of one name are a mistake in the file, said in one line."""
    async with aclosing(storage.create("inmemory", {})) as driver:
        configuration = _configuration(health={"file": [{"file": "/run/down"}, {"file": "/run/down"}]})
        with pytest.raises(ConfigurationError, match="health: '/run/down' is checked twice"):
            async with watched(ok, configuration, driver):
                pass
