"""What was measured, what it should have been, and how it is shown."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Literal

from rich.console import Console
from rich.table import Table

__all__ = ["Result", "Unit", "show", "write_json"]

Unit = Literal["requests/s", "MB/s", "MB"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The measurements of one kind of work.

    Attributes:
        name: The work.
        unit: Of the samples; more is better, but for memory.
        ratios: The least ratio that is asked for, by the name of whom it is to.
        limit: The most that Holdfast may come to, None where no limit is.
        samples: What each server came to, by its name, repetition by repetition.
    """

    name: str
    unit: Unit
    ratios: Mapping[str, float] = field(default_factory=dict)
    limit: float | None = None
    samples: dict[str, list[float]] = field(default_factory=dict)

    def add(self, server: str, value: float) -> None:
        """Adds the sample of one repetition."""
        self.samples.setdefault(server, []).append(value)

    def median(self, server: str) -> float | None:
        """Returns the median of a server's samples, None when it was not measured."""
        samples = self.samples.get(server)
        return median(samples) if samples else None

    def ratio_to(self, server: str) -> float | None:
        """Returns Holdfast's median over another's, None when one of them was not measured."""
        ours, theirs = self.median("holdfast"), self.median(server)
        return None if ours is None or not theirs else ours / theirs

    def met(self) -> bool | None:
        """Returns whether what is asked for was reached, None when nothing is asked or nothing was measured."""
        ours = self.median("holdfast")
        if self.limit is not None:
            return None if ours is None else ours <= self.limit
        reached = {name: self.ratio_to(name) for name in self.ratios}
        if not reached or None in reached.values():
            return None
        return all((reached[name] or 0) >= ratio for name, ratio in self.ratios.items())

    def target(self) -> str:
        """Returns what is asked for, in words."""
        if self.limit is not None:
            return f"at most {self.limit:g} {self.unit}"
        return ", ".join(f"at least {ratio:g} x {name}" for name, ratio in self.ratios.items())


def show(results: list[Result], console: Console, peers: Sequence[str] = ("docker-registry", "nginx")) -> None:
    """Prints a table: medians, ratios to the peers, targets."""
    table = Table(title="medians of all repetitions; x is the ratio of holdfast to the column before it")
    table.add_column("work")
    table.add_column("holdfast", justify="right")
    for peer in peers:
        table.add_column(peer, justify="right")
        table.add_column("x", justify="right")
    table.add_column("target")
    table.add_column("met")
    for result in results:
        table.add_row(
            f"{result.name}, {result.unit}",
            _number(result.median("holdfast")),
            *(_number(value) for peer in peers for value in (result.median(peer), result.ratio_to(peer))),
            result.target(),
            {True: "[green]yes[/]", False: "[red]no[/]", None: ""}[result.met()],
        )
    console.print(table)


def write_json(results: list[Result], path: Path) -> None:
    """Writes all samples, and on what they were taken; an existing file is replaced."""
    document = {
        "machine": {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
        "results": [{**asdict(result), "met": result.met()} for result in results],
    }
    path.write_text(json.dumps(document, indent=2) + "\n")


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}" if value < 10 else f"{value:.1f}"
