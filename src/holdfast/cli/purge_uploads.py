"""`holdfast purge-uploads`: delete uploads that nobody finishes any more."""

from __future__ import annotations

import json
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import typer

from holdfast.cli.failures import one_line
from holdfast.cli.storage import opened_storage, run
from holdfast.duration import parse_duration
from holdfast.registry.maintenance.purging import purge_uploads

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path

    from holdfast.registry.maintenance.purging import PurgedUpload

__all__ = ["purge"]


def purge(config: Path | None, root: Path | None, *, older_than: str, dry_run: bool, as_json: bool) -> None:
    """Purge, telling each upload as it goes; with JSON, all of them at the end.

    Raises:
        ConfigurationError: The storage can't be opened.
        StorageError: The storage can't be listed.
        typer.BadParameter: The age isn't a duration.
        typer.Exit: With status 1, if an upload couldn't be purged.
    """
    age = _age(older_than)
    purged, failed = run(_purge(config, root, age, dry_run=dry_run, as_json=as_json))
    size = sum(upload["size"] for upload in purged)
    if as_json:
        typer.echo(json.dumps({"dry_run": dry_run, "size": size, "purged": purged, "failed": failed}))
    else:
        verb = "would be purged" if dry_run else "purged"
        typer.echo(f"{len(purged)} uploads {verb}, {size} bytes" + (f"; {len(failed)} failed" if failed else ""))
    if failed:
        raise typer.Exit(1)


async def _purge(
    config: Path | None, root: Path | None, age: timedelta, *, dry_run: bool, as_json: bool
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    from rich.console import Console  # noqa: PLC0415 - only while it works there is progress to show

    purged: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    async with opened_storage(config, root) as driver:
        with Console(stderr=True).status("looking for old uploads") as status:
            async with aclosing(purge_uploads(driver, older_than=age, dry_run=dry_run)) as uploads:
                async for upload in uploads:
                    (purged if upload.error is None else failed).append(_entry(upload))
                    status.update(f"{len(purged)} old uploads, {len(failed)} failed")
                    _tell(upload, dry_run=dry_run, as_json=as_json)
    return purged, failed


def _tell(upload: PurgedUpload, *, dry_run: bool, as_json: bool) -> None:
    if upload.error is not None:
        typer.echo(f"holdfast: {upload.path} can't be purged: {one_line(upload.error)}", err=True)
    elif not as_json:
        active = "" if upload.active is None else f", nothing since {upload.active.isoformat(timespec='seconds')}"
        typer.echo(f"{'would purge' if dry_run else 'purged'} {upload.path}: {upload.size} bytes{active}")


def _entry(upload: PurgedUpload) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "path": upload.path,
        "active": None if upload.active is None else upload.active.isoformat(),
        "size": upload.size,
    }
    return entry if upload.error is None else entry | {"error": str(upload.error)}


def _age(text: str) -> timedelta:
    try:
        age = parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--older-than") from error
    if age.total_seconds() < 0:
        raise typer.BadParameter("an age isn't negative", param_hint="--older-than")
    return age
