"""Manifests: content that a repository has as a revision, and what it refers to."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from holdfast.registry.errors import BlobUnknownError, ManifestRefersToUnknownError, ManifestUnknownError
from holdfast.registry.model.digest import Digest
from holdfast.registry.model.manifest import INDEX_TYPES, MANIFEST_TYPES, ManifestError
from holdfast.registry.model.validation import ManifestValidation
from holdfast.registry.store import paths
from holdfast.registry.store.facts import StoredManifest
from holdfast.registry.store.links import put_link
from holdfast.registry.store.parallel import in_parallel
from holdfast.registry.store.revisions import has_revision, read_manifest
from holdfast.storage.errors import PathNotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from holdfast.registry.model.manifest import Descriptor, Manifest
    from holdfast.registry.store.blobs import BlobStore
    from holdfast.registry.store.facts import Facts
    from holdfast.registry.store.referrers import ReferrerStore
    from holdfast.registry.store.tags import TagStore
    from holdfast.storage.driver import StorageDriver

__all__ = ["ManifestStore"]

_CHECKS = 16
"""References of one manifest that are looked up at once."""

_MISSING = 64
"""Once so many of a manifest's references are missing, the others aren't looked up."""

_TAGS = 8
"""Tags of one manifest that are written at once."""


class ManifestStore:
    """The manifests of all repositories.

    Args:
        driver: The storage.
        blobs: Where content is.
        tags: What names manifests.
        referrers: What refers to manifests.
        facts: What this process remembers.
    """

    def __init__(
        self, driver: StorageDriver, blobs: BlobStore, tags: TagStore, referrers: ReferrerStore, facts: Facts
    ) -> None:
        self._driver = driver
        self._blobs = blobs
        self._tags = tags
        self._referrers = referrers
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

    async def put(
        self,
        name: str,
        content: bytes,
        manifest: Manifest,
        digest: Digest,
        *,
        tags: Sequence[str] = (),
        rules: ManifestValidation | None = None,
    ) -> None:
        """Store a manifest: its content, its entry among the referrers of its subject, its revision link, its tags.

        Args:
            name: The repository.
            content: The manifest's bytes.
            manifest: What was read from them.
            digest: Their digest.
            tags: What is to point to it. Where one can't be written, others may have been.
            rules: Which children of an index must be there; by default all.

        Raises:
            ManifestError: It tells another size of something than that has; nothing was stored.
            ManifestRefersToUnknownError: The repository lacks something it refers to; nothing was stored.
        """
        stored = StoredManifest(digest, content, manifest)
        await self._check_references(name, manifest, rules or ManifestValidation())
        await self._blobs.put_content(digest, content)
        await self._referrers.add(name, stored)
        await put_link(self._driver, paths.revision_link(name, digest), digest)
        await self._referrers.confirm(name, stored)
        self._facts.keep_manifest(stored)
        await in_parallel(partial(self._tags.point, name, digest=digest), tags, at_once=_TAGS)

    async def delete(self, name: str, digest: Digest) -> None:
        """Remove a manifest from a repository, its tags first: a tag never outlives what it points to.

        What refers to it stays, and stays listed: a subject may be pushed again.

        Raises:
            ManifestUnknownError: The repository has no such manifest.
        """
        if not await self._has_revision(name, digest):
            raise ManifestUnknownError(str(digest))
        try:
            stored = await self._load(digest)
        except ManifestUnknownError:  # what is damaged can be deleted, too; its entry, if it has one, is passed over
            stored = None
        await self._tags.remove_pointing_to(name, digest)
        try:
            await self._driver.delete(paths.revision_link(name, digest))
        except PathNotFoundError:
            raise ManifestUnknownError(str(digest)) from None
        if stored is not None:
            await self._referrers.remove(name, stored)

    async def _has_revision(self, name: str, digest: Digest) -> bool:
        return await has_revision(self._driver, name, digest)

    async def _load(self, digest: Digest) -> StoredManifest:
        stored = self._facts.manifest(digest)
        if stored is None:
            stored = await read_manifest(self._driver, digest)
            self._facts.keep_manifest(stored)
        return stored

    async def _check_references(self, name: str, manifest: Manifest, rules: ManifestValidation) -> None:
        """Look everything up that must be there; stop early where much is missing, as a client decides how much."""
        needed = {
            (item.digest, item.size): item
            for item in manifest.descriptors
            if (rules.needs_child(item) if manifest.media_type in INDEX_TYPES else rules.needs_blob(item))
        }
        look_up = self._child_size if manifest.media_type in INDEX_TYPES else self._blob_size
        items = list(needed.values())
        missing: dict[Digest, None] = {}
        for start in range(0, len(items), _CHECKS):
            batch = items[start : start + _CHECKS]
            sizes = await in_parallel(partial(look_up, name), batch, at_once=_CHECKS)
            for item, size in zip(batch, sizes, strict=True):
                if size is None:
                    missing[Digest(*item.digest.split(":", 1))] = None
                elif size != item.size:
                    raise ManifestError(f"{item.digest} has {size} bytes, not {item.size}")
            if len(missing) >= _MISSING:
                break
        if missing:
            raise ManifestRefersToUnknownError(list(missing))

    async def _blob_size(self, name: str, item: Descriptor) -> int | None:
        """The size of a blob; `None` where the repository lacks it."""
        digest = item.content_digest
        if digest is None:
            return None
        try:
            return await self._blobs.verified_size(name, digest)
        except BlobUnknownError:
            return None

    async def _child_size(self, name: str, item: Descriptor) -> int | None:
        """The size of what an index lists; `None` where the repository lacks it.

        Some build caches are indexes of layers, so what doesn't say that it is a manifest may be a blob.
        """
        digest = item.content_digest
        if digest is None:
            return None
        if await self._has_revision(name, digest) and await self._blobs.is_there(digest):
            return self._facts.size(digest)
        return None if item.media_type in MANIFEST_TYPES else await self._blob_size(name, item)
