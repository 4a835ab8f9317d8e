"""Makes the checks, one after the other, and removes what they wrote."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from anyio import CancelScope

from holdfast.checking.advice import FindingsUnder, better_options
from holdfast.checking.diagnosis import diagnose, too_late
from holdfast.checking.errors import BrokenPromiseError
from holdfast.checking.finding import Finding, Outcome, Problem, Report
from holdfast.checking.hints import Hints, hints_for
from holdfast.checking.scratch import Scratch
from holdfast.checking.table import CHECKS, READ_ONLY_CHECKS
from holdfast.checking.trial import Trial
from holdfast.storage.errors import StorageError, StorageTimeoutError, StorageUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from holdfast.checking.check import Check
    from holdfast.checking.plan import Plan, Subject
    from holdfast.storage.driver import StorageDriver

__all__ = ["Watcher", "check_storage"]

_SILENT: Final = frozenset(kind.__name__ for kind in (StorageTimeoutError, StorageUnavailableError))
"""After these the store is asked for less, before the next check waits as long."""

_PASSING: Final = frozenset({Outcome.OK, Outcome.WARNING})


class Watcher:
    """Is told how it goes on; this one doesn't care."""

    def begins(self, check: Check, number: int, count: int) -> None:
        """A check begins, this one of so many."""

    def ended(self, finding: Finding) -> None:
        """A check has ended."""

    def varies(self, change: Mapping[str, str]) -> None:
        """Some checks are made again with other options, since the store seems to differ from what is configured."""

    def clears(self) -> None:
        """What was written is being removed."""

    def left(self, paths: Sequence[str]) -> None:
        """These couldn't be removed; told when the checks are broken off, too."""


async def check_storage(subject: Subject, plan: Plan, watcher: Watcher | None = None) -> Report:
    """Find out whether storage can carry a registry, how fast it is, and what is missing.

    It writes and deletes in a new directory in the storage's root alone, `/holdfast-check-` with a random end, and
    removes that on every way out, cancellation included; what it can't remove is in the report, and told to the
    watcher.

    Args:
        subject: The storage.
        plan: How to check.
        watcher: Is told how it goes on.

    Raises:
        ConfigurationError: The driver's name or a parameter is wrong.
    """
    watcher = watcher or Watcher()
    scratch = Scratch()
    async with aclosing(subject.open()) as driver:
        run = _Run(subject=subject, plan=plan, hints=hints_for(driver.name), scratch=scratch, driver=driver)
        left: list[str] = [scratch.folder]
        advice: Sequence[str] = ()
        try:
            findings = await run.all_checks(watcher)
            if not plan.read_only:
                advice = await better_options(run.hints, subject, findings, run.findings_under(watcher))
        finally:
            watcher.clears()
            with CancelScope(shield=True):
                try:
                    left = await scratch.remove(driver, seconds=plan.seconds)
                finally:
                    if left:
                        watcher.left(left)
    return Report(
        driver=subject.name,
        where=subject.where,
        read_only=plan.read_only,
        capabilities=driver.capabilities,
        findings=tuple(findings),
        advice=tuple(advice),
        left=tuple(left),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """All that one run works with."""

    subject: Subject
    plan: Plan
    hints: Hints
    scratch: Scratch
    driver: StorageDriver
    folder: str = ""

    async def all_checks(self, watcher: Watcher) -> list[Finding]:
        """Make all checks of the plan."""
        checks = READ_ONLY_CHECKS if self.plan.read_only else CHECKS
        findings: dict[str, Finding] = {}
        lost = False
        for number, check in enumerate(checks, 1):
            watcher.begins(check, number, len(checks))
            if lost:
                finding = _finding(check, Outcome.NOT_TRIED, "the store doesn't answer any more")
            else:
                finding = self._untried(check, findings) or await self._make(check)
                lost = _is_silent(finding) and (await self._make(checks[0])).problem is not None
            findings[check.name] = finding
            watcher.ended(finding)
        return list(findings.values())

    def findings_under(self, watcher: Watcher) -> FindingsUnder:
        """What makes some checks again, with other options; each in a folder of its own."""

        async def make(change: Mapping[str, str], names: Iterable[str]) -> dict[str, Finding]:
            watcher.varies(change)
            wanted = set(names)
            part = self.subject.part  # many values are tried, so with no more content than is needed
            plan = replace(self.plan, size=min(self.plan.large(part), replace(self.plan, size=None).large(part)))
            subject = replace(self.subject, parameters={**self.subject.parameters, **change})
            async with aclosing(subject.open()) as driver:
                run = replace(self, subject=subject, plan=plan, driver=driver, folder="-".join(change.values()))
                return {
                    check.name: run._lacking(check) or await run._make(check)  # noqa: SLF001 - of the same class
                    for check in CHECKS
                    if check.name in wanted
                }

        return make

    def _untried(self, check: Check, findings: dict[str, Finding]) -> Finding | None:
        """The finding of a check that needn't be made, or can't be."""
        bad = [name for name in check.needs if findings[name].outcome not in _PASSING]
        if bad:
            return _finding(check, Outcome.NOT_TRIED, f"needs {' and '.join(bad)}")
        if not self.plan.redirects and (check.capability or "").startswith("redirect_"):
            return _finding(check, Outcome.NOT_TRIED, "storage.redirect.disable is set")
        return self._lacking(check)

    def _lacking(self, check: Check) -> Finding | None:
        if check.capability is None or getattr(self.driver.capabilities, check.capability):
            return None
        return _finding(check, Outcome.MISSING, check.without)

    async def _make(self, check: Check) -> Finding:
        trial = Trial(
            self.scratch.driver(self.driver),
            name=f"{self.folder}/{check.name}" if self.folder else check.name,
            scratch=self.scratch,
            plan=self.plan,
            subject=self.subject,
            hints=self.hints,
        )
        problem = await self._problem(check, trial)
        outcome = Outcome.FAILED if problem else Outcome.WARNING if trial.warned else Outcome.OK
        return Finding(
            name=check.name,
            what=check.what,
            outcome=outcome,
            seconds=trial.seconds,
            bytes_per_second=trial.bytes_per_second,
            notes=tuple(trial.notes),
            problem=problem,
        )

    async def _problem(self, check: Check, trial: Trial) -> Problem | None:
        seconds = self.plan.seconds * check.patience
        try:
            async with asyncio.timeout(seconds):
                await check.run(trial)
        except (StorageError, BrokenPromiseError) as error:
            return diagnose(error, check, self.hints)
        except TimeoutError:
            return too_late(check, seconds)
        return None


def _is_silent(finding: Finding) -> bool:
    return finding.problem is not None and finding.problem.error in _SILENT


def _finding(check: Check, outcome: Outcome, note: str) -> Finding:
    return Finding(name=check.name, what=check.what, outcome=outcome, notes=(note,))
