import os
import select
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from holdfast.logs import LineWriter

_LINE = b"%06d " + b"x" * 92 + b"\n"
"""A line of 100 bytes with its number."""


class Pipe:
    """A pipe that is read when the test says so.

    Attributes:
        end: What is written to.
        started: Set when reading goes on.
    """

    def __init__(self) -> None:
        self._reading, self.end = os.pipe()
        self.content = bytearray()
        self._thread = threading.Thread(target=self._read)

    def fill(self) -> int:
        """Write as much as the pipe takes, and return how much."""
        os.set_blocking(self.end, False)
        size = 0
        try:
            while True:
                size += os.write(self.end, bytes(1024))
        except BlockingIOError:
            os.set_blocking(self.end, True)
            return size

    def read(self) -> None:
        """Read from now on."""
        self._thread.start()

    def close(self) -> bytes:
        """End the writing, and return all that was read."""
        os.close(self.end)
        if self._thread.ident is None:
            self._thread.start()
        self._thread.join()
        return bytes(self.content)

    def _read(self) -> None:
        while piece := os.read(self._reading, 65536):
            self.content += piece
        os.close(self._reading)

    def stop_reading(self) -> None:
        """Close the reading end, never to be read."""
        os.close(self._reading)


@pytest.fixture
def pipe() -> Pipe:
    """A pipe that nobody reads yet; the test closes it."""
    return Pipe()


@pytest.fixture
def stuck(pipe: Pipe) -> tuple[Pipe, int]:
    """A pipe that takes nothing more, and how many bytes are in it."""
    return pipe, pipe.fill()


def test_lines_come_out_in_order_and_all_at_the_end(pipe: Pipe) -> None:
    """Everything written before `close` is out when it returns, each line once and in its place."""
    pipe.read()
    writer = LineWriter(pipe.end)
    lines = [_LINE % number for number in range(5000)]
    for line in lines:
        writer.write(line)
    writer.close(10)

    assert b"".join(lines) == pipe.close()
    assert 0 == writer.lost


def test_nobody_waits_for_a_reader(stuck: tuple[Pipe, int]) -> None:
    """While nobody reads, a line costs microseconds, and once somebody reads, all of them come."""
    pipe, before = stuck
    writer = LineWriter(pipe.end)
    slowest = 0.0
    for number in range(2000):
        start = time.perf_counter()
        writer.write(_LINE % number)
        slowest = max(slowest, time.perf_counter() - start)
    pipe.read()
    writer.close(10)

    assert slowest < 0.5
    assert b"".join(_LINE % number for number in range(2000)) == pipe.close()[before:]


def test_what_does_not_fit_is_lost_and_told(stuck: tuple[Pipe, int]) -> None:
    """Past the capacity lines are dropped, whole, counted, and reported once there is time for it."""
    pipe, before = stuck
    told = list[int]()
    writer = LineWriter(pipe.end, capacity=1000, on_loss=told.append)
    for number in range(30):
        writer.write(_LINE % number)
    pipe.read()
    writer.close(10)

    assert b"".join(_LINE % number for number in range(10)) == pipe.close()[before:]
    assert 20 == writer.lost == sum(told)


def test_a_loss_is_told_before_the_end(pipe: Pipe) -> None:
    """Losses are told while the process goes on, without another line having to come."""
    told = threading.Event()
    writer = LineWriter(pipe.end, capacity=50, on_loss=lambda _: told.set())
    writer.write(_LINE % 1)

    assert told.wait(10)
    writer.close(1)
    pipe.close()


def test_closing_ends_even_if_nobody_ever_reads(stuck: tuple[Pipe, int]) -> None:
    """A reader that hangs delays the end by the timeout, not more, and what stays behind counts as lost."""
    pipe, _ = stuck
    told = list[int]()
    writer = LineWriter(pipe.end, on_loss=told.append)
    for number in range(1000):
        writer.write(_LINE % number)
    start = time.perf_counter()
    writer.close(0.2)

    assert time.perf_counter() - start < 5
    assert told == [writer.lost]
    assert writer.lost > 0
    pipe.close()


def test_a_reader_that_is_gone_is_no_error(pipe: Pipe) -> None:
    """Lines to a pipe whose reader has gone are lost and counted; the writer goes on."""
    pipe.stop_reading()
    writer = LineWriter(pipe.end)
    writer.write(_LINE % 1)
    writer.close(10)
    writer.write_straight(_LINE % 2)
    writer.close(10)

    assert 2 == writer.lost
    os.close(pipe.end)


def test_a_closed_writer_can_be_used_again(pipe: Pipe) -> None:
    """What is written after `close` waits for the next one, and comes out."""
    pipe.read()
    writer = LineWriter(pipe.end)
    for number in range(3):
        writer.write(_LINE % number)
        writer.close(10)

    assert b"".join(_LINE % number for number in range(3)) == pipe.close()


def test_straight_lines_are_out_at_once(pipe: Pipe) -> None:
    """A line that needn't wait is in the pipe when the call returns, so that a crash right after can't lose it."""
    writer = LineWriter(pipe.end)
    writer.write_straight(b"first\n")
    writer.write_straight(b"second\n")

    assert b"first\nsecond\n" == os.read(pipe._reading, 100)
    pipe.close()


@pytest.mark.parametrize("size", [10, select.PIPE_BUF, 3 * 65536])
def test_straight_lines_wait_for_nobody_and_keep_their_order(stuck: tuple[Pipe, int], size: int) -> None:
    """Lines to a pipe that is full wait in the queue, and later ones behind them, whatever their size."""
    pipe, before = stuck
    writer = LineWriter(pipe.end)
    lines = [bytes([letter]) * size + b"\n" for letter in b"abc"]
    for line in lines:
        writer.write_straight(line)
    pipe.read()
    writer.close(10)
    writer.write_straight(b"last\n")

    assert b"".join(lines) + b"last\n" == pipe.close()[before:]


def test_a_straight_line_overtakes_nobody(pipe: Pipe) -> None:
    """A line that could be written at once still waits for the lines that came before it."""
    pipe.read()
    writer = LineWriter(pipe.end, pause=60)
    writer.write(b"first\n")
    writer.write_straight(b"second\n")
    writer.close(10)

    assert b"first\nsecond\n" == pipe.close()


def test_straight_lines_of_several_threads_stay_whole(pipe: Pipe) -> None:
    """Threads that log at the same time don't write into one another's lines."""
    pipe.read()
    writer = LineWriter(pipe.end)

    def log(first: int) -> None:
        for number in range(first, first + 500):
            writer.write_straight(_LINE % number)

    threads = [threading.Thread(target=log, args=(first,)) for first in (0, 500, 1000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close(10)

    assert sorted(_LINE % number for number in range(1500)) == sorted(pipe.close().splitlines(keepends=True))


def test_a_pipe_that_never_waits_is_written_whole(stuck: tuple[Pipe, int]) -> None:
    """A stream that another program has made non-blocking loses nothing either."""
    pipe, before = stuck
    os.set_blocking(pipe.end, False)
    writer = LineWriter(pipe.end)
    for number in range(2000):
        writer.write(_LINE % number)
    pipe.read()
    writer.close(10)

    assert b"".join(_LINE % number for number in range(2000)) == pipe.close()[before:]


def test_lines_to_a_file(tmp_path: Path) -> None:
    """A file gets its lines at once, long ones too."""
    path = tmp_path / "log"
    with path.open("wb") as file:
        LineWriter(file.fileno()).write_straight(b"x" * 100_000 + b"\n")

        assert 100_001 == path.stat().st_size


_BOTH = """
import os, select
from holdfast.logs import LineWriter
write, largest = os.write, 0
def measured(number, piece):
    global largest
    largest = max(largest, len(piece))
    return write(number, piece)
os.write = measured
out, err = LineWriter(1), LineWriter(2)
for number in range(3000):
    out.write(b"out %06d " % number + b"x" * 150 + b"\\n")
    err.write_straight(b"err %06d " % number + b"y" * 150 + b"\\n")
out.close(10)
err.close(10)
raise SystemExit(largest > select.PIPE_BUF)
"""


def test_both_streams_on_one_pipe_keep_their_lines_whole() -> None:
    """With standard output and error on the same pipe (`2>&1`), no line stands in the middle of another."""
    with subprocess.Popen([sys.executable, "-c", _BOTH], stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        # In small pieces, so that the pipe is full all the time, and a write goes on where there is room again.
        content = b"".join(iter(lambda: os.read(process.stdout.fileno(), 512), b""))  # type: ignore[union-attr]
    lines = content.splitlines()

    assert 0 == process.returncode, "a write was larger than what goes into a pipe in one piece"
    assert 6000 == len(lines)
    assert [b"%s %06d " % (stream, number) for stream in (b"err", b"out") for number in range(3000)] == sorted(
        line[:11] for line in lines if line.strip(b"x") == line[:11] or line.strip(b"y") == line[:11]
    )
