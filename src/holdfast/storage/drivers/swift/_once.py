"""A piece of work that many tasks wait for, and one does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

__all__ = ["Once"]

T = TypeVar("T")


class Once(Generic[T]):
    """Work that is done at its first use, and again where it failed; cancelling one who waits stops nobody else.

    Args:
        work: What to do.
        name: Of the task.
    """

    def __init__(self, work: Callable[[], Coroutine[Any, Any, T]], name: str) -> None:
        self._work = work
        self._name = name
        self._task: asyncio.Task[T] | None = None

    async def result(self) -> T:
        """Return what the work gave."""
        return await asyncio.shield(self.start())

    def start(self) -> asyncio.Task[T]:
        """Begin, unless it has begun, or is done."""
        task = self._task
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = self._task = asyncio.create_task(self._work(), name=self._name)
            task.add_done_callback(_note)
        return task

    def forget(self) -> None:
        """Let the next use begin anew, unless one is at it."""
        if self._task is not None and self._task.done():
            self._task = None

    async def aclose(self) -> None:
        """Stop."""
        task, self._task = self._task, None
        if task is not None and not task.done():
            task.cancel()
            await asyncio.wait({task})


def _note(task: asyncio.Task[T]) -> None:
    """Take note of a failure, which otherwise nobody may ask for."""
    if not task.cancelled():
        task.exception()
