"""One reading of storage for all who ask for the same thing at the same time."""

from __future__ import annotations

import asyncio
from collections import Counter
from time import perf_counter
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


_PAUSE = 0.1
_LONGEST_PAUSE = 0.1
"""How long after a reading the next one begins: this part of the time that it took, and so many seconds at most.

Who was just answered and asks again is then read for together with those who waited. Otherwise two groups take turns,
each answered by every second reading: 16 clients of a list of 10,000 tags get half as many of them.
"""


class _Line(Generic[T]):
    """Those who ask for one thing: the reading that runs, and the one that has yet to begin, which can be joined."""

    def __init__(self) -> None:
        self.running: asyncio.Task[T] | None = None
        self.waiting: asyncio.Task[T] | None = None
        self.seconds = 0.0

    async def read(self, before: asyncio.Task[T] | None, make: Callable[[], Awaitable[T]]) -> T:
        """Read, after another reading has ended."""
        if before is not None:
            await asyncio.wait({before})
            await asyncio.sleep(min(self.seconds * _PAUSE, _LONGEST_PAUSE))
        self.running, self.waiting = self.waiting, None
        began = perf_counter()
        try:
            return await make()
        finally:
            self.seconds = perf_counter() - began

    def leave(self, task: asyncio.Task[T]) -> None:
        """Take out a reading that has ended or is given up."""
        if self.running is task:
            self.running = None
        if self.waiting is task:
            self.waiting = None

    @property
    def is_empty(self) -> bool:
        """Whether nobody reads."""
        return self.running is None and self.waiting is None


class JointReads(Generic[T]):
    """Lets requests for the same large listing share one, without anybody getting what is older than their request.

    Who asks while a reading runs doesn't get that one, which may have passed already what was written before they
    asked: they share the next one, which begins when it has ended. So however many ask, one reading runs and one waits
    for each key, and nothing is remembered.
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
        if line.waiting is None:
            line.waiting = asyncio.create_task(line.read(line.running, make))
            line.waiting.add_done_callback(lambda done: self._end(line, key, done))
        task = line.waiting
        self._sharing[task] += 1
        try:
            return await asyncio.shield(task)
        finally:
            self._sharing[task] -= 1
            if not self._sharing[task]:
                del self._sharing[task]
                await self._abandon(line, task)

    def _end(self, line: _Line[T], key: Hashable, task: asyncio.Task[T]) -> None:
        line.leave(task)
        if line.is_empty and self._lines.get(key) is line:
            del self._lines[key]

    async def _abandon(self, line: _Line[T], task: asyncio.Task[T]) -> None:
        """End a reading that nobody waits for, unless it has ended."""
        if task.done():
            return
        if line.waiting is task:
            line.waiting = None  # nobody may join what is being cancelled
        task.cancel()
        await asyncio.wait({task})
