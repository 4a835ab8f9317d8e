"""What is installed under names, drivers and middleware: each with its options, for people and programs."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from holdfast.storage.errors import DriverLoadError, DuplicateDriverError
from holdfast.storage.options import OptionInfo, describe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from holdfast.storage.offers import Offer, Offers

__all__ = ["OfferInfo", "installed", "overview", "print_details"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferInfo:
    """A driver or middleware, for people.

    Attributes:
        name: Its name.
        package: The distribution and version that offers it.
        target: The address of its code, as `module:name`.
        summary: The first line of its description; empty where there is none.
        options: What it takes; empty where it can't be loaded.
        problem: Why it can't be used, and the remedy; `None` where it can.
    """

    name: str
    package: str
    target: str
    summary: str
    options: tuple[OptionInfo, ...]
    problem: str | None


def installed(offers: Offers[Any]) -> list[OfferInfo]:
    """Describe all that there is of one kind, sorted by name, loading the code of each.

    One that can't be loaded, or whose name is claimed twice, is there with its problem.
    """
    return [_describe(offers, source) for source in offers.sources()]


def overview(word: str, found: Iterable[OfferInfo]) -> Table:
    """Draw one line for each; `word` is the head of the column of names."""
    table = Table(word, "Package", "What it is", "Options", box=None, header_style="bold", pad_edge=False)
    for each in found:
        what = escape(each.summary) if each.problem is None else f"[red]{escape(each.problem)}[/]"
        names = ", ".join(f"{option.name}{' (required)' if option.required else ''}" for option in each.options)
        table.add_row(f"[bold]{escape(each.name)}[/]", escape(each.package), what, escape(names) or "none")
    return table


def print_details(console: Console, found: OfferInfo) -> None:
    """Print one with all of its options."""
    console.print(f"[bold]{escape(found.name)}[/]  {escape(found.summary)}")
    console.print(f"Package: {escape(found.package)}")
    console.print(f"Code:    {escape(found.target)}")
    if found.problem is not None:
        console.print(f"[red]{escape(found.problem)}[/]")
        return
    if not found.options:
        console.print("It takes no options.")
        return
    table = Table("Option", "Type", "Default", "What it does", box=None, header_style="bold", pad_edge=False)
    for key, option in (pair for each in found.options for pair in each.flattened()):
        names = ", or ".join((key, *option.aliases))
        table.add_row(
            f"[bold]{escape(names)}[/]",
            option.type + (", secret" if option.secret else ""),
            "required" if option.required else escape(option.default or "none"),
            escape(option.description),
        )
    console.print(table)


def _describe(offers: Offers[Any], source: Offer) -> OfferInfo:
    summary, problem = "", None
    options: tuple[OptionInfo, ...] = ()
    try:
        made_by = offers.load(source.name)
        summary = (inspect.getdoc(made_by) or "").partition("\n")[0]
        options = tuple(describe(made_by.Options))
    except (DriverLoadError, DuplicateDriverError) as error:
        problem = str(error)
    return OfferInfo(
        name=source.name,
        package=source.owner,
        target=source.target,
        summary=summary,
        options=options,
        problem=problem,
    )
