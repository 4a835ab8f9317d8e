"""What a process holds open: descriptors, threads and tasks, counted before and after."""

from __future__ import annotations

import asyncio
import re
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Census", "count_descriptors"]

_DESCRIPTORS = Path("/proc/self/fd")
_LOOP_THREADS = ("asyncio_", "uvloop_", "AnyIO worker thread", "waitpid-")
"""Threads of the event loop's own pools, which live as long as the loop."""

_LOOP_DESCRIPTORS = frozenset({"/dev/null"})
"""What libuv opens with the first connection of a loop, and keeps to be able to refuse one when descriptors run out."""

_NUMBER = re.compile(r":\[\d+\]$")
"""What tells one socket or pipe from another."""

_LOOKS, _PAUSE = 200, 0.01
"""How often, and how many seconds apart, to look for a connection or thread that is being closed."""


def count_descriptors() -> int:
    """How many descriptors this process has open; 0 where the system doesn't tell."""
    return len(_descriptors())


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """What was open at some moment, counted by kind.

    By kind, since a test runner may leave its event loop and enter it again between two counts: its own task and
    its own sockets are then others, but as many.

    Attributes:
        descriptors: Open descriptors, by what they refer to.
        threads: Running threads.
        tasks: Tasks of the running event loop that aren't done, by the coroutine that they run.
    """

    descriptors: Counter[str]
    threads: frozenset[threading.Thread]
    tasks: Counter[str]

    @classmethod
    def take(cls) -> Census:
        """Count now."""
        threads = (thread for thread in threading.enumerate() if not thread.name.startswith(_LOOP_THREADS))
        return cls(
            descriptors=Counter(
                _NUMBER.sub("", target) for target in _descriptors() if target not in _LOOP_DESCRIPTORS
            ),
            threads=frozenset(threads),
            tasks=Counter(getattr(task.get_coro(), "__qualname__", repr(task)) for task in asyncio.all_tasks()),
        )

    async def leaks(self) -> list[str]:
        """What is open now and wasn't then, in words; waits a moment for what is just being closed."""
        leaks = self._leaks()
        for _ in range(_LOOKS):
            if not leaks:
                break
            await asyncio.sleep(_PAUSE)
            leaks = self._leaks()
        return leaks

    def _leaks(self) -> list[str]:
        now = Census.take()
        return [
            *(f"{count} descriptors of {what}" for what, count in (now.descriptors - self.descriptors).items()),
            *(f"thread {thread.name}" for thread in now.threads - self.threads),
            *(f"{count} tasks running {what}" for what, count in (now.tasks - self.tasks).items()),
        ]


def _descriptors() -> list[str]:
    """What each open descriptor refers to."""
    found: list[str] = []
    try:
        links = list(_DESCRIPTORS.iterdir())
    except FileNotFoundError:  # a system without /proc
        return found
    for link in links:
        try:
            found.append(str(link.readlink()))
        except FileNotFoundError:  # the one that the listing itself used
            continue
    return found
