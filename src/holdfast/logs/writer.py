"""Lines to a pipe, a file or a terminal, without anybody waiting for a slow reader at its other end.

A pipe that nobody reads takes 64 KiB, then a write waits. On an event loop that would be every client waiting. So
lines go through a bounded queue to a thread, or past it where that is sure not to wait; when the queue is full, lines
are dropped and counted.
"""

from __future__ import annotations

import os
import select
import stat
import sys
import threading
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LineWriter", "stream_number"]

# One write of so many bytes to a pipe comes out in one piece, even if the other standard stream is the same pipe.
_WHOLE: Final = select.PIPE_BUF

# Lines that are written at a time where nobody else writes: while the event loop is busy, the thread has to wait for
# its turn after each write, so few large ones keep up with it where many small ones don't.
_ALONE: Final = 256

_REPORT_SECONDS: Final = 10.0


def stream_number(stream: object, number: int) -> int:
    """Return a standard stream's file number, or that of nowhere if the process was started without the stream.

    Its number may by then stand for any file that was opened later.
    """
    return number if stream is not None else os.open(os.devnull, os.O_WRONLY)


class LineWriter:
    """Writes lines to a file descriptor.

    Args:
        number: The file descriptor; it stays open.
        capacity: Bytes that may wait; a line that doesn't fit is lost.
        pause: Seconds that lines are gathered for, once there is one. At 20,000 lines a second, a thread woken up for
            each line takes more time than everything else that a line needs.
        on_loss: Called, now and then and from the thread, with the number of lines lost since the last time.
    """

    def __init__(
        self,
        number: int,
        *,
        capacity: int = 8 * 1024 * 1024,
        pause: float = 0.02,
        on_loss: Callable[[int], None] | None = None,
    ) -> None:
        self._number = number
        self._capacity = capacity
        self._pause = pause
        self._on_loss = on_loss
        self._lines: deque[bytes] = deque()
        # Each is changed on one side only: queued and refused where lines come in, written and failed in the thread.
        self._queued = self._written = 0
        self._refused = self._failed = 0
        self._reported = 0
        self._report_after = 0.0
        self._awake = False
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._straight = threading.Lock()
        self._is_file = stat.S_ISREG(os.fstat(number).st_mode)
        self._is_shared = _is_shared(number)
        self._poll = select.poll()
        self._poll.register(number, select.POLLOUT)

    @property
    def lost(self) -> int:
        """How many lines were never written."""
        return self._refused + self._failed

    def write(self, line: bytes) -> None:
        """Have the thread write a line, with its end, soon; never waits. From one thread only."""
        if self._queued - self._written + len(line) > self._capacity:
            self._refused += 1
        else:
            self._queued += len(line)
            self._lines.append(line)
        # A lost line wakes the thread up too: it has to tell.
        if not self._awake:
            self._rouse()

    def write_straight(self, line: bytes) -> None:
        """Write a line, with its end, at once if nothing waits before it and it needn't wait; else as `write` does.

        From any thread; but then `write` isn't to be called.
        """
        with self._straight:
            if self._queued == self._written and self._takes(len(line)):
                try:
                    line = line[os.write(self._number, line) :]
                except BlockingIOError:
                    pass  # whoever shares the stream has made it one that never waits
                except OSError:
                    self._refused += 1
                    return
            if line:
                self.write(line)

    def close(self, timeout: float) -> None:
        """Write what waits, for at most `timeout` seconds; what is left then is lost. The writer can be used again."""
        if self._thread is None:
            return
        self._closing.set()
        self._wake.set()
        self._thread.join(timeout)
        if self._thread.is_alive():
            # It is a daemon and waits for a reader, maybe forever; what it has in its hands may still get out.
            self._refused += len(self._lines)
        else:
            self._thread = None
            self._awake = False
            self._drain()  # what another thread has logged meanwhile
        self._report(always=True)

    def _takes(self, size: int) -> bool:
        return self._is_file or (size <= _WHOLE and bool(self._poll.poll(0)))

    def _rouse(self) -> None:
        if self._thread is None:
            self._closing = threading.Event()
            self._thread = threading.Thread(target=self._run, args=(self._closing,), name="log lines", daemon=True)
            self._thread.start()
        self._awake = True
        self._wake.set()

    def _run(self, closing: threading.Event) -> None:
        while True:
            self._wake.wait(_REPORT_SECONDS if self.lost > self._reported else None)
            closing.wait(self._pause)
            # In this order: a line that comes in from now on either is drained or wakes up the thread again.
            self._wake.clear()
            self._awake = False
            self._drain()
            if closing.is_set():
                return
            self._report()

    def _drain(self) -> None:
        """Write all lines that there are, many at a time."""
        lines = self._lines
        while lines:
            if self._is_shared:
                self._put(self._take_whole())
            else:
                self._put([lines.popleft() for _ in range(min(len(lines), _ALONE))])

    def _take_whole(self) -> list[bytes]:
        """Take as many lines as are written in one piece, but one at least."""
        lines = self._lines
        taken = [lines.popleft()]
        size = len(taken[0])
        while lines and (size := size + len(lines[0])) <= _WHOLE:
            taken.append(lines.popleft())
        return taken

    def _put(self, batch: list[bytes]) -> None:
        text = b"".join(batch)
        rest = memoryview(text)
        try:
            while rest:
                rest = rest[self._write(rest) :]
        except OSError:
            # The disk is full, or the reader is gone. The next lines try again.
            self._failed += len(batch)
        finally:
            self._written += len(text)

    def _write(self, piece: memoryview) -> int:
        try:
            return os.write(self._number, piece)
        except BlockingIOError:
            room = select.poll()
            room.register(self._number, select.POLLOUT)
            room.poll()
            return 0

    def _report(self, *, always: bool = False) -> None:
        lost = self.lost - self._reported
        if not lost or (monotonic() < self._report_after and not always):
            return
        self._reported += lost
        self._report_after = monotonic() + _REPORT_SECONDS
        if self._on_loss is not None:
            self._on_loss(lost)


def _is_shared(number: int) -> bool:
    """Whether the other standard stream is the same pipe, terminal or file."""
    other = {1: sys.stderr, 2: sys.stdout}.get(number)
    if other is None:
        return False
    return os.path.samestat(os.fstat(number), os.fstat(3 - number))
