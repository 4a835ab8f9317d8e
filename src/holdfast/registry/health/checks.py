"""The checks, each looking by itself, and what they found last."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, NoReturn, Self

import structlog

from holdfast.storage.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from holdfast.registry.health.check import Check

__all__ = ["HealthChecks"]

_log = structlog.get_logger(__name__)


class HealthChecks:
    """Checks that run while the context is open; the first looks begin when it is entered.

    Args:
        checks: What is looked at. Until a first look has ended, a check counts as well.

    Attributes:
        checks: What is looked at.
        failing: Whether any check fails.
        stopping: Whether the registry is about to end; for the report alone, what runs is served to its end.

    Raises:
        ConfigurationError: Two checks have one name.
    """

    def __init__(self, checks: Iterable[Check] = ()) -> None:
        self.checks = tuple(checks)
        names = Counter(check.name for check in self.checks)
        if twice := [name for name, count in names.items() if count > 1]:
            raise ConfigurationError(f"health: {twice[0]!r} is checked twice; leave one of the checks out")
        self._failures: dict[str, str] = {}
        self._tasks: set[asyncio.Task[NoReturn]] = set()
        self.failing = False
        self.stopping = False

    async def __aenter__(self) -> Self:
        for check in self.checks:
            self._tasks.add(asyncio.create_task(self._watch(check), name=f"health check {check.name}"))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._tasks.clear()

    def stop(self) -> None:
        """Tell in reports from now on that the registry is about to end."""
        self.stopping = True

    def report(self) -> dict[str, str]:
        """Return each failing check's name and what it found; empty when all is well."""
        return {**self._failures, "shutdown": "the registry is shutting down"} if self.stopping else {**self._failures}

    async def _watch(self, check: Check) -> NoReturn:
        failures = 0
        while True:
            found = await _look(check)
            failures = failures + 1 if found is not None else 0
            self._record(check, found if failures >= check.threshold else None)
            await asyncio.sleep(check.interval)

    def _record(self, check: Check, found: str | None) -> None:
        before = self._failures.pop(check.name, None)
        if found is not None:
            self._failures[check.name] = found
        self.failing = bool(self._failures)
        if found is not None and before is None:
            _log.error("a health check fails; requests are refused until it succeeds", check=check.name, reason=found)
        elif found is None and before is not None:
            _log.info("a health check succeeds again", check=check.name)


async def _look(check: Check) -> str | None:
    """Return what is wrong, or `None`."""
    limit = asyncio.timeout(check.limit)
    try:
        async with limit:
            await check.probe()
    except TimeoutError as error:
        return f"no answer within {check.limit:g} seconds" if limit.expired() else _words(error)
    except Exception as error:  # noqa: BLE001 whatever goes wrong is what the check is there to find, and is reported
        return _words(error)
    return None


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
