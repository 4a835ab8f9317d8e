"""What `make fuzz` runs for long, here for a moment each: the targets work, and find nothing at first sight."""

import time
from collections.abc import Callable

import pytest

from fuzz import parsers, settings
from fuzz.engine import drive
from fuzz.http import fuzz_described, fuzz_raw
from fuzz.target import SlowError, Target

TARGETS = [*parsers.TARGETS, *settings.TARGETS]


@pytest.mark.parametrize("target", [pytest.param(target, id=target.name) for target in TARGETS])
def test_parser(target: Target) -> None:
    """What a parser is given is read, or refused as it says it would, in time that its size explains."""
    assert 0 < drive(target, 0.4)


@pytest.mark.e2e
@pytest.mark.parametrize("run", [fuzz_described, fuzz_raw], ids=["http", "wire"])
def test_http(run: Callable[[int, int], bool]) -> None:
    """A running server answers as described, whatever comes; an answer that isn't, and a logged error, raise."""
    assert run(3, 1)


def test_failures_are_seen() -> None:
    """A check that raises, and one whose work grows with the square of its input, end the run."""

    def refuse(data: bytes) -> None:
        if b"\xff" in data:
            raise AssertionError(data)

    def linger(data: bytes) -> None:
        end = time.process_time() + (len(data) / 27_000) ** 2
        while time.process_time() < end:
            pass

    with pytest.raises(AssertionError):
        drive(Target(name="raises", check=refuse, seeds=[b"x\xff"]), 5)
    with pytest.raises(SlowError):
        Target(name="slow", check=linger, seeds=[])(b"\x00a")


def test_names_differ() -> None:
    """Each target can be asked for by its name."""
    assert len(TARGETS) == len({target.name for target in TARGETS})
