"""`holdfast config`: whether a configuration file is right, and what it comes to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from holdfast.config import Problem, Reading, read, unhonoured
from holdfast.config.effective import DEFAULT, settings, to_yaml
from holdfast.config.environment import overrides
from holdfast.config.problem import dotted
from holdfast.storage.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["check", "refusals", "show"]


def refusals(reading: Reading) -> Iterator[Problem]:
    """Tell why a configuration can't be served, each with its place; nothing, where it can."""
    yield from reading.problems
    if reading.configuration is not None:
        for found in unhonoured(reading.configuration):
            place = reading.document.locate(found.path)
            yield Problem(path=found.path, place=place, reason=f"{found.reason}; {found.remedy}")


def check(path: Path, environment: Mapping[str, str], *, as_json: bool) -> None:
    """Print whether a file can be served, with all that is wrong, one line each.

    Raises:
        typer.Exit: With status 1, something is wrong.
    """
    try:
        reading = read(path, environment)
    except ConfigurationError as error:  # not even YAML
        _print_check([{"message": str(error)}], [], as_json=as_json, good="")
        raise typer.Exit(1) from error
    wrong = [_as_dict(problem) for problem in refusals(reading)]
    remarks = [_as_dict(remark) for remark in reading.remarks]
    count = len(overrides(environment))
    variables = f", with {count} {'variable' if count == 1 else 'variables'}" if count else ""
    driver = "" if reading.configuration is None else reading.configuration.storage.driver
    _print_check(wrong, remarks, as_json=as_json, good=f"{path}: good{variables}; the storage is {driver}")
    if wrong:
        raise typer.Exit(1)


def show(path: Path, environment: Mapping[str, str], *, as_json: bool, defaults: bool) -> None:
    """Print the effective configuration, each value with where it came from; secrets are masked.

    Raises:
        ConfigurationError: Something is wrong with the configuration.
    """
    found = [setting for setting in settings(read(path, environment)) if defaults or setting.origin != DEFAULT]
    if as_json:
        rows = [{"key": dotted(item.path), "value": item.value, "origin": item.origin} for item in found]
        typer.echo(json.dumps(rows, indent=2))
    else:
        typer.echo(to_yaml(found), nl=False)


def _as_dict(problem: Problem) -> dict[str, str]:
    return {
        "key": dotted(problem.path),
        "place": problem.place,
        "reason": problem.reason,
        "message": str(problem),
    }


def _print_check(wrong: list[dict[str, str]], remarks: list[dict[str, str]], *, as_json: bool, good: str) -> None:
    if as_json:
        typer.echo(json.dumps({"good": not wrong, "problems": wrong, "remarks": remarks}, indent=2))
        return
    for problem in wrong:
        typer.echo(problem["message"], err=True)
    for remark in remarks:
        typer.echo(f"warning: {remark['message']}", err=True)
    if not wrong:
        typer.echo(good)
