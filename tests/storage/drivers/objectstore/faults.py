"""Requests to a bucket in memory that fail; given to `Store.fail`."""

from collections.abc import Callable
from dataclasses import dataclass, field

from holdfast.storage.errors import StorageUnavailableError

__all__ = ["Fail", "NthFault", "once"]

Fail = Callable[[str, str, str], None]


def once(op: str, when: str, error: type[Exception] = StorageUnavailableError) -> Fail:
    """Let the next request of a method fail, before or after it has happened."""
    failed: list[str] = []

    def fail(now_op: str, now: str, _key: str) -> None:
        if (now_op, now) == (op, when) and not failed:
            failed.append(op)
            raise error

    return fail


@dataclass
class NthFault:
    """Lets requests fail from one moment on: there are two for each, before and after it has happened.

    Attributes:
        first: Which moment fails first, counted from 0.
        error: What is raised.
        times: How many fail.
        seen: How many moments there were.
        failed: What failed.
    """

    first: int
    error: type[Exception] = StorageUnavailableError
    times: int = 1
    seen: int = 0
    failed: list[tuple[str, str, str]] = field(default_factory=list)

    def __call__(self, op: str, when: str, key: str) -> None:
        """Count, and fail if it is time."""
        self.seen += 1
        if self.first < self.seen <= self.first + self.times:
            self.failed.append((op, when, key))
            raise self.error(f"made to fail {when} {op}")
