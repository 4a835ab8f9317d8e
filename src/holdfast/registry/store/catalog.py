"""The catalog: all repositories, in byte order of their names."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from holdfast.registry.store import paths
from holdfast.storage.errors import PathNotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from holdfast.storage.driver import StorageDriver

__all__ = ["list_repositories"]


async def list_repositories(driver: StorageDriver, *, last: str | None = None) -> AsyncGenerator[str, None]:
    """Yield the repositories that have manifests, those after `last` only; stop early to list less.

    Directories are opened in the order of their names: what is below `a` comes after `a`, but also after
    `a-b` and `a.b`, as bytes have it. One listing per directory that is opened; those that can hold nothing
    after `last` aren't. An empty store has no repositories.
    """
    waiting = [child for child in await _children(driver, "") if not child.startswith("_")]
    heapq.heapify(waiting)
    while waiting:
        name = heapq.heappop(waiting)
        if last is not None and name + "/" < last and not last.startswith(name + "/"):
            continue
        for child in await _children(driver, name):
            if not child.rpartition("/")[2].startswith("_"):
                heapq.heappush(waiting, child)
            elif child == f"{name}/_manifests" and (last is None or name > last):
                yield name


async def _children(driver: StorageDriver, name: str) -> list[str]:
    """The names below a name, those of Distribution's own directories (`_layers` and the like) included."""
    directory = paths.repository(name) if name else paths.REPOSITORIES
    try:
        found = await driver.list(directory)
    except PathNotFoundError:
        return []  # an empty store, a file of somebody else's, or a repository deleted meanwhile
    return [path.removeprefix(paths.REPOSITORIES + "/") for path in found]
