"""Manifests: content that a repository has as a revision, and what it refers to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from holdfast.registry.errors import BlobUnknownError, ManifestRefersToUnknownError, ManifestUnknownError
from holdfast.registry.model.digest import Digest
from holdfast.registry.model.manifest import ManifestError, parse_manifest
from holdfast.registry.store import paths
from holdfast.registry.store.facts import StoredManifest
from holdfast.registry.store.links import has_link, put_link, report_damage
from holdfast.storage.errors import PathNotFoundError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from holdfast.registry.model.manifest import Manifest
    from holdfast.registry.store.blobs import BlobStore
    from holdfast.registry.store.facts import Facts
    from holdfast.registry.store.tags import TagStore
    from holdfast.storage.driver import StorageDriver

__all__ = ["ManifestStore"]

_CHECKS = 16
"""References of one manifest that are looked up at once."""


class ManifestStore:
    """The manifests of all repositories.

    Args:
        driver: The storage.
        blobs: Where content is.
        tags: What names manifests.
        facts: What this process remembers.
    """

    def __init__(self, driver: StorageDriver, blobs: BlobStore, tags: TagStore, facts: Facts) -> None:
        self._driver = driver
        self._blobs = blobs
        self._tags = tags
        self._facts = facts

    async def by_tag(self, name: str, tag: str) -> StoredManifest:
        """Return the manifest that a tag points to: one read, once its content is remembered.

        Raises:
            ManifestUnknownError: There is no such tag, or what it points to is missing or damaged.
        """
        return await self._load(await self._tags.resolve(name, tag))

    async def by_digest(self, name: str, digest: Digest) -> StoredManifest:
        """Return a manifest of a repository: one stat, once its content is remembered.

        Raises:
            ManifestUnknownError: The repository has no such manifest, or its content is missing or damaged.
        """
        if not await self._has_revision(name, digest):
            raise ManifestUnknownError(str(digest))
        return await self._load(digest)

    async def put(self, name: str, content: bytes, manifest: Manifest, digest: Digest, *, tag: str | None) -> None:
        """Store a manifest: its content, then its revision link, then its tag's.

        Raises:
            ManifestRefersToUnknownError: The repository lacks something it refers to; nothing was stored.
        """
        await self._check_references(name, manifest)
        await self._blobs.put_content(digest, content)
        await put_link(self._driver, paths.revision_link(name, digest), digest)
        self._facts.keep_manifest(StoredManifest(digest, content, manifest))
        if tag is not None:
            await self._tags.point(name, tag, digest)

    async def delete(self, name: str, digest: Digest) -> None:
        """Remove a manifest from a repository, its tags first: a tag never outlives what it points to.

        Raises:
            ManifestUnknownError: The repository has no such manifest.
        """
        if not await self._has_revision(name, digest):
            raise ManifestUnknownError(str(digest))
        for tag in await self._tags.pointing_to(name, digest):
            await self._tags.remove(name, tag)
        try:
            await self._driver.delete(paths.revision_link(name, digest))
        except PathNotFoundError:
            raise ManifestUnknownError(str(digest)) from None

    async def _has_revision(self, name: str, digest: Digest) -> bool:
        return await has_link(self._driver, paths.revision_link(name, digest), digest)

    async def _load(self, digest: Digest) -> StoredManifest:
        stored = self._facts.manifest(digest)
        if stored is None:
            stored = await self._read(digest)
            self._facts.keep_manifest(stored)
        return stored

    async def _read(self, digest: Digest) -> StoredManifest:
        path = paths.blob_data(digest)
        try:
            content = await self._driver.get_content(path)
        except PathNotFoundError:
            report_damage("manifest", path, size=None)
            raise ManifestUnknownError(str(digest), f"the content of {digest} is missing") from None
        if Digest.of(content, digest.algorithm) != digest:
            report_damage("manifest", path, size=len(content))
            raise ManifestUnknownError(str(digest), f"the content of {digest} is damaged")
        try:
            return StoredManifest(digest, content, parse_manifest(content))
        except ManifestError as error:
            raise ManifestUnknownError(str(digest), f"{digest} is of a kind not served here: {error}") from error

    async def _check_references(self, name: str, manifest: Manifest) -> None:
        async def lacks_blob(digest: Digest) -> bool:
            try:
                await self._blobs.verified_size(name, digest)
            except BlobUnknownError:
                return True
            return False

        async def lacks_manifest(digest: Digest) -> bool:
            return not (await self._has_revision(name, digest) and await self._blobs.is_there(digest))

        missing = await _select(manifest.blobs, lacks_blob) + await _select(manifest.children, lacks_manifest)
        if missing:
            raise ManifestRefersToUnknownError(missing)


async def _select(digests: Sequence[Digest], test: Callable[[Digest], Awaitable[bool]]) -> list[Digest]:
    """Those for which the test holds, asked a bounded number at once: a client decides how many there are."""
    selected = []
    for start in range(0, len(digests), _CHECKS):
        batch = digests[start : start + _CHECKS]
        answers = await asyncio.gather(*map(test, batch))
        selected += [digest for digest, answer in zip(batch, answers, strict=True) if answer]
    return selected
