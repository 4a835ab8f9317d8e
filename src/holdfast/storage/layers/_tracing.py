"""Whether anybody traces, and the spans for those who do.

Without a tracer provider an OpenTelemetry span still costs about four microseconds, as much as the
operations it would describe. So the global provider is looked at when a driver is made and then at most once
a second, until it is a real one.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry.trace import (
    INVALID_SPAN,
    NoOpTracerProvider,
    ProxyTracerProvider,
    StatusCode,
    get_tracer_provider,
    use_span,
)

from holdfast.storage.errors import PathNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.trace import Span, Tracer

__all__ = ["Tracing", "mark_failed"]

_SECONDS_BETWEEN_LOOKS = 1.0

# Distribution's own attribute names, so that what finds its spans finds ours.
_DRIVER_NAME = "io.cncf.distribution.storage.driver.name"
_PATH = "io.cncf.distribution.storage.path"


class Tracing:
    """The spans of one driver.

    Attributes:
        driver: The driver's name.
        quiet_until: Before this moment, by `time.perf_counter`, nobody traces and nothing here needs a call.
    """

    def __init__(self, driver: str) -> None:
        self.driver = driver
        self._tracer: Tracer | None = None
        self.quiet_until = -1.0

    def begin(self, action: str, path: str, now: float) -> Span:
        """Start a span that the caller ends; one that does nothing if nobody traces.

        Args:
            action: The span's name.
            path: The storage path.
            now: The current time by `time.perf_counter`.
        """
        tracer = self._tracer or self._look(now)
        if tracer is None:
            return INVALID_SPAN
        return tracer.start_span(action, attributes={_DRIVER_NAME: self.driver, _PATH: path})

    @contextmanager
    def around(self, action: str, path: str, now: float) -> Iterator[None]:
        """Hold a span around a call, current for what the call does; arguments as of `begin`."""
        span = self.begin(action, path, now)
        with use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            try:
                yield
            except Exception as error:
                mark_failed(span, error)
                raise

    def _look(self, now: float) -> Tracer | None:
        provider = get_tracer_provider()
        if isinstance(provider, (NoOpTracerProvider, ProxyTracerProvider)):
            self.quiet_until = now + _SECONDS_BETWEEN_LOOKS
        else:
            self.quiet_until = -1.0
            self._tracer = provider.get_tracer("holdfast.storage")
        return self._tracer


def mark_failed(span: Span, error: Exception) -> None:
    """Tell the error's class in the span; absence is an answer and no failure. Messages stay out of traces."""
    kind = type(error).__name__
    span.set_attribute("error.type", kind)
    if not isinstance(error, PathNotFoundError):
        span.set_status(StatusCode.ERROR, kind)
