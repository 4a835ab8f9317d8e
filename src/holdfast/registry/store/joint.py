"""One reading of storage for all who ask for the same thing at the same time."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

__all__ = ["JointReads", "Listing"]

T = TypeVar("T")


class Listing(NamedTuple):
    """A list as it is answered.

    Attributes:
        content: The document.
        last: The last name in it, if there are more.
    """

    content: bytes
    last: str | None


class _Line(Generic[T]):
    """Those who ask for one thing: the reading that runs, and the one that waits for it."""

    def __init__(self) -> None:
        self.running: asyncio.Task[T] | None = None
        self.waiting: asyncio.Task[T] | None = None


class JointReads(Generic[T]):
    """Lets requests for the same large listing share one, without anybody getting what is older than their request.

    Who asks while a reading runs doesn't get that one, which may have passed already what was written before they
    asked: they share the next one, which begins when it ends. So however many ask, one reading runs and one waits for
    each key, and nothing is remembered.
    """

    def __init__(self) -> None:
        self._lines: dict[Hashable, _Line[T]] = {}
        self._sharing: Counter[asyncio.Task[T]] = Counter()

    async def read(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """Return what `make` returns, begun after this call; others with the same key get the same object.

        A reading that nobody waits for any more is cancelled.

        Raises:
            BaseException: What it raises, for all who share it.
        """
        line = self._lines.setdefault(key, _Line())
        task = self._join(line, key, make)
        self._sharing[task] += 1
        try:
            return await asyncio.shield(task)
        finally:
            self._sharing[task] -= 1
            if not self._sharing[task]:
                del self._sharing[task]
                await self._abandon(line, task)

    def _join(self, line: _Line[T], key: Hashable, make: Callable[[], Awaitable[T]]) -> asyncio.Task[T]:
        if line.running is None:
            line.running = self._start(line, key, None, make)
            return line.running
        if line.waiting is None:
            line.waiting = self._start(line, key, line.running, make)
        return line.waiting

    def _start(
        self, line: _Line[T], key: Hashable, before: asyncio.Task[T] | None, make: Callable[[], Awaitable[T]]
    ) -> asyncio.Task[T]:
        async def run() -> T:
            if before is not None:
                await asyncio.wait({before})
            return await make()

        task = asyncio.create_task(run())
        task.add_done_callback(lambda done: self._advance(line, key, done))
        return task

    def _advance(self, line: _Line[T], key: Hashable, done: asyncio.Task[T]) -> None:
        if line.running is done:
            line.running, line.waiting = line.waiting, None
        if line.running is None:
            self._lines.pop(key, None)

    async def _abandon(self, line: _Line[T], task: asyncio.Task[T]) -> None:
        """End a reading that nobody waits for, unless it has ended."""
        if task.done():
            return
        if line.waiting is task:
            line.waiting = None  # nobody may join what is being cancelled
        task.cancel()
        await asyncio.wait({task})
