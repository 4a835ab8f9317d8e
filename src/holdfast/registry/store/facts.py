"""What this process remembers of storage: facts about a digest, which can't change. Never that something exists.

A cache that says "exists" goes on saying so after the content was deleted by somebody else; pushes then
skip the upload and the image is lost. So every answer asks storage for the link that grants it, and only
the bytes and the size behind a digest come from here.

What was seen of a blob's content stands in for it for `SIZE_TRUST_SECONDS`: a HEAD then costs one stat, and so does
a GET of small content. After that the content is looked at again. A manifest's PUT stats every blob it names, whatever
is remembered.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from cachetools import LRUCache

if TYPE_CHECKING:
    from holdfast.registry.model.digest import Digest
    from holdfast.registry.model.manifest import Manifest

__all__ = ["REMEMBERED_BLOBS", "SIZE_TRUST_SECONDS", "Facts", "StoredManifest"]

SIZE_TRUST_SECONDS = 60.0

REMEMBERED_BLOBS = 65_536
"""Blobs whose size is remembered unless somebody says how many."""

_MAX_MANIFEST_BYTES = 64 * 1024 * 1024
_MANIFEST_OVERHEAD = 2_048
"""Rough bytes of the objects around a manifest's content."""

_MAX_CONTENT_BYTES = 16 * 1024 * 1024
_CONTENT_OVERHEAD = 512
"""Rough bytes of the objects around a blob's content."""


class StoredManifest(NamedTuple):
    """A manifest's bytes with what was read from them and the headers they are answered with."""

    digest: Digest
    content: bytes
    manifest: Manifest


class _Size(NamedTuple):
    size: int
    hashed: bool
    seen: float


class Facts:
    """Bounded memories of digests; safe to lose.

    Args:
        blobs: How many blobs' sizes are remembered.
    """

    def __init__(self, *, blobs: int = REMEMBERED_BLOBS) -> None:
        self._sizes: LRUCache[Digest, _Size] = LRUCache(blobs)
        self._manifests: LRUCache[Digest, StoredManifest] = LRUCache(_MAX_MANIFEST_BYTES, getsizeof=_weight)
        self._contents: LRUCache[Digest, bytes] = LRUCache(
            _MAX_CONTENT_BYTES, getsizeof=lambda content: len(content) + _CONTENT_OVERHEAD
        )

    def manifest(self, digest: Digest) -> StoredManifest | None:
        """Return a manifest whose bytes were verified before."""
        return self._manifests.get(digest)

    def keep_manifest(self, stored: StoredManifest) -> None:
        """Remember a manifest whose bytes were verified against its digest."""
        if _weight(stored) <= self._manifests.maxsize:
            self._manifests[stored.digest] = stored

    def size(self, digest: Digest) -> int | None:
        """Return a size that was seen lately, for an answer that only needs the length."""
        known = self._sizes.get(digest)
        return known.size if known and monotonic() - known.seen < SIZE_TRUST_SECONDS else None

    def hashed_size(self, digest: Digest) -> int | None:
        """Return the size of content that this process hashed: what storage shows must have it."""
        known = self._sizes.get(digest)
        return known.size if known and known.hashed else None

    def keep_size(self, digest: Digest, size: int, *, hashed: bool) -> None:
        """Remember a size, and whether it is that of hashed content or only what storage shows."""
        known = self._sizes.get(digest)
        self._sizes[digest] = _Size(size, hashed or bool(known and known.hashed and known.size == size), monotonic())

    def content(self, digest: Digest) -> bytes | None:
        """Return small content that was read and verified lately."""
        return self._contents.get(digest) if self.size(digest) is not None else None

    def keep_content(self, digest: Digest, content: bytes) -> None:
        """Remember small content that was read just now, whose size is remembered and which has the digest."""
        self._contents[digest] = content

    def forget(self, digest: Digest) -> None:
        """Stop answering for a blob: the content was deleted or isn't what it should be."""
        self._contents.pop(digest, None)
        known = self._sizes.pop(digest, None)
        if known and known.hashed:
            self._sizes[digest] = known._replace(seen=float("-inf"))


def _weight(stored: StoredManifest) -> int:
    return len(stored.content) + _MANIFEST_OVERHEAD
