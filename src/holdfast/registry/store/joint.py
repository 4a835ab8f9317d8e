"""One reading of storage for all who ask for the same thing at the same time."""

from __future__ import annotations

import asyncio
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
"""How long after a shared reading the next one begins: this part of the time that it took, so many seconds at most.

Who was just answered and asks again is then read for together with all the others. Otherwise the first of them makes
the next reading begin, and the others wait for the one after it: each is answered by every second reading.
"""


class _Reading(Generic[T]):
    """One reading, and how many share it."""

    def __init__(self, task: asyncio.Task[T]) -> None:
        self.task = task
        self.sharers = 0


class _Line(Generic[T]):
    """Those who ask for one thing.

    Args:
        on_empty: Called when nothing is read any more and nobody waits for it.

    Attributes:
        turn: Done when the reading that runs has ended, and the pause after it; `None` while none runs.
        waiting: The reading that has yet to begin, which can be joined.
    """

    def __init__(self, on_empty: Callable[[], object]) -> None:
        self._on_empty = on_empty
        self.turn: asyncio.Future[None] | None = None
        self.waiting: _Reading[T] | None = None

    def join(self, make: Callable[[], Awaitable[T]]) -> _Reading[T]:
        """Take part in the next reading."""
        if self.waiting is None:
            self.waiting = _Reading(asyncio.create_task(self._read(self.turn, make)))
        self.waiting.sharers += 1
        return self.waiting

    async def leave(self, reading: _Reading[T]) -> None:
        """Take part no longer; a reading that nobody waits for any more is cancelled, and its end awaited."""
        reading.sharers -= 1
        if reading.sharers or reading.task.done():
            return
        if self.waiting is reading:
            self.waiting = None  # nobody may join what is being cancelled
            self._look()
        reading.task.cancel()
        await asyncio.wait({reading.task})

    async def _read(self, before: asyncio.Future[None] | None, make: Callable[[], Awaitable[T]]) -> T:
        if before is not None:
            await asyncio.wait({before})
        reading, self.waiting = self.waiting, None
        loop = asyncio.get_running_loop()
        self.turn = turn = loop.create_future()
        began = loop.time()
        try:
            return await make()
        finally:
            if reading and reading.sharers > 1:
                loop.call_later(min((loop.time() - began) * _PAUSE, _LONGEST_PAUSE), self._end, turn)
            else:
                self._end(turn)

    def _end(self, turn: asyncio.Future[None]) -> None:
        turn.set_result(None)
        self.turn = None
        self._look()

    def _look(self) -> None:
        if self.turn is None and self.waiting is None:
            self._on_empty()


class JointReads(Generic[T]):
    """Lets requests for the same large listing share one, without anybody getting what is older than their request.

    Who asks while a reading runs doesn't get that one, which may have passed already what was written before they
    asked: they share the next one, which begins when it has ended. So however many ask, one reading runs and one waits
    for each key, and nothing is remembered.
    """

    def __init__(self) -> None:
        self._lines: dict[Hashable, _Line[T]] = {}

    async def read(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """Return what `make` returns, begun after this call; others with the same key get the same object.

        A reading that nobody waits for any more is cancelled.

        Raises:
            BaseException: What it raises, for all who share it.
        """
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = _Line(lambda: self._lines.pop(key))
        reading = line.join(make)
        try:
            return await asyncio.shield(reading.task)
        finally:
            await line.leave(reading)
