"""What watches the registry while it serves: health checks, metrics, and the server for operators."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import structlog
from prometheus_client import disable_created_metrics

from holdfast.registry.debug import DebugApplication
from holdfast.registry.health import Check, FileProbe, HealthChecks, HealthGate, HTTPProbe, StorageProbe, TCPProbe
from holdfast.registry.server import debug_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp

    from holdfast.config import Configuration
    from holdfast.config.health import HealthSection
    from holdfast.storage.driver import StorageDriver

__all__ = ["checks", "watched"]

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def watched(
    app: ASGIApp, configuration: Configuration, driver: StorageDriver
) -> AsyncIterator[tuple[ASGIApp, HealthChecks]]:
    """Run the checks and the server for operators; yields the application as it is to be served, and the checks.

    What isn't configured costs nothing: then the application is the very same.

    Raises:
        ConfigurationError: Two checks have one name, or the debug address can't be listened on.
    """
    debug = configuration.http.debug
    health = HealthChecks(checks(configuration.health, driver, configuration.storage.driver))
    metrics_path = debug.prometheus.path if debug.prometheus.enabled else None
    async with AsyncExitStack() as stack:
        if debug.addr is not None:
            operators = DebugApplication(health, metrics_path=metrics_path)
            server = debug_server(operators, host=debug.addr.host, port=debug.addr.port)
            _log.info("debug server listens", address=await stack.enter_async_context(server))
        elif metrics_path is not None:
            _log.warning("metrics are switched on, and served nowhere", missing="http.debug.addr")
        if health.checks:
            app = HealthGate(app, health)
        if debug.addr is not None and metrics_path is not None:
            # They are a second series beside each, of when it began, which Distribution hasn't.
            disable_created_metrics()  # type: ignore[no-untyped-call]
            # Loading it makes the metrics, so it isn't for those who don't want them.
            from holdfast.registry.http.metrics import HTTPMetrics  # noqa: PLC0415

            app = HTTPMetrics(app, prefix=configuration.http.prefix)
        yield app, await stack.enter_async_context(health)


def checks(section: HealthSection, driver: StorageDriver, driver_name: str) -> list[Check]:
    """Make what the section `health` asks for, under the names that Distribution gives them."""
    found = []
    if section.storagedriver.enabled:
        found.append(
            Check(
                name=f"storagedriver_{driver_name}",
                probe=StorageProbe(driver),
                interval=section.storagedriver.interval.total_seconds(),
                threshold=section.storagedriver.threshold,
            )
        )
    # A file is there or isn't: its threshold means nothing, to Distribution either.
    found += [
        Check(name=each.file, probe=FileProbe(each.file), interval=each.interval.total_seconds())
        for each in section.file
    ]
    found += [
        Check(
            name=str(web.uri),
            probe=HTTPProbe(
                uri=str(web.uri),
                headers=[(name, value) for name, values in web.headers.items() for value in values],
                status=web.statuscode,
            ),
            interval=web.interval.total_seconds(),
            threshold=web.threshold,
            timeout=web.timeout.total_seconds(),
        )
        for web in section.http
    ]
    found += [
        Check(
            name=str(tcp.addr),
            probe=TCPProbe(host=tcp.addr.host, port=tcp.addr.port),
            interval=tcp.interval.total_seconds(),
            threshold=tcp.threshold,
            timeout=tcp.timeout.total_seconds(),
        )
        for tcp in section.tcp
    ]
    return found
