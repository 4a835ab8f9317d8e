"""The requests that run."""

from __future__ import annotations

import asyncio
import contextlib
from asyncio import current_task
from typing import TYPE_CHECKING, Any, Final

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["Requests"]

_UNAVAILABLE: Final = b'{"errors":[{"code":"UNAVAILABLE","message":"the registry is shutting down, try again"}]}'

_log = structlog.get_logger(__name__)


class Requests:
    """The application, with a list of its running requests.

    Attributes:
        running: Their tasks.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.running: set[asyncio.Task[Any]] = set()
        # Each request passes here: what can be looked up once is. (It runs in a task, so that there is a current one.)
        self._add: Callable[[asyncio.Task[Any] | None], None] = self.running.add  # type: ignore[assignment]
        self._discard = self.running.discard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request."""
        task = current_task()
        self._add(task)
        # granian answers an error with a bare 500, or breaks off an answer that has begun so that the client can see
        # it is not whole; what the error was would go to granian's log, which is off.
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:
            await _answer_unavailable(send)
            raise
        except Exception:
            _log.exception("request failed", method=scope["method"], path=scope["path"])
            raise
        finally:
            self._discard(task)

    def cancel(self) -> int:
        """Cancel what runs and return how many."""
        for task in self.running:
            task.cancel()
        return len(self.running)


async def _answer_unavailable(send: Send) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(_UNAVAILABLE)),
        (b"connection", b"close"),  # left out by the server in HTTP/2, which forbids it
        (b"retry-after", b"1"),
    ]
    # granian refuses a second start; then an answer was under way, and is broken off.
    with contextlib.suppress(RuntimeError):
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": _UNAVAILABLE})
