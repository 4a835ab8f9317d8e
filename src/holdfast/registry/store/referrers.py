"""Referrers: the manifests of a repository whose subject is a certain manifest.

distribution-spec, "Listing Referrers" and "Enabling the Referrers API". How the index is kept is in `referrer_entries`,
how it is made in `referrer_index`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from cachetools import LRUCache

from holdfast.registry.errors import ManifestUnknownError
from holdfast.registry.model.digest import Digest, DigestError
from holdfast.registry.store import paths
from holdfast.registry.store.links import read_link
from holdfast.registry.store.parallel import in_parallel
from holdfast.registry.store.referrer_entries import ReferrerEntries, referrer_at
from holdfast.registry.store.referrer_index import ReferrerIndex
from holdfast.registry.store.revisions import has_revision
from holdfast.storage.errors import PathNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    from holdfast.registry.store.facts import Facts, StoredManifest
    from holdfast.registry.store.referrer_entries import Referrer
    from holdfast.registry.store.referrer_index import IndexCounts
    from holdfast.storage.driver import StorageDriver

__all__ = ["PAGE_BYTES", "PAGE_ENTRIES", "ReferrerStore", "ReferrersPage"]

PAGE_BYTES = 4 * 1024 * 1024 - 1024
"""Bytes of descriptors on a page, with room for what is around them: clients take a list of 4 MiB, as a manifest."""

PAGE_ENTRIES = 2000
"""Entries that are looked at for a page, whether a filter lets them through or not."""

_AT_ONCE = 16
"""Entries that are looked at at once, 64 KiB each at most."""

_ABSORBED = 4096
"""Lists under referrers tags that are known to be in the index."""


class ReferrersPage(NamedTuple):
    """A part of a list of referrers.

    Attributes:
        descriptors: The referrers' descriptors, as JSON, in byte order of their digests.
        last: Where the next page goes on; `None` if this is the last one.
    """

    descriptors: list[bytes]
    last: Digest | None


class ReferrerStore:
    """The referrers of all repositories.

    Args:
        driver: The storage.
        facts: What this process remembers.
        may_write: Whether a request for referrers may enter what isn't in the index yet. Where it may not, or storage
            refuses it, that is held in memory for a while. `None`: it may, and a refusal is an error.
    """

    def __init__(self, driver: StorageDriver, facts: Facts, may_write: Callable[[], bool] | None = None) -> None:
        self._driver = driver
        self._entries = ReferrerEntries(driver, facts)
        self._index = ReferrerIndex(driver, self._entries, may_write)
        self._absorbed: LRUCache[tuple[str, Digest, Digest], bool] = LRUCache(_ABSORBED)

    async def aclose(self) -> None:
        """End what is under way."""
        await self._index.aclose()

    async def add(self, name: str, stored: StoredManifest) -> None:
        """Enter a manifest whose revision link is about to be written, if it has a subject."""
        if (subject := stored.manifest.subject_digest) is not None:
            await self._entries.add(name, subject, stored)

    async def confirm(self, name: str, stored: StoredManifest) -> None:
        """Make sure that a manifest whose revision link was just written is entered, if it has a subject."""
        if (subject := stored.manifest.subject_digest) is not None:
            await self._entries.confirm(name, subject, stored)

    async def remove(self, name: str, stored: StoredManifest) -> None:
        """Take out a manifest whose revision link was just removed, if it has a subject."""
        if (subject := stored.manifest.subject_digest) is not None:
            await self._entries.remove(name, subject, stored.digest)

    async def rebuild(self, name: str, report: Callable[[IndexCounts], None] | None = None) -> IndexCounts:
        """Bring a repository's index in step with its manifests; see `ReferrerIndex.rebuild`."""
        return await self._index.rebuild(name, report)

    async def page(
        self,
        name: str,
        subject: Digest,
        *,
        kinds: frozenset[str] = frozenset(),
        after: Digest | None = None,
        max_bytes: int = PAGE_BYTES,
        max_entries: int = PAGE_ENTRIES,
    ) -> ReferrersPage:
        """List referrers, up to what a page takes; none for a subject or a repository that isn't there.

        Warm: one stat, one read, one listing, and one stat for each referrer.

        Args:
            name: The repository.
            subject: What they refer to; it need not exist.
            kinds: Only those whose `artifactType` is one of these; empty for all.
            after: Only those after this one, which need not exist.
            max_bytes: Bytes of descriptors on the page; the first one may be longer.
            max_entries: Entries that are looked at.
        """
        if after is None:
            await self._index.ensure(name)
            await self._absorb_tag(name, subject)
        found = await self._list(name, subject, after, max_entries + 1)
        descriptors: list[bytes] = []
        size = 0
        last = None
        for start in range(0, min(len(found), max_entries), _AT_ONCE):
            batch = found[start : min(start + _AT_ONCE, max_entries)]
            referrers = await in_parallel(partial(self._find, name, subject, kinds), batch, at_once=_AT_ONCE)
            for digest, referrer in zip(batch, referrers, strict=True):
                whole = await self._whole(digest, referrer, kinds)
                if whole is not None:
                    size += len(whole.encoded) + 1
                    if descriptors and size > max_bytes:
                        return ReferrersPage(descriptors, last)
                    descriptors.append(whole.encoded)
                last = digest
        return ReferrersPage(descriptors, last if len(found) > max_entries else None)

    async def _list(self, name: str, subject: Digest, after: Digest | None, limit: int) -> list[Digest]:
        directory = paths.referrers_of(name, subject)
        start = None if after is None else paths.referrer(name, subject, after)
        try:
            found = await self._driver.list(directory, start_after=start, limit=limit)
        except PathNotFoundError:
            found = []
        unwritten = self._index.unwritten(name, subject)
        if unwritten:
            others = (paths.referrer(name, subject, digest) for digest in unwritten)
            found = sorted({*found, *(path for path in others if start is None or path > start)})[:limit]
        digests = []
        for path in found:
            try:
                digests.append(referrer_at(path))
            except DigestError:
                continue
        return digests

    async def _find(self, name: str, subject: Digest, kinds: frozenset[str], digest: Digest) -> Referrer | None:
        """Return a referrer that the filter lets through, as far as its entry tells; `None` for any other."""
        try:
            referrer = await self._entries.read(name, subject, digest)
        except ManifestUnknownError:
            return None
        if kinds and not referrer.is_long and referrer.kind not in kinds:
            return None
        return referrer if await has_revision(self._driver, name, digest) else None

    async def _whole(self, digest: Digest, referrer: Referrer | None, kinds: frozenset[str]) -> Referrer | None:
        """Read a long one, one at a time since it may take 4 MiB, and filter it."""
        if referrer is None or not referrer.is_long:
            return referrer
        try:
            referrer = await self._entries.read_long(digest)
        except ManifestUnknownError:
            return None
        return referrer if not kinds or referrer.kind in kinds else None

    async def _absorb_tag(self, name: str, subject: Digest) -> None:
        """Enter what is listed under the subject's referrers tag: clients keep such a list where there is no index.

        So a repository that Distribution writes to as well is complete, once the list has been pushed.
        distribution-spec, "Referrers Tag Schema".
        """
        listed = await read_link(self._driver, paths.tag_current_link(name, f"{subject.algorithm}-{subject.hex[:64]}"))
        if listed is None or (name, subject, listed) in self._absorbed:
            return
        try:
            manifest = (await self._entries.load(listed)).manifest
        except ManifestUnknownError:
            return
        await self._index.enter(name, subject, manifest.children)
        self._absorbed[name, subject, listed] = True
