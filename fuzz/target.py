"""What is fuzzed: a function that is given bytes, and raises only where something is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["Check", "SlowError", "Target", "stretch"]

Check = Callable[[bytes], None]

_STRETCHED_BYTES = 32 * 1024
"""Long enough for work that grows with the square of its input to take seconds, and short enough for the rest."""

_BASE_SECONDS = 0.5


class SlowError(Exception):
    """An input took far longer than its size explains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Something that reads what strangers write.

    Attributes:
        name: What it is called on the command line.
        check: Raises for an input that is handled wrongly.
        seeds: Inputs to begin with.
        seconds_per_byte: What an input may take, beyond half a second; a hundredfold of what is usual.
    """

    name: str
    check: Check
    seeds: Sequence[bytes]
    seconds_per_byte: float = 20e-6

    def __call__(self, data: bytes) -> None:
        """Check an input; one in eight is repeated until it is long, to see how work grows with size.

        Raises:
            SlowError: It took too long for its size.
            Exception: Whatever the check raises.
        """
        if data[:1] and data[0] % 8 == 0:
            data = stretch(data[1:])
        began = time.process_time()
        self.check(data)
        took = time.process_time() - began
        if took > _BASE_SECONDS + len(data) * self.seconds_per_byte:
            raise SlowError(f"{len(data)} bytes took {took:.2f} s of processor time")


def stretch(data: bytes) -> bytes:
    """Repeat the middle of an input, between its own beginning and end, until it is long."""
    edge = len(data) // 4
    middle = data[edge : len(data) - edge]
    return data[:edge] + middle * (_STRETCHED_BYTES // max(1, len(middle))) + data[len(data) - edge :]
