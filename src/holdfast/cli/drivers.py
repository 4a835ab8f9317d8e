"""`holdfast drivers`: which storage drivers are installed, and what each takes."""

from __future__ import annotations

import json
from dataclasses import asdict

from rich.console import Console

from holdfast.cli.offered import OfferInfo, installed, overview, print_details
from holdfast.storage import factory

__all__ = ["installed_drivers", "show"]


def installed_drivers() -> list[OfferInfo]:
    """Describe every driver there is, sorted by name, loading the code of each.

    One that can't be loaded, or whose name is claimed twice, is there with its problem.
    """
    return installed(factory.OFFERS)


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
        console.print(overview("Driver", found))
        console.print("The options of one: [bold]holdfast drivers NAME[/]")
        return
    for driver in found:
        print_details(console, driver)
