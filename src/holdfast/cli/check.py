"""`holdfast drivers check`: whether storage can carry a registry."""

from __future__ import annotations

import asyncio
import gc
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import typer
from pydantic import TypeAdapter, ValidationError

from holdfast.checking import Plan, Subject, Watcher, check_storage
from holdfast.cli.announcement import whereabouts
from holdfast.cli.check_report import Shown, print_json, print_report
from holdfast.cli.remarks import gathered_logs
from holdfast.cli.serve import configure
from holdfast.config.scalars import Size
from holdfast.duration import parse_duration
from holdfast.storage import factory, options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rich.status import Status

    from holdfast.checking import Check, Report

__all__ = ["Target", "check_target"]

_TERMINATED: Final = 128 + signal.SIGTERM
_MOST_NAMED: Final = 10
_LEAST_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The storage, as the command line names it.

    Attributes:
        name: A driver; then `parameters` are its options, and there is no configuration.
        config: The configuration file.
        root: The data folder.
        parameters: Options as `key=value`.
    """

    name: str | None
    config: Path | None
    root: Path | None
    parameters: tuple[str, ...]


def check_target(target: Target, *, read_only: bool, size: str | None, timeout: str, as_json: bool) -> None:
    """Check, telling how it goes on standard error, and print what was found.

    Raises:
        ConfigurationError: The configuration or an option of the driver is wrong.
        typer.BadParameter: Words of the command line don't go together, or can't be read.
        typer.Exit: With status 1, the storage can't carry a registry.
    """
    from rich.console import Console  # noqa: PLC0415 - what is wrong with the words needs no table

    subject, redirects, writes = _subject(target)
    plan = Plan(
        read_only=read_only or not writes,
        size=None if size is None else _size(size),
        seconds=_seconds(timeout),
        redirects=redirects,
    )
    with gathered_logs() as remarks, Console(stderr=True).status("looking for the storage") as status:
        report = _run(subject, plan, _Progress(status))
    shown = Shown(report=report, identity=remarks.identity, warnings=tuple(remarks.warnings))
    if as_json:
        print_json(shown)
    else:
        print_report(shown)
    if not report.ready:
        raise typer.Exit(1)


def _run(subject: Subject, plan: Plan, watcher: Watcher) -> Report:
    """Run to the end; Ctrl-C and SIGTERM cancel it, so that it clears up."""
    import uvloop  # noqa: PLC0415 - as rich

    gc.enable()  # switched off for the start; this may run for long

    async def work() -> Report:
        task = asyncio.current_task()
        if task is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await check_storage(subject, plan, watcher)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            return runner.run(work())
        except asyncio.CancelledError as error:
            raise typer.Exit(_TERMINATED) from error


class _Progress(Watcher):
    def __init__(self, status: Status) -> None:
        self._status = status

    def begins(self, check: Check, number: int, count: int) -> None:
        """Show what is being done."""
        self._status.update(f"{number} of {count}: {check.what}")

    def varies(self, change: Mapping[str, str]) -> None:
        """Show what is being tried."""
        told = ", ".join(f"{key}: {value}" for key, value in change.items())
        self._status.update(f"looking whether the store does better with {told}")

    def clears(self) -> None:
        """Show that it is being removed."""
        self._status.update("removing what was written (Ctrl-C leaves it)")

    def left(self, paths: Sequence[str]) -> None:
        """Name what is left, even if nothing else is told."""
        for path in paths[:_MOST_NAMED]:
            typer.echo(f"holdfast: couldn't be removed, remove it by hand: {path}", err=True)
        if len(paths) > _MOST_NAMED:
            folder = "/".join(paths[0].split("/")[:2])
            typer.echo(f"holdfast: and {len(paths) - _MOST_NAMED} more in {folder}", err=True)


def _subject(target: Target) -> tuple[Subject, bool, bool]:
    """The storage, whether it will be redirected to, and whether the registry will write."""
    if target.name is not None:
        if target.config is not None or target.root is not None:
            raise typer.BadParameter("a driver is named, and so is a configuration", param_hint="NAME")
        parameters = _parameters(target.parameters)
        return _named(target.name, parameters), True, True
    if target.parameters:
        raise typer.BadParameter("it belongs to a driver: name one", param_hint="--param")
    configuration = configure(config=target.config, root=target.root, addr=None, serving=False)
    section = configuration.storage
    subject = _named(section.driver, section.parameters, configuration.middleware.around_storage)
    return subject, not section.redirect.disable, not section.maintenance.readonly.enabled


def _named(name: str, parameters: dict[str, Any], middleware: tuple[tuple[str, dict[str, Any]], ...] = ()) -> Subject:
    parsed = options.parse(name, factory.load(name).Options, parameters)
    return Subject.named(name, parameters, middleware=middleware, where=whereabouts(name, parsed, middleware))


def _parameters(given: Sequence[str]) -> dict[str, Any]:
    """Turn `a=b` and `c.d=e` into a driver's options."""
    parameters: dict[str, Any] = {}
    for text in given:
        key, equals, value = text.partition("=")
        *above, last = key.split(".")
        if not equals or not all((*above, last)):
            raise typer.BadParameter(f"an option is KEY=VALUE, not {text!r}", param_hint="--param")
        place = parameters
        for part in above:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise typer.BadParameter(f"{part!r} has a value, and options below it", param_hint="--param")
        place[last] = value
    return parameters


def _size(text: str) -> int:
    try:
        size = int(TypeAdapter(Size).validate_python(text))
    except ValidationError as error:
        raise typer.BadParameter("a size is a number of bytes, or has a unit: 64MiB", param_hint="--size") from error
    if size < _LEAST_BYTES:
        raise typer.BadParameter("the large file has 1 MiB at least", param_hint="--size")
    return size


def _seconds(text: str) -> float:
    try:
        seconds = parse_duration(text).total_seconds()
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--timeout") from error
    if seconds <= 0:
        raise typer.BadParameter("it must be longer than nothing", param_hint="--timeout")
    return seconds
