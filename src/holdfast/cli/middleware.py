"""`holdfast middleware`: which middleware is installed, around what it stands, and what each takes."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import chain

from rich.console import Console

from holdfast.cli.offered import OfferInfo, installed, overview, print_details
from holdfast.config.middleware import OFFERS
from holdfast.config.schema import nearest
from holdfast.storage.errors import InvalidMiddlewareError

__all__ = ["installed_middleware", "show"]


def installed_middleware() -> dict[str, list[OfferInfo]]:
    """Describe all middleware there is, by what it stands around, sorted by name, loading the code of each."""
    return {around: installed(offers) for around, offers in OFFERS.items()}


def show(name: str | None, *, as_json: bool) -> None:
    """Print all middleware, or what has one name with its options, to standard output.

    Raises:
        InvalidMiddlewareError: None has the name.
    """
    known = {source.name for offers in OFFERS.values() for source in offers.sources()}
    if name is not None and name not in known:
        raise InvalidMiddlewareError("middleware", name, known, nearest=nearest(name, known))
    found = {
        around: [each for each in infos if name in {None, each.name}]
        for around, infos in installed_middleware().items()
    }
    if as_json:
        rows = [{"around": around, **asdict(each)} for around, infos in found.items() for each in infos]
        print(json.dumps(rows, indent=2))  # noqa: T201 - what it was asked for
        return
    console = Console(highlight=False)
    if name is not None:
        for each in chain.from_iterable(found.values()):
            print_details(console, each)
        return
    for around, infos in found.items():
        if infos:
            console.print(overview(f"Around the {around}", infos))
    console.print("The options of one: [bold]holdfast middleware NAME[/]")
