"""Whole repositories: what one has, and deleting it.

A repository is what lies in its directory under names that begin with `_`; other names there are repositories of
their own, `a/b` within `a`, and stay. Blobs belong to nobody: they are freed by collecting garbage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from holdfast.registry.errors import RepositoryUnknownError
from holdfast.registry.store import paths
from holdfast.registry.store.catalog import own_directories
from holdfast.registry.store.pages import list_pages
from holdfast.storage import ops
from holdfast.storage.errors import PathNotFoundError

if TYPE_CHECKING:
    from holdfast.storage.driver import StorageDriver

__all__ = ["RepositoryContents", "contents", "delete_repository"]

_CHUNK = 1000


class RepositoryContents(NamedTuple):
    """How much a repository has.

    Attributes:
        tags: Tags.
        manifests: Manifests.
        blobs: Blobs that it can hand out; other repositories may have them as well.
        uploads: Uploads that aren't finished.
    """

    tags: int
    manifests: int
    blobs: int
    uploads: int


async def contents(driver: StorageDriver, name: str) -> RepositoryContents:
    """Count what a repository has, by listing.

    Raises:
        RepositoryUnknownError: It has nothing at all.
    """
    if not await own_directories(driver, name):
        raise RepositoryUnknownError(name)
    return RepositoryContents(
        tags=await _count(driver, paths.tags(name)),
        manifests=await _count_by_algorithm(driver, paths.revisions(name)),
        blobs=await _count_by_algorithm(driver, paths.layers(name)),
        uploads=await _count(driver, paths.uploads(name)),
    )


async def delete_repository(driver: StorageDriver, name: str) -> None:
    """Delete all that a repository has itself; repositories below its name stay.

    The order is that of what leads to what: after a crash at any point, no tag leads to a manifest that is gone, and
    no manifest to a blob that is. The next call goes on from there. Who pushes meanwhile begins the repository anew,
    and may find that blobs it relied on are gone.

    Raises:
        RepositoryUnknownError: It has nothing at all.
    """
    found = await own_directories(driver, name)
    directories = [paths.tags(name), paths.manifests(name)]
    # The referrers index and whatever else is kept of manifests goes right after them.
    directories += [f"{paths.repository(name)}/{own}" for own in sorted(found - {"_manifests", "_layers", "_uploads"})]
    directories += [paths.layers(name), paths.uploads(name)]
    deleted = [await ops.delete_if_there(driver, directory) for directory in directories]
    if not any(deleted):
        raise RepositoryUnknownError(name)


async def _count_by_algorithm(driver: StorageDriver, directory: str) -> int:
    try:
        algorithms = await driver.list(directory)
    except PathNotFoundError:
        return 0
    return sum([await _count(driver, algorithm) for algorithm in algorithms])


async def _count(driver: StorageDriver, directory: str) -> int:
    return sum([len(found) async for found in list_pages(driver, directory, size=_CHUNK)])
