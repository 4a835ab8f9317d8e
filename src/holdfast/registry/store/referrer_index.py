"""Making the referrers index of a repository from its manifests.

A push keeps the index in step. What it can't know are manifests from before the index: those that Distribution wrote.
So the file `complete` says that a walk over all manifests of the repository has been made, once, since then.

The walk goes on while manifests are pushed and deleted. It can't lose a referrer: one that was there when it began is
seen, and one that is pushed meanwhile enters itself.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import structlog
from cachetools import TTLCache

from holdfast.registry.errors import ManifestUnknownError
from holdfast.registry.model.digest import DigestError, parse_digest
from holdfast.registry.store import paths
from holdfast.registry.store.parallel import in_batches, in_parallel
from holdfast.registry.store.referrer_entries import ReferrerEntries, referrer_at
from holdfast.registry.store.revisions import has_revision, list_revisions
from holdfast.storage import ops
from holdfast.storage.errors import AccessDeniedError, PathNotFoundError, ReadOnlyStorageError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

    from holdfast.registry.model.digest import Digest
    from holdfast.registry.store.facts import StoredManifest
    from holdfast.storage.driver import StorageDriver

__all__ = ["IndexCounts", "ReferrerIndex"]

_log = structlog.get_logger(__name__)

_AT_ONCE = 8
"""Manifests that are read at once, 4 MiB each at most."""

_REPOSITORIES_AT_ONCE = 2
"""Repositories that are walked at once because somebody asks for referrers; others wait."""

_BATCH = 512
"""Manifests between two reports of progress."""

_COMPLETE = b"1"

_UNWRITTEN_SECONDS = 300.0
_UNWRITTEN_REPOSITORIES = 16
"""Where storage takes no writes, the index is kept in memory: for so long, of so many repositories."""


class IndexCounts(NamedTuple):
    """What a walk found and did.

    Attributes:
        manifests: Manifests of the repository.
        unreadable: Those among them whose content is missing, damaged or of an unknown kind.
        referrers: Those that have a subject.
        added: Entries that were missing or wrong, and were written.
        removed: Entries whose manifest isn't there, which were removed.
    """

    manifests: int = 0
    unreadable: int = 0
    referrers: int = 0
    added: int = 0
    removed: int = 0


class _Seen(NamedTuple):
    """A manifest that the walk has come by."""

    is_readable: bool = True
    is_referrer: bool = False
    is_added: bool = False


@dataclass(slots=True)
class _Unwritten:
    """Referrers, by their subjects, that couldn't be entered; and whether all others of the repository are."""

    referrers: dict[Digest, set[Digest]] = field(default_factory=dict)
    is_complete: bool = False


class ReferrerIndex:
    """The referrers indexes of all repositories, as a whole.

    Args:
        driver: The storage.
        entries: Their entries.
        may_write: Whether to write what is found. Where it isn't to be written, or storage refuses it, it is held in
            memory for a while. `None`: it is, and a refusal is an error.
    """

    def __init__(self, driver: StorageDriver, entries: ReferrerEntries, may_write: Callable[[], bool] | None) -> None:
        self._driver = driver
        self._entries = entries
        self._may_write = may_write or (lambda: True)
        self._refusals = (ReadOnlyStorageError, AccessDeniedError) if may_write else ()
        self._walks: dict[str, asyncio.Task[None]] = {}
        self._turns = asyncio.Semaphore(_REPOSITORIES_AT_ONCE)
        self._unwritten: TTLCache[str, _Unwritten] = TTLCache(_UNWRITTEN_REPOSITORIES, _UNWRITTEN_SECONDS)

    async def aclose(self) -> None:
        """End the walks that are under way. The next request for referrers begins them anew."""
        walks = list(self._walks.values())
        for walk in walks:
            walk.cancel()
        await asyncio.gather(*walks, return_exceptions=True)

    async def ensure(self, name: str) -> None:
        """Return once a repository's index is complete: one stat, after the first time.

        The first time may take long. Requests that come meanwhile wait for the same walk, and it goes on when they
        leave.
        """
        held = self._unwritten.get(name)
        if (held is not None and held.is_complete) or await ops.exists(self._driver, paths.referrers_complete(name)):
            return
        walk = self._walks.get(name)
        if walk is None:
            walk = self._walks[name] = asyncio.create_task(self._walk(name))
            walk.add_done_callback(partial(self._ended, name))
        await asyncio.shield(walk)

    def unwritten(self, name: str, subject: Digest) -> frozenset[Digest]:
        """Return the referrers that couldn't be entered, because storage takes no writes."""
        held = self._unwritten.get(name)
        return frozenset() if held is None else frozenset(held.referrers.get(subject, ()))

    async def enter(self, name: str, subject: Digest, digests: Sequence[Digest]) -> None:
        """Enter those of some manifests that are in the repository and have a subject: most likely this one."""

        async def enter_one(digest: Digest) -> None:
            if await ops.exists(self._driver, paths.referrer(name, subject, digest)):
                return
            if await has_revision(self._driver, name, digest):
                await self._mend(name, digest)

        await in_parallel(enter_one, digests, at_once=_AT_ONCE)

    async def rebuild(self, name: str, report: Callable[[IndexCounts], None] | None = None) -> IndexCounts:
        """Walk over all manifests of a repository: enter what is missing, remove entries without a manifest.

        May be done at any time, again and again, while the repository is in use.

        Args:
            name: The repository. One that isn't there has nothing to be entered.
            report: Told the counts so far, now and then.
        """
        counts = IndexCounts()
        async for digests in list_revisions(self._driver, name):
            for start in range(0, len(digests), _BATCH):
                batch = digests[start : start + _BATCH]
                counts = _sum(counts, await in_parallel(partial(self._mend, name), batch, at_once=_AT_ONCE))
                if report:
                    report(counts)
        async for removed in self._remove_orphans(name):
            counts = counts._replace(removed=counts.removed + removed)
            if report:
                report(counts)
        if counts.manifests:
            await self._mark_complete(name)
        return counts

    async def _walk(self, name: str) -> None:
        async with self._turns:
            counts = await self.rebuild(name)
        if counts.manifests:
            _log.info("referrers index built", repository=name, **counts._asdict())

    def _ended(self, name: str, walk: asyncio.Task[None]) -> None:
        del self._walks[name]
        if not walk.cancelled() and (error := walk.exception()) is not None:
            _log.warning("referrers index not built", repository=name, error=str(error))

    async def _mend(self, name: str, digest: Digest) -> _Seen:
        """Enter a manifest of the repository, if it has a subject."""
        try:
            stored = await self._entries.load(digest)
        except ManifestUnknownError:
            return _Seen(is_readable=False)
        subject = stored.manifest.subject_digest
        if subject is None:
            return _Seen()
        return _Seen(is_referrer=True, is_added=await self._write(name, subject, stored))

    async def _write(self, name: str, subject: Digest, stored: StoredManifest) -> bool:
        if self._may_write():
            with suppress(*self._refusals):
                return await self._entries.mend(name, subject, stored)
        self._held(name).referrers.setdefault(subject, set()).add(stored.digest)
        return False

    async def _mark_complete(self, name: str) -> None:
        if self._may_write():
            with suppress(*self._refusals):
                await self._driver.put_content(paths.referrers_complete(name), _COMPLETE)
                return
        self._held(name).is_complete = True

    def _held(self, name: str) -> _Unwritten:
        held = self._unwritten.get(name)
        if held is None:
            held = self._unwritten[name] = _Unwritten()
        return held

    async def _remove_orphans(self, name: str) -> AsyncIterator[int]:
        """Remove entries whose manifest isn't there; yield how many were removed of each batch."""
        async with aclosing(self._known(name)) as known, aclosing(in_batches(known, size=_BATCH)) as batches:
            async for batch in batches:
                yield sum(await in_parallel(partial(self._remove_orphan, name), batch, at_once=_AT_ONCE))

    async def _known(self, name: str) -> AsyncGenerator[tuple[Digest, Digest], None]:
        """Yield the subject and the referrer of each entry; none where there is no index."""
        top = paths.referrers_subjects(name)
        try:
            async for info in self._driver.walk(top):
                entry = _parse_entry(info.path.removeprefix(top + "/"))
                if entry is not None:
                    yield entry
        except PathNotFoundError:
            return

    async def _remove_orphan(self, name: str, entry: tuple[Digest, Digest]) -> bool:
        subject, digest = entry
        if not self._may_write() or await has_revision(self._driver, name, digest):
            return False
        with suppress(*self._refusals):
            return await self._entries.remove(name, subject, digest)
        return False


def _parse_entry(path: str) -> tuple[Digest, Digest] | None:
    """Read subject and referrer from an entry's path; `None` for somebody else's file."""
    try:
        algorithm, encoded, _ = path.split("/")
        return parse_digest(f"{algorithm}:{encoded}"), referrer_at(path)
    except (ValueError, DigestError):
        return None


def _sum(counts: IndexCounts, seen: Sequence[_Seen]) -> IndexCounts:
    return counts._replace(
        manifests=counts.manifests + len(seen),
        unreadable=counts.unreadable + sum(not each.is_readable for each in seen),
        referrers=counts.referrers + sum(each.is_referrer for each in seen),
        added=counts.added + sum(each.is_added for each in seen),
    )
