"""What `holdfast drivers check` prints: a table for people, a document for programs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from holdfast.checking import Outcome, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from holdfast.checking import Report

__all__ = ["Shown", "print_json", "print_report", "summary"]

_COLOURS: Final = {
    Outcome.OK: "green",
    Outcome.MISSING: "cyan",
    Outcome.WARNING: "yellow",
    Outcome.FAILED: "bold red",
    Outcome.NOT_TRIED: "dim",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What there is to print.

    Attributes:
        report: What was found.
        identity: As whom the driver speaks to the store; `None` where it doesn't say.
        warnings: What the driver has logged.
    """

    report: Report
    identity: str | None
    warnings: tuple[str, ...]


def print_json(shown: Shown) -> None:
    """Print one document to standard output."""
    document = shown.report.as_dict() | {"identity": shown.identity, "warnings": shown.warnings}
    print(json.dumps(document, indent=2))  # noqa: T201 - what it was asked for


def print_report(shown: Shown) -> None:
    """Print the table, what is wrong in detail, and a line that sums it up."""
    report = shown.report
    console = Console(highlight=False)
    console.print(f"[bold]{escape(report.driver)}[/]  {escape(report.where)}", soft_wrap=True)
    if shown.identity is not None:
        console.print(f"As:  {escape(shown.identity)}", soft_wrap=True)
    console.print(_table(report))
    for problem, names in _problems(report).items():
        console.print("\n".join(_details(problem, names)), soft_wrap=True)
    for warning in shown.warnings:
        console.print(f"[yellow]logged:[/] {escape(warning)}", soft_wrap=True)
    for advice in report.advice:
        console.print(f"[yellow]advice:[/] {escape(advice)}", soft_wrap=True)
    colour = "green" if report.ready else "red"
    console.print(f"[bold {colour}]{escape(summary(report))}[/]", soft_wrap=True)


def summary(report: Report) -> str:
    """One line: whether the storage can carry a registry, and what is missing."""
    carries = "ready to be read by a registry" if report.read_only else "ready to carry a registry"
    if report.ready:
        lacks = _names(report, Outcome.MISSING)
        warned = _names(report, Outcome.WARNING)
        return "".join((carries, f"; without {lacks}" if lacks else "", f"; with warnings: {warned}" if warned else ""))
    permissions = sorted({name for finding in report.failed if finding.problem for name in finding.problem.permissions})
    missing = f"; it needs {', '.join(permissions)}" if permissions else ""
    return f"not {carries}: {_names(report, Outcome.FAILED)} failed{missing}"


def _names(report: Report, outcome: Outcome) -> str:
    return ", ".join(finding.name for finding in report.findings if finding.outcome is outcome)


def _table(report: Report) -> Table:
    table = Table("Check", "Result", box=None, header_style="bold", pad_edge=False)
    for name in ("Time", "Speed"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("What it does")
    for finding in report.findings:
        colour = _COLOURS[finding.outcome]
        notes = "; ".join(escape(note) for note in finding.notes)
        table.add_row(
            f"[bold]{escape(finding.name)}[/]",
            f"[{colour}]{finding.outcome}[/]",
            _time(finding.seconds),
            _speed(finding.bytes_per_second),
            escape(finding.what) + (f"[{colour}]: {notes}[/]" if notes else ""),
        )
    return table


def _problems(report: Report) -> dict[Problem, list[str]]:
    """The checks that failed for one reason, by the problem of the first of them."""
    first: dict[tuple[str, tuple[str, ...], str], Problem] = {}
    names: dict[Problem, list[str]] = {}
    for finding in report.failed:
        if finding.problem is not None:
            reason = (finding.problem.error, finding.problem.permissions, finding.problem.remedy)
            names.setdefault(first.setdefault(reason, finding.problem), []).append(finding.name)
    return names


def _details(problem: Problem, names: list[str]) -> Iterator[str]:
    yield f"[bold red]{escape(', '.join(names))}[/]: {problem.error}"
    yield f"  {escape(problem.message)}"
    if problem.said is not None and problem.said not in problem.message:
        yield f"  [bold]The store says:[/] {escape(problem.said)}"
    if problem.permissions:
        yield f"  [bold]It needs:[/]       {escape(', '.join(problem.permissions))}"
    yield f"  [bold]Remedy:[/]         {escape(problem.remedy)}"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{seconds * 1e3:.1f} ms" if seconds >= 0.001 else f"{seconds * 1e6:.0f} µs"


def _speed(bytes_per_second: float | None) -> str:
    return "" if bytes_per_second is None else f"{bytes_per_second / 1e6:.0f} MB/s"
