"""What the telemetry layer keeps of each action: seconds, failures and, where somebody traces, spans."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from prometheus_client import Counter, Histogram

from holdfast.storage.layers._iterators import close_iterator
from holdfast.storage.layers._tracing import mark_failed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from holdfast.storage.layers._tracing import Tracing

__all__ = ["READ_BYTES", "WRITTEN_BYTES", "Action"]

P = ParamSpec("P")
T = TypeVar("T")

# The buckets are the Go client's defaults, which Distribution leaves as they are.
SECONDS = Histogram(
    "registry_storage_action_seconds",
    "The number of seconds that the storage action takes",
    ["driver", "action"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
ERRORS = Counter(
    "registry_storage_errors", "The number of storage actions that raised an error", ["driver", "action", "error"]
)
READ_BYTES = Counter("registry_storage_read_bytes", "The bytes of content read from storage", ["driver"])
WRITTEN_BYTES = Counter("registry_storage_written_bytes", "The bytes of content written to storage", ["driver"])

_END: Any = object()


class Action:
    """One action of one driver. Its labels are looked up once: that costs more than an observation.

    Attributes:
        took: Records how many seconds it took.
    """

    __slots__ = ("_driver", "_failures", "_name", "_tracing", "took")

    def __init__(self, tracing: Tracing, name: str) -> None:
        self._tracing = tracing
        self._driver = tracing.driver
        self._name = name
        self._failures: dict[type[Exception], Counter] = {}
        self.took = SECONDS.labels(self._driver, name).observe

    async def run(self, path: str, call: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Await a call, timed and, where somebody traces, in a span of its own."""
        start = perf_counter()
        try:
            if start < self._tracing.quiet_until:
                return await call(*args, **kwargs)
            with self._tracing.around(self._name, path, start):
                return await call(*args, **kwargs)
        except Exception as error:
            self.failed(error)
            raise
        finally:
            self.took(perf_counter() - start)

    async def steps(self, path: str, iterator: AsyncIterator[T]) -> AsyncIterator[T]:
        """Hand on an iterator's items; its steps are timed together, without the consumer's time between them."""
        seconds = 0.0
        span = self._tracing.begin(self._name, path, perf_counter())
        try:
            while True:
                start = perf_counter()
                try:
                    item = await anext(iterator, _END)
                except Exception as error:
                    self.failed(error)
                    mark_failed(span, error)
                    raise
                finally:
                    seconds += perf_counter() - start
                if item is _END:
                    return
                yield item
        finally:
            self.took(seconds)
            span.end()
            await close_iterator(iterator)

    def failed(self, error: Exception) -> None:
        """Count a failure under the error's class."""
        kind = type(error)
        if kind not in self._failures:
            self._failures[kind] = ERRORS.labels(self._driver, self._name, kind.__name__)
        self._failures[kind].inc()
