"""What the server for operators answers: how the registry is, and its metrics.

/debug/health     `{}` with 200, or what fails and why with 503
/metrics          for Prometheus, where that is switched on; the path can be chosen
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from holdfast.registry.health import HealthChecks

__all__ = ["DebugApplication"]

_NO_STORE = {"cache-control": "no-store"}


class DebugApplication:
    """An ASGI application for operators; whoever reaches it may read all it says.

    Args:
        health: What is reported at `/debug/health`.
        metrics_path: Where Prometheus finds the process's metrics; `None` for nowhere.
    """

    def __init__(self, health: HealthChecks, *, metrics_path: str | None = None) -> None:
        self._health = health
        self._metrics_path = metrics_path
        self._scrape = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = await self._respond(Request(scope))
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        path = request.scope["path"]
        if request.method not in {"GET", "HEAD"} or path not in {"/debug/health", self._metrics_path}:
            return PlainTextResponse("nothing is here\n", status_code=404)
        if path == self._metrics_path:
            return await self._metrics(request.headers.get("accept", ""))
        report = self._health.report()
        body = msgspec.json.encode(report)
        status = 503 if report else 200
        return Response(body, status_code=status, headers=_NO_STORE, media_type="application/json")

    async def _metrics(self, accept: str) -> Response:
        encode, content_type = choose_encoder(accept)
        # Takes some ten milliseconds, so not on the loop; and one at a time, however many ask.
        async with self._scrape:
            body = await asyncio.to_thread(encode, REGISTRY)
        return Response(body, headers={**_NO_STORE, "content-type": content_type})
