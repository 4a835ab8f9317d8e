"""`holdfast repositories`: list them, or delete one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from holdfast.cli.storage import opened_storage, run
from holdfast.registry.model.reference import is_name
from holdfast.registry.store.catalog import list_repositories
from holdfast.registry.store.repositories import contents, delete_repository
from holdfast.storage.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from holdfast.registry.store.repositories import RepositoryContents

__all__ = ["delete", "show"]


def show(config: Path | None, root: Path | None, *, as_json: bool) -> None:
    """Print the repositories as they are found, or all of them as JSON.

    Raises:
        ConfigurationError: The storage can't be opened.
        StorageError: The storage can't be listed.
    """

    async def act() -> list[str]:
        names = []
        async with opened_storage(config, root) as driver:
            async for name in list_repositories(driver):
                if as_json:
                    names.append(name)
                else:
                    typer.echo(name)
        return names

    names = run(act())
    if as_json:
        typer.echo(json.dumps({"repositories": names}))


def delete(config: Path | None, root: Path | None, name: str, *, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Delete a repository, after a question that shows what it has.

    Raises:
        ConfigurationError: The storage can't be opened, or the name can't be a repository's.
        RepositoryUnknownError: There is no such repository.
        StorageError: The storage fails; the same command goes on from there.
        typer.Abort: The answer to the question was no.
    """
    if not is_name(name):
        raise ConfigurationError(f"{name!r} isn't the name of a repository")

    async def count() -> RepositoryContents:
        async with opened_storage(config, root) as driver:
            return await contents(driver, name)

    async def act() -> None:
        async with opened_storage(config, root) as driver:
            await delete_repository(driver, name)

    found = run(count())
    has = f"{name}: {found.tags} tags, {found.manifests} manifests, {found.blobs} blobs, {found.uploads} uploads"
    if not dry_run:
        if not yes:
            typer.confirm(f"{has}. Delete it?", abort=True, err=True)
        run(act())
    if as_json:
        typer.echo(json.dumps({"repository": name, "deleted": not dry_run, **found._asdict()}))
    else:
        typer.echo(f"{'would delete' if dry_run else 'deleted'} {has}")
