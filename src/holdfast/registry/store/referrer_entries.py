"""The entries of the referrers index: one small file for each manifest with a subject.

An entry is written before the revision link of its manifest, and removed after it. So a crash leaves an entry whose
manifest is missing, which reading passes over, and never a referrer that isn't listed. No two manifests share a file:
pushes at the same time can't lose one another's.

A push and a deletion of the same manifest at the same time could: the deletion could remove the entry that the push
has just written. So each looks again at the end: the push whether its entry is there, the deletion whether the
manifest is. Whichever of the two comes last sees what the other did, and mends it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
from cachetools import LRUCache

from holdfast.registry.model.digest import parse_digest
from holdfast.registry.store import paths
from holdfast.registry.store.links import report_damage
from holdfast.registry.store.revisions import has_revision, read_manifest
from holdfast.storage import ops
from holdfast.storage.errors import PathNotFoundError

if TYPE_CHECKING:
    from holdfast.registry.model.digest import Digest
    from holdfast.registry.store.facts import Facts, StoredManifest
    from holdfast.storage.driver import StorageDriver

__all__ = ["MAX_ENTRY_BYTES", "Referrer", "ReferrerEntries", "describe", "referrer_at"]

MAX_ENTRY_BYTES = 64 * 1024
"""Longer descriptors aren't put into entries but read from the manifest, so that many entries can be read at once."""

_MAX_REMEMBERED_BYTES = 8 * 1024 * 1024
_OVERHEAD = 400
"""Rough bytes of the objects around a remembered descriptor."""


class Referrer(NamedTuple):
    """A manifest that refers to another, as a list of referrers has it.

    Attributes:
        kind: Its `artifactType`; `None` if it has none.
        encoded: Its descriptor, as JSON; empty where it is too long for an entry, so that it must be read.
    """

    kind: str | None
    encoded: bytes

    @property
    def is_long(self) -> bool:
        """Whether the manifest itself must be read."""
        return not self.encoded


_LONG = Referrer(None, b"")
"""What an entry tells whose descriptor would be too long for it."""


class _Descriptor(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    media_type: str
    digest: str
    size: int
    artifact_type: str | None = None
    annotations: dict[str, str] | None = None
    is_long: bool = False


class _Annotated(msgspec.Struct, frozen=True):
    annotations: dict[str, str] | None = None


_decode_descriptor = msgspec.json.Decoder(_Descriptor).decode
_decode_annotations = msgspec.json.Decoder(_Annotated).decode


def referrer_at(path: str) -> Digest:
    """Read off an entry's path which manifest it is of.

    Raises:
        DigestError: It is no entry's path, but that of somebody else's file.
    """
    return parse_digest(path.rpartition("/")[2].replace("-", ":", 1))


def describe(stored: StoredManifest) -> Referrer:
    """Return a manifest as a list of referrers has it, with its annotations (distribution-spec, "Listing Referrers").

    Annotations that aren't texts, which only a foreign registry could have taken, are left out.
    """
    try:
        annotations = _decode_annotations(stored.content).annotations
    except (msgspec.DecodeError, UnicodeDecodeError):
        annotations = None
    manifest = stored.manifest
    descriptor = _Descriptor(
        manifest.media_type, str(stored.digest), len(stored.content), manifest.kind, annotations or None
    )
    return Referrer(manifest.kind, msgspec.json.encode(descriptor))


class ReferrerEntries:
    """The entries of all repositories.

    Args:
        driver: The storage.
        facts: What this process remembers.
    """

    def __init__(self, driver: StorageDriver, facts: Facts) -> None:
        self._driver = driver
        self._facts = facts
        # What a manifest's descriptor says can't change; that the entry exists is asked of storage each time.
        self._described: LRUCache[Digest, Referrer] = LRUCache(_MAX_REMEMBERED_BYTES, getsizeof=_weight)

    async def add(self, name: str, subject: Digest, stored: StoredManifest) -> None:
        """Write a manifest's entry, over whatever is there; the manifest's revision link is still to come."""
        await self._driver.put_content(paths.referrer(name, subject, stored.digest), _entry(stored))

    async def confirm(self, name: str, subject: Digest, stored: StoredManifest) -> None:
        """Write a manifest's entry again if it was removed; the manifest's revision link is there."""
        if not await ops.exists(self._driver, paths.referrer(name, subject, stored.digest)):
            await self.add(name, subject, stored)

    async def mend(self, name: str, subject: Digest, stored: StoredManifest) -> bool:
        """Write a manifest's entry if there is none, or another one than there should be. Returns whether it did."""
        try:
            found = await self._driver.get_content(paths.referrer(name, subject, stored.digest))
        except PathNotFoundError:
            found = None
        if found == _entry(stored):
            return False
        await self.add(name, subject, stored)
        return True

    async def remove(self, name: str, subject: Digest, digest: Digest) -> bool:
        """Remove a manifest's entry; its revision link was removed before. Returns whether it stays removed.

        If the manifest is there again, because somebody pushed it meanwhile, so is its entry.
        """
        was_there = await ops.delete_if_there(self._driver, paths.referrer(name, subject, digest))
        if not was_there or not await has_revision(self._driver, name, digest):
            return True
        await self.add(name, subject, await self.load(digest))
        return False

    async def read(self, name: str, subject: Digest, digest: Digest) -> Referrer:
        """Return what an entry says: one read, unless it is remembered.

        An entry that is damaged is as good as the manifest itself, which says the same.

        Raises:
            ManifestUnknownError: The entry is damaged or missing, and the manifest as well.
        """
        known = self._described.get(digest)
        if known is None:
            known = await self._read(paths.referrer(name, subject, digest), digest)
            self._described[digest] = known
        return known

    async def read_long(self, digest: Digest) -> Referrer:
        """Return what the manifest says, where that is too long for an entry: up to 4 MiB.

        Raises:
            ManifestUnknownError: The manifest's content is missing or damaged.
        """
        return describe(await self.load(digest))

    async def load(self, digest: Digest) -> StoredManifest:
        """Return a manifest, without remembering it: a list of referrers shouldn't take the place of what is pulled.

        Raises:
            ManifestUnknownError: Its content is missing or damaged.
        """
        return self._facts.manifest(digest) or await read_manifest(self._driver, digest)

    async def _read(self, path: str, digest: Digest) -> Referrer:
        try:
            content = await self._driver.get_content(path)
        except PathNotFoundError:
            return _shortened(describe(await self.load(digest)))
        try:
            descriptor = _decode_descriptor(content)
        except (msgspec.DecodeError, UnicodeDecodeError):
            descriptor = None
        if descriptor is None or descriptor.digest != str(digest):
            report_damage("referrer", path, size=len(content))
            return _shortened(describe(await self.load(digest)))
        return _LONG if descriptor.is_long else Referrer(descriptor.artifact_type, msgspec.json.encode(descriptor))


def _entry(stored: StoredManifest) -> bytes:
    """The content of a manifest's entry."""
    encoded = describe(stored).encoded
    if len(encoded) <= MAX_ENTRY_BYTES:
        return encoded
    return msgspec.json.encode(
        _Descriptor(stored.manifest.media_type, str(stored.digest), len(stored.content), is_long=True)
    )


def _shortened(referrer: Referrer) -> Referrer:
    return referrer if len(referrer.encoded) <= MAX_ENTRY_BYTES else _LONG


def _weight(referrer: Referrer) -> int:
    return len(referrer.encoded) + _OVERHEAD
