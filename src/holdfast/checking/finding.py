"""What a check has found, and all of them together."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from holdfast.storage.driver import Capabilities

__all__ = ["Finding", "Outcome", "Problem", "Report"]


class Outcome(StrEnum):
    """How a check ended."""

    OK = "ok"
    MISSING = "missing"
    """The driver says that it can't, and the registry does without."""
    WARNING = "warning"
    """It works, and there is something to know about it."""
    FAILED = "failed"
    NOT_TRIED = "not tried"
    """What it needs has failed, or nobody wants to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a check failed.

    Attributes:
        error: The class of the error; `BrokenPromiseError` where there was none, but a wrong answer.
        message: What it says: operation, path and reason.
        said: The store's own words; `None` where it said nothing else.
        permissions: What the operation needs to be granted, by the names that the store's vendor has for it; only where
            it was refused.
        remedy: What to do.
    """

    error: str
    message: str
    said: str | None
    permissions: tuple[str, ...]
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check has found.

    Attributes:
        name: The check.
        what: What it does, in words.
        outcome: How it ended.
        seconds: How long the operation takes: the median of a few; `None` where it wasn't measured.
        bytes_per_second: How fast content goes; `None` where there was too little of it.
        notes: What there is to know.
        problem: Why it failed.
    """

    name: str
    what: str
    outcome: Outcome
    seconds: float | None = None
    bytes_per_second: float | None = None
    notes: tuple[str, ...] = ()
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What all checks have found.

    Attributes:
        driver: The driver's name.
        where: Where it keeps its data, for people.
        read_only: Whether nothing was written, and nothing is known of writing.
        capabilities: What the driver says that it can do.
        findings: The checks, in the order in which they were made.
        advice: What else could be configured, since the store can do more or less than is configured now.
        left: What couldn't be removed.
    """

    driver: str
    where: str
    read_only: bool
    capabilities: Capabilities
    findings: tuple[Finding, ...]
    advice: tuple[str, ...] = ()
    left: tuple[str, ...] = field(default=())

    @property
    def failed(self) -> tuple[Finding, ...]:
        """The checks that failed."""
        return tuple(finding for finding in self.findings if finding.outcome is Outcome.FAILED)

    @property
    def ready(self) -> bool:
        """Whether the storage can carry a registry: nothing failed. Warnings and declared lacks don't matter."""
        return not self.failed

    def as_dict(self) -> dict[str, Any]:
        """The same in plain values, for JSON."""
        return {"ready": self.ready, **asdict(self)}
