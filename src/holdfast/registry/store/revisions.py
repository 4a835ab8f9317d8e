"""Revisions: the manifests that a repository has, and reading one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.registry.errors import ManifestUnknownError
from holdfast.registry.model.digest import ALGORITHMS, Digest, DigestError, parse_digest
from holdfast.registry.model.manifest import ManifestError, parse_manifest
from holdfast.registry.store import paths
from holdfast.registry.store.facts import StoredManifest
from holdfast.registry.store.links import has_link, report_damage
from holdfast.registry.store.pages import list_pages
from holdfast.storage.errors import PathNotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from holdfast.storage.driver import StorageDriver

__all__ = ["has_revision", "list_revisions", "read_manifest"]

_PAGE = 10_000
"""Revisions that one listing brings: each is 150 bytes, and a folder is read anew for each page."""


async def has_revision(driver: StorageDriver, name: str, digest: Digest) -> bool:
    """Whether a repository has a manifest: one stat."""
    return await has_link(driver, paths.revision_link(name, digest), digest)


async def read_manifest(driver: StorageDriver, digest: Digest) -> StoredManifest:
    """Read a manifest's content, whatever repositories have it: one read.

    Raises:
        ManifestUnknownError: The content is missing, damaged or of a kind that isn't served.
    """
    path = paths.blob_data(digest)
    try:
        content = await driver.get_content(path)
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


async def list_revisions(driver: StorageDriver, name: str) -> AsyncIterator[list[Digest]]:
    """Yield the digests of a repository's manifests, many at a time; nothing for a repository that isn't there.

    Links are not looked at: one may be damaged. Manifests that come and go meanwhile may or may not be told.
    """
    for algorithm in ALGORITHMS:
        async for found in list_pages(driver, f"{paths.revisions(name)}/{algorithm}", size=_PAGE):
            yield list(_digests(algorithm, found))


def _digests(algorithm: str, found: list[str]) -> Iterator[Digest]:
    for path in found:
        try:
            yield parse_digest(f"{algorithm}:{path.rpartition('/')[2]}")
        except DigestError:  # somebody else's file
            continue
