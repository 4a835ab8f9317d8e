"""Requests counted and timed for Prometheus, under the names and labels that Distribution has.

    registry_http_requests_total{handler, method, code}
    registry_http_in_flight_requests{handler}
    registry_http_request_duration_seconds{handler, method}
    registry_http_request_size_bytes{handler}
    registry_http_response_size_bytes{handler}

The handler is the kind of endpoint. No label is made of what a client sends: there are as many time series as there
are endpoints, methods and statuses, whoever asks for whatever.
"""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING, Final

from prometheus_client import Counter, Gauge, Histogram

from holdfast.registry.http.answer import Answer
from holdfast.registry.http.endpoints import read_path

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["HTTPMetrics", "handler_of"]

_SIZES: Final = tuple(1024 * 2**power for power in range(22))
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60)

_REQUESTS = Counter("registry_http_requests", "The requests that were answered", ["handler", "method", "code"])
_IN_FLIGHT = Gauge("registry_http_in_flight_requests", "The requests that run", ["handler"])
_DURATION = Histogram(
    "registry_http_request_duration_seconds", "The seconds that a request took", ["handler", "method"], buckets=_SECONDS
)
_REQUEST_SIZE = Histogram(
    "registry_http_request_size_bytes", "The bytes of a request, with its header fields", ["handler"], buckets=_SIZES
)
_RESPONSE_SIZE = Histogram(
    "registry_http_response_size_bytes", "The bytes of an answer's content", ["handler"], buckets=_SIZES
)

_LONG_NUMBER: Final = 20

_METHODS: Final = {name: name.lower() for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")}


def handler_of(path: str) -> str:
    """Name the kind of endpoint a path leads to, in Distribution's words; `other` for what is none."""
    place = read_path(path)
    # Deleting a whole repository is Holdfast's own, and rare.
    return "other" if place is None or place[0] == "repository" else place[0]


class HTTPMetrics:
    """An ASGI application that counts and times what the one behind it answers.

    Args:
        app: The application behind.
        prefix: What stands before `/v2/` in every path.
    """

    def __init__(self, app: ASGIApp, *, prefix: str = "") -> None:
        self._app = app
        self._prefix = prefix
        # Looking labels up costs more than counting.
        self._handlers: dict[str, _Handler] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        name = handler_of(scope["path"].removeprefix(self._prefix))
        handler = self._handlers.get(name)
        if handler is None:
            handler = self._handlers[name] = _Handler(name)
        exchange = _Exchange(scope, receive, send)
        handler.in_flight.inc()
        start = perf_counter()
        try:
            await self._app(scope, exchange.receive, exchange.answer)
        except asyncio.CancelledError:
            exchange.answer.status = exchange.answer.status or 503  # what the server answers then
            raise
        finally:
            handler.in_flight.dec()
            handler.count(exchange, perf_counter() - start)


class _Handler:
    """The figures of one kind of endpoint."""

    def __init__(self, name: str) -> None:
        self.in_flight = _IN_FLIGHT.labels(name)
        self._name = name
        self._request_size = _REQUEST_SIZE.labels(name)
        self._response_size = _RESPONSE_SIZE.labels(name)
        self._durations: dict[str, Histogram] = {}
        self._requests: dict[tuple[str, int], Counter] = {}

    def count(self, exchange: _Exchange, seconds: float) -> None:
        method = exchange.method
        # An application that fails before it answers makes the server answer 500.
        key = (method, exchange.answer.status or 500)
        if key not in self._requests:
            self._requests[key] = _REQUESTS.labels(self._name, method, str(key[1]))
            self._durations[method] = _DURATION.labels(self._name, method)
        self._requests[key].inc()
        self._durations[method].observe(seconds)
        self._request_size.observe(exchange.received)
        self._response_size.observe(exchange.answer.size)


class _Exchange:
    """A request and its answer: what went in each direction.

    Attributes:
        method: The method, a word of a closed list.
        answer: The answer.
        received: Bytes of the request: its head, and the content as far as it is announced or has come.
        receive: What the application receives from.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.method = _METHODS.get(scope["method"], "unknown")
        self.answer = Answer(send)
        self.received = len(scope["path"]) + len(scope["query_string"])
        announced = None
        for name, value in scope["headers"]:
            self.received += len(name) + len(value)
            if name == b"content-length":
                announced = value
        # Only content of a length that isn't known has to be watched as it comes.
        self.receive = receive
        if announced is not None and announced.isdigit() and len(announced) < _LONG_NUMBER:
            self.received += int(announced)
        elif self.method not in {"get", "head"}:
            self.receive = self._counted_receive
        self._receive = receive

    async def _counted_receive(self) -> Message:
        message = await self._receive()
        self.received += len(message.get("body", b""))
        return message
