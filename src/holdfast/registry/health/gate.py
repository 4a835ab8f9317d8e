"""What stands before the application: nothing is served while a check fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.registry.http.errors import ApiError, error_response

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from holdfast.registry.health.checks import HealthChecks

__all__ = ["HealthGate"]

_DETAIL = "a health check fails; /debug/health of the debug server says which"


class HealthGate:
    """An ASGI application that refuses requests while a check fails, with 503 and the spec's `UNAVAILABLE`.

    Args:
        app: The application behind.
        health: The checks.
    """

    def __init__(self, app: ASGIApp, health: HealthChecks) -> None:
        self._app = app
        self._health = health

    # No coroutine of its own: a request that is let through pays for one look at an attribute.
    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer one request."""
        if self._health.failing:
            return error_response(ApiError("UNAVAILABLE", _DETAIL))(scope, receive, send)
        return self._app(scope, receive, send)
