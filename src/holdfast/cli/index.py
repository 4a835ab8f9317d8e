"""`holdfast index rebuild`: the referrers index, made anew from the manifests that are there."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec
import typer

from holdfast.cli.storage import opened_storage, run
from holdfast.registry.errors import RepositoryUnknownError
from holdfast.registry.model.reference import is_name
from holdfast.registry.store import paths
from holdfast.registry.store.catalog import list_repositories
from holdfast.registry.store.facts import Facts
from holdfast.registry.store.referrers import ReferrerStore
from holdfast.storage import ops

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from pathlib import Path

    from holdfast.registry.store.referrer_index import IndexCounts
    from holdfast.storage.driver import StorageDriver

__all__ = ["rebuild"]


def rebuild(config: Path | None, root: Path | None, names: Sequence[str], *, as_json: bool) -> None:
    """Bring the referrers index of some repositories in step with their manifests, or that of all of them.

    Args:
        config: The configuration file; `None` for storage in a folder.
        root: The data folder.
        names: The repositories; none for all.
        as_json: Whether to print JSON.

    Raises:
        ConfigurationError: The storage can't be opened.
        RepositoryUnknownError: A repository that was named isn't there. Nothing was done.
        StorageError: The storage fails. What was done until then is right, and the rest can be done later.
    """
    run(_rebuild(config, root, names, as_json=as_json))


async def _rebuild(config: Path | None, root: Path | None, names: Sequence[str], *, as_json: bool) -> None:
    done: dict[str, IndexCounts] = {}
    async with opened_storage(config, root) as driver:
        referrers = ReferrerStore(driver, Facts())
        await _check_names(driver, names)
        with _progress() as progress:
            async for name in _repositories(driver, names):
                counts = await referrers.rebuild(name, progress(name))
                done[name] = counts
                if not as_json:
                    typer.echo(_line(name, counts))
    if as_json:
        typer.echo(msgspec.json.encode({"repositories": {name: each._asdict() for name, each in done.items()}}))
    elif not done:
        typer.echo("there are no repositories")


async def _check_names(driver: StorageDriver, names: Sequence[str]) -> None:
    for name in names:
        if not is_name(name) or not await ops.exists(driver, paths.manifests(name)):
            raise RepositoryUnknownError(name)


async def _repositories(driver: StorageDriver, names: Sequence[str]) -> AsyncIterator[str]:
    if names:
        for name in dict.fromkeys(names):
            yield name
        return
    async for name in list_repositories(driver):
        yield name


def _line(name: str, counts: IndexCounts) -> str:
    """What was found; and what was done or is wrong, if anything."""
    told = ((what, number) for what, number in counts._asdict().items() if number or what in {"manifests", "referrers"})
    return f"{name}: " + ", ".join(f"{what} {number}" for what, number in told)


@contextmanager
def _progress() -> Iterator[Callable[[str], Callable[[IndexCounts], None]]]:
    """Show on a terminal how far the current repository is."""
    from rich.console import Console  # noqa: PLC0415 - only this command shows progress

    console = Console(stderr=True)
    with console.status("") as status:

        def start(name: str) -> Callable[[IndexCounts], None]:
            status.update(name)
            return lambda counts: status.update(_line(name, counts))

        yield start
