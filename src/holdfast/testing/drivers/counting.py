"""A driver that records its calls, for tests that say how many operations something may cost."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from holdfast.testing.drivers.interception import InterceptingDriver, Step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from holdfast.storage.driver import StorageDriver

__all__ = ["CountingDriver"]

_PARTS = frozenset({"read", "write", "close"})


class CountingDriver(InterceptingDriver):
    """Counts the calls that reach `inner`, those that fail included.

    Chunks (`read`, `write`) and `close` are parts of an operation, and depend on how bytes happened to arrive:
    they are only recorded where `parts` is set.

    Attributes:
        inner: The driver that does the work.
        counts: Calls by operation.
        calls: Operation and path of every call, in order; a move by its source, a batch by its first path.
    """

    def __init__(self, inner: StorageDriver, *, parts: bool = False) -> None:
        super().__init__(inner)
        self._parts = parts
        self.counts: Counter[str] = Counter()
        self.calls: list[tuple[str, str]] = []

    def reset(self) -> None:
        """Forget all calls."""
        self.counts.clear()
        self.calls.clear()

    def expect(self, counts: Mapping[str, int]) -> None:
        """Assert that exactly these calls were made, and forget them.

        Raises:
            AssertionError: Other calls were made; it lists them in order. They are forgotten, too.
        """
        actual, calls = dict(self.counts), list(self.calls)
        self.reset()
        if dict(counts) != actual:
            lines = "".join(f"\n  {op} {path}" for op, path in calls)
            raise AssertionError(f"expected the calls {dict(counts)}, not {actual}:{lines}")

    async def before(self, step: Step) -> None:
        """Record the call."""
        if self._parts or step.op not in _PARTS:
            self.counts[step.op] += 1
            self.calls.append((step.op, step.path))

    async def after(self, step: Step) -> None:
        """Nothing is left to record."""
