"""Which calls of a `FaultyDriver` fail, and how."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal, Protocol

from holdfast.storage.errors import StorageError, StorageUnavailableError
from holdfast.testing.drivers.interception import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Fault", "FaultPlan", "Moment", "Plan", "RandomFaults"]

Moment = Literal["before", "within", "after"]
"""When a fault comes: before the inner driver does its part, in the middle of a stream, or after it did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to fail.

    Attributes:
        op: The operation, one of `OPERATIONS`, or `*` for any.
        path: A shell-style pattern for the path; a batch fails for those of its paths that match.
        nth: From which matching call on it happens, counted from 1.
        times: In how many calls in a row; `None` is for ever.
        when: `before` the effect (it doesn't happen), `after` it (it does, and the answer is lost), or `within` a
            stream, for `read` and `write`: `nth` and `times` then count readers or writers, not chunks.
        keep: How many bytes of the stream pass before a fault within it; a shorter stream meets none.
        error: The class of the error to raise; its constructor takes a message and `path`.
    """

    op: str
    path: str = "*"
    nth: int = 1
    times: int | None = 1
    when: Moment = "before"
    keep: int = 0
    error: type[StorageError] = StorageUnavailableError

    def __post_init__(self) -> None:
        """Refuse a fault that could never happen.

        Raises:
            ValueError: The operation is unknown, or it comes within one that isn't a stream.
        """
        if self.op not in {*OPERATIONS, "*"}:
            raise ValueError(f"no operation is named {self.op!r}; there are {', '.join(OPERATIONS)}")
        if (self.when == "within" or self.keep) and self.op not in {"read", "write"}:
            raise ValueError("only 'read' and 'write' are streams that break off within")
        if self.keep and self.when != "within":
            raise ValueError("'keep' is about a fault within a stream: when='within'")

    def matches(self, op: str, path: str) -> bool:
        """Whether it is about this operation on this path."""
        return self.op in {"*", op} and fnmatchcase(path, self.path)

    def make_error(self, path: str) -> StorageError:
        """The error to raise."""
        return self.error("injected fault", path=path)


class Plan(Protocol):
    """What a `FaultyDriver` asks before and after each call, and once per stream."""

    def fault(self, op: str, path: str, when: Moment) -> Fault | None:
        """The fault that this call meets now, if any. Asked once per call and moment: it may count."""


@dataclass(slots=True, kw_only=True)
class FaultPlan:
    """Faults written down one by one; each counts its own matching calls."""

    faults: Sequence[Fault] = ()
    _seen: dict[int, int] = field(default_factory=dict, init=False)

    def fault(self, op: str, path: str, when: Moment) -> Fault | None:
        """The first fault that is due."""
        due = [fault for index, fault in enumerate(self.faults) if self._is_due(index, fault, op, path, when)]
        return due[0] if due else None

    def _is_due(self, index: int, fault: Fault, op: str, path: str, when: Moment) -> bool:
        if fault.when != when or not fault.matches(op, path):
            return False
        count = self._seen[index] = self._seen.get(index, 0) + 1
        return count >= fault.nth and (fault.times is None or count < fault.nth + fault.times)


class RandomFaults:
    """Any of some operations fails now and then, before or after its effect; the same seed, the same sequence."""

    def __init__(
        self,
        *,
        seed: int,
        probability: float = 0.1,
        ops: Sequence[str] = OPERATIONS,
        moments: Sequence[Moment] = ("before", "after"),
        errors: Sequence[type[StorageError]] = (StorageUnavailableError,),
    ) -> None:
        """Make the plan.

        Args:
            seed: Of the sequence.
            probability: That a call fails, at each of the moments.
            ops: Which operations may fail.
            moments: When they may; `within` isn't among them, since a random stream's length isn't known.
            errors: With what.
        """
        self._random = random.Random(seed)  # noqa: S311 - faults aren't secrets
        self._probability = probability
        self._ops = frozenset(ops)
        self._moments = frozenset(moments)
        self._errors = tuple(errors)

    def fault(self, op: str, path: str, when: Moment) -> Fault | None:
        """A fault, if the dice say so."""
        del path
        if op not in self._ops or when not in self._moments or self._random.random() >= self._probability:
            return None
        return Fault(op=op, when=when, error=self._random.choice(self._errors))
