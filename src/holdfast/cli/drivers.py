"""`holdfast drivers`: which storage drivers are installed, and what each takes."""

from __future__ import annotations

import inspect
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from holdfast.storage import factory
from holdfast.storage.errors import DriverLoadError, DuplicateDriverError
from holdfast.storage.options import OptionInfo, describe

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["DriverInfo", "installed_drivers", "show"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverInfo:
    """A driver, for people.

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


def installed_drivers() -> list[DriverInfo]:
    """Describe every driver there is, sorted by name, loading the code of each.

    One that can't be loaded, or whose name is claimed twice, is there with its problem.
    """
    return [_describe(source) for source in factory.sources()]


def show(name: str | None, *, as_json: bool) -> None:
    """Print all drivers, or one with its options, to standard output.

    Raises:
        InvalidStorageDriverError: No driver has the name.
    """
    if name is not None and name not in {source.name for source in factory.sources()}:
        factory.load(name)  # raises what an unknown name raises everywhere, with the nearest one
    found = [driver for driver in installed_drivers() if name in {None, driver.name}]
    if as_json:
        print(json.dumps([asdict(driver) for driver in found], indent=2))  # noqa: T201 - what it was asked for
        return
    console = Console(highlight=False)
    if name is None:
        console.print(_overview(found))
        console.print("The options of one: [bold]holdfast drivers NAME[/]")
        return
    for driver in found:
        _print_details(console, driver)


def _describe(source: factory.DriverSource) -> DriverInfo:
    summary, problem = "", None
    options: tuple[OptionInfo, ...] = ()
    try:
        made_by = factory.load(source.name)
        summary = (inspect.getdoc(made_by) or "").partition("\n")[0]
        options = tuple(describe(made_by.Options))
    except (DriverLoadError, DuplicateDriverError) as error:
        problem = str(error)
    return DriverInfo(
        name=source.name,
        package=source.owner,
        target=source.target,
        summary=summary,
        options=options,
        problem=problem,
    )


def _overview(found: Iterable[DriverInfo]) -> Table:
    table = Table("Driver", "Package", "What it is", "Options", box=None, header_style="bold", pad_edge=False)
    for driver in found:
        what = escape(driver.summary) if driver.problem is None else f"[red]{escape(driver.problem)}[/]"
        names = ", ".join(f"{option.name}{' (required)' if option.required else ''}" for option in driver.options)
        table.add_row(f"[bold]{escape(driver.name)}[/]", escape(driver.package), what, escape(names) or "none")
    return table


def _print_details(console: Console, driver: DriverInfo) -> None:
    console.print(f"[bold]{escape(driver.name)}[/]  {escape(driver.summary)}")
    console.print(f"Package: {escape(driver.package)}")
    console.print(f"Code:    {escape(driver.target)}")
    if driver.problem is not None:
        console.print(f"[red]{escape(driver.problem)}[/]")
        return
    if not driver.options:
        console.print("It takes no options.")
        return
    table = Table("Option", "Type", "Default", "What it does", box=None, header_style="bold", pad_edge=False)
    for option in driver.options:
        names = ", or ".join((option.name, *option.aliases))
        table.add_row(
            f"[bold]{escape(names)}[/]",
            option.type + (", secret" if option.secret else ""),
            "required" if option.required else escape(option.default or "none"),
            escape(option.description),
        )
    console.print(table)
