"""Tags: names for manifests, within a repository."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeAlias

from holdfast.registry.errors import ManifestUnknownError, RepositoryUnknownError
from holdfast.registry.model.reference import is_tag
from holdfast.registry.store import paths
from holdfast.registry.store.links import put_link, read_link
from holdfast.storage import ops
from holdfast.storage.errors import PathNotFoundError

if TYPE_CHECKING:
    from holdfast.registry.model.digest import Digest
    from holdfast.storage.driver import StorageDriver

__all__ = ["TagStore"]

Names: TypeAlias = list[str]
"""The class's own `list` hides the built-in one."""

_LOOKUPS = 32
"""Links read at once while looking for a manifest's tags."""


class TagStore:
    """The tags of all repositories.

    Args:
        driver: The storage.
    """

    def __init__(self, driver: StorageDriver) -> None:
        self._driver = driver

    async def resolve(self, name: str, tag: str) -> Digest:
        """Return what a tag points to: one read.

        Raises:
            ManifestUnknownError: There is no such tag, or its link is damaged.
        """
        digest = await read_link(self._driver, paths.tag_current_link(name, tag))
        if digest is None:
            raise ManifestUnknownError(tag)
        return digest

    async def point(self, name: str, tag: str, digest: Digest) -> None:
        """Make a tag point to a manifest, whose content and revision link are there before.

        The current link comes first: a tag that shows always resolves, wherever a crash falls.
        """
        await put_link(self._driver, paths.tag_current_link(name, tag), digest)
        await put_link(self._driver, paths.tag_index_link(name, tag, digest), digest)

    async def remove(self, name: str, tag: str) -> None:
        """Remove a tag; its manifest stays.

        Raises:
            ManifestUnknownError: There is no such tag.
        """
        try:
            await self._driver.delete(paths.tag(name, tag))
        except PathNotFoundError:
            raise ManifestUnknownError(tag) from None

    async def list(self, name: str, *, limit: int | None = None, last: str | None = None) -> tuple[Names, bool]:
        """List tags in byte order, with one listing of storage.

        Args:
            name: The repository.
            limit: At most so many; all, if `None`.
            last: Only those after this one, which need not exist.

        Returns:
            The tags, and whether there are more.

        Raises:
            RepositoryUnknownError: The repository has no manifest.
        """
        directory = paths.tags(name)
        start = f"{directory}/{last}" if last and is_tag(last) else None
        # What can't be a tag can't be handed to storage as a path either; byte order still says what follows it.
        by_hand = bool(last) and start is None
        try:
            found = await self._driver.list(
                directory, start_after=start, limit=None if by_hand or limit is None else limit + 1
            )
        except PathNotFoundError:
            if not await ops.exists(self._driver, paths.manifests(name)):
                raise RepositoryUnknownError(name) from None
            return [], False
        names = [path.rpartition("/")[2] for path in found]
        if by_hand:
            names = [tag for tag in names if last is None or tag > last]
        if limit is None or len(names) <= limit:
            return names, False
        return names[:limit], True

    async def pointing_to(self, name: str, digest: Digest) -> Names:
        """Find the tags that point to a manifest, reading many links at once."""
        try:
            names, _ = await self.list(name)
        except RepositoryUnknownError:
            return []
        found: Names = []
        for start in range(0, len(names), _LOOKUPS):
            batch = names[start : start + _LOOKUPS]
            links = await asyncio.gather(*(read_link(self._driver, paths.tag_current_link(name, tag)) for tag in batch))
            found += [tag for tag, target in zip(batch, links, strict=True) if target == digest]
        return found
