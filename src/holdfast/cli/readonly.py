"""`holdfast readonly`: the read-only switch of all replicas on one storage."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from holdfast.cli.storage import opened_storage, run
from holdfast.registry.maintenance.readonly import LOOK_SECONDS, SEEN_SECONDS, ReadOnlySwitch

if TYPE_CHECKING:
    from pathlib import Path

    from holdfast.registry.maintenance.readonly import ReadOnlyMark

__all__ = ["show", "turn_off", "turn_on"]


def turn_on(config: Path | None, root: Path | None, *, reason: str, wait: bool) -> None:
    """Turn it on, and tell when every replica has seen it.

    Raises:
        ConfigurationError: The storage can't be opened.
        StorageError: The storage can't be written.
    """

    async def act() -> None:
        async with opened_storage(config, root) as driver:
            typer.echo(f"read-only mode is switched on; every replica sees it within {SEEN_SECONDS:.0f} seconds")
            await ReadOnlySwitch(driver).turn_on(reason, wait=wait)

    run(act())
    if wait:
        typer.echo("every replica that runs has seen it; requests that were writing before may still end")


def turn_off(config: Path | None, root: Path | None) -> None:
    """Turn it off.

    Raises:
        ConfigurationError: The storage can't be opened.
        StorageError: The storage can't be written.
    """

    async def act() -> bool:
        async with opened_storage(config, root) as driver:
            return await ReadOnlySwitch(driver).turn_off()

    if run(act()):
        typer.echo(f"read-only mode is off; every replica takes writes again in about {LOOK_SECONDS:.0f} seconds")
    else:
        typer.echo("read-only mode was off")


def show(config: Path | None, root: Path | None, *, as_json: bool) -> None:
    """Tell whether it is on.

    Raises:
        ConfigurationError: The storage can't be opened.
        StorageError: The storage can't be read.
    """

    async def act() -> ReadOnlyMark | None:
        async with opened_storage(config, root) as driver:
            return await ReadOnlySwitch(driver).mark()

    mark = run(act())
    since = None if mark is None or mark.since is None else mark.since.isoformat(timespec="seconds")
    reason = None if mark is None else mark.reason or None
    if as_json:
        typer.echo(json.dumps({"read_only": mark is not None, "since": since, "reason": reason}))
    elif mark is None:
        typer.echo("off")
    else:
        typer.echo(" ".join(("on", *([f"since {since}"] if since else []), *([f"({reason})"] if reason else []))))
