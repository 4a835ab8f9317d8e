"""Tags: names for manifests, within a repository."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeAlias
from weakref import WeakValueDictionary

from holdfast.registry.errors import ManifestUnknownError, RepositoryUnknownError
from holdfast.registry.model.reference import is_tag
from holdfast.registry.store import paths
from holdfast.registry.store.links import put_link, read_link
from holdfast.registry.store.order import start_after
from holdfast.registry.store.parallel import in_parallel
from holdfast.storage import ops
from holdfast.storage.errors import PathNotFoundError

if TYPE_CHECKING:
    from datetime import datetime

    from holdfast.registry.model.digest import Digest
    from holdfast.storage.driver import StorageDriver

__all__ = ["TagStore"]

Names: TypeAlias = list[str]
"""The class's own `list` hides the built-in one."""


class TagStore:
    """The tags of all repositories.

    Writes to one tag come one after the other in this process; between replicas, the last one wins.

    Args:
        driver: The storage.
        concurrency: Links read at once while looking for a manifest's tags; 0 for the number of processors.
    """

    def __init__(self, driver: StorageDriver, *, concurrency: int = 0) -> None:
        self._driver = driver
        self._at_once = concurrency or os.cpu_count() or 1
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

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
        async with self._lock(name, tag):
            await put_link(self._driver, paths.tag_current_link(name, tag), digest)
            await put_link(self._driver, paths.tag_index_link(name, tag, digest), digest)

    async def remove(self, name: str, tag: str) -> None:
        """Remove a tag, a damaged one as well; its manifest stays.

        Raises:
            ManifestUnknownError: There is no such tag.
        """
        async with self._lock(name, tag):
            try:
                await self._driver.delete(paths.tag(name, tag))
            except PathNotFoundError:
                raise ManifestUnknownError(tag) from None

    async def list(self, name: str, *, limit: int | None = None, last: str | None = None) -> tuple[Names, bool]:
        """List tags in byte order, with one listing of storage.

        Args:
            name: The repository.
            limit: At most so many; all, if `None`.
            last: Only those after this text, which need not be a tag.

        Returns:
            The tags, and whether there are more.

        Raises:
            RepositoryUnknownError: The repository has no manifest.
        """
        directory = paths.tags(name)
        after = start_after(directory, last) if last else None
        wanted = None if limit is None else limit + 1
        tags: Names = []
        try:
            while True:
                found = await self._driver.list(directory, start_after=after, limit=wanted)
                names = (path.rpartition("/")[2] for path in found)
                # Where `last` couldn't be handed to storage, and where something else than tags lies among them,
                # what is left may be too little: then there is another listing.
                tags += [tag for tag in names if is_tag(tag) and (last is None or tag > last)]
                if wanted is None or len(tags) >= wanted or len(found) < wanted:
                    break
                after = found[-1]
        except PathNotFoundError:
            if not tags and not await ops.exists(self._driver, paths.manifests(name)):
                raise RepositoryUnknownError(name) from None
        return tags[:limit], limit is not None and len(tags) > limit

    async def remove_pointing_to(self, name: str, digest: Digest) -> Names:
        """Remove every tag that points to a manifest.

        A tag that is pointed elsewhere meanwhile stays: each is read again right before it is removed, and within
        this process nothing comes between the two. Of another replica, a push can: storage has no conditional
        delete. Where its write of the tag falls between that read and the removal, the tag is gone, and the push
        must be repeated.

        Returns:
            The tags that were removed, in byte order.
        """

        async def remove_one(tag: str) -> bool:
            async with self._lock(name, tag):
                return await self._points_to(name, digest, tag) and await ops.delete_if_there(
                    self._driver, paths.tag(name, tag)
                )

        tags = await self._candidates(name, digest)
        removed = await in_parallel(remove_one, tags, at_once=self._at_once)
        return [tag for tag, gone in zip(tags, removed, strict=True) if gone]

    async def pointing_to(self, name: str, digest: Digest) -> Names:
        """Find the tags that point to a manifest, in byte order."""
        tags = await self._candidates(name, digest)
        answers = await in_parallel(partial(self._points_to, name, digest), tags, at_once=self._at_once)
        return [tag for tag, answer in zip(tags, answers, strict=True) if answer]

    async def _points_to(self, name: str, digest: Digest, tag: str) -> bool:
        return await read_link(self._driver, paths.tag_current_link(name, tag)) == digest

    async def _candidates(self, name: str, digest: Digest) -> Names:
        """The tags that may point to a manifest.

        On this machine, reading a small file takes as long as anything else that could be asked: all of 10,000 tags
        are read in 0.25 s, and walked in 1.1 s. Over a network, each read is a request, and a walk brings a
        thousand paths at once: which tags have ever pointed to the manifest is told by the paths alone.
        """
        if self._driver.capabilities.local_path:
            try:
                return (await self.list(name))[0]
            except RepositoryUnknownError:
                return []
        directory = paths.tags(name)
        link = f"index/{digest.algorithm}/{digest.hex}/link"
        found: Names = []
        history = _History("")
        try:
            async for info in self._driver.walk(directory):
                tag, _, path = info.path[len(directory) + 1 :].partition("/")
                if tag != history.tag:
                    found += history.candidate()
                    history = _History(tag)
                history.see(path, info.modified, link)
        except PathNotFoundError:
            return []
        return sorted([*found, *history.candidate()])

    def _lock(self, name: str, tag: str) -> asyncio.Lock:
        return self._locks.setdefault((name, tag), asyncio.Lock())


@dataclass(slots=True)
class _History:
    """What the paths below a tag tell of it; in a walk they come one after the other.

    The index link of what a tag points to is missing after a crash between the two writes of `TagStore.point`. Then
    the current link is newer than every index link. With what Distribution wrote, which writes the index link first,
    that may be so without a crash: such a tag is read in vain. Object stores count seconds: a crash within the second
    in which the tag was moved before isn't noticed.
    """

    tag: str
    current: datetime | None = None
    newest: datetime | None = None
    shows: bool = False
    has_pointed: bool = False

    def see(self, path: str, modified: datetime | None, link: str) -> None:
        """Take note of a file below the tag; `link` is the index link that is looked for."""
        if path == "current/link":
            self.shows, self.current = True, modified
        else:
            self.has_pointed = self.has_pointed or path == link
            self.newest = max(filter(None, (self.newest, modified)), default=None)

    def candidate(self) -> Names:
        """The tag, if it may point to what is looked for."""
        is_settled = self.current is not None and self.newest is not None and self.current <= self.newest
        return [self.tag] if self.shows and (self.has_pointed or not is_settled) else []
