"""What every handler works with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from holdfast.registry.http.errors import ApiError
from holdfast.registry.model.validation import ManifestValidation
from holdfast.registry.store.joint import JointReads, Listing

if TYPE_CHECKING:
    from holdfast.registry.http.urls import Urls
    from holdfast.registry.maintenance.readonly import ReadOnlyWatch
    from holdfast.registry.store.blobs import BlobStore
    from holdfast.registry.store.manifests import ManifestStore
    from holdfast.registry.store.referrers import ReferrerStore
    from holdfast.registry.store.tags import TagStore
    from holdfast.registry.store.uploads import UploadStore
    from holdfast.storage.budget import MemoryBudget
    from holdfast.storage.driver import StorageDriver

__all__ = ["Registry"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """The registry behind the HTTP interface.

    Attributes:
        driver: The storage.
        blobs: Its blobs.
        uploads: Its uploads.
        manifests: Its manifests.
        tags: Its tags.
        referrers: What refers to its manifests.
        budget: The memory that request bodies share.
        secret: What upload locations are signed with.
        delete_enabled: Whether clients may delete.
        body_idle_timeout: Seconds a body may bring nothing.
        urls: How answers name the registry's own resources.
        min_chunk: Bytes that a client's chunks should have at least; 0 for any.
        read_only: Whether requests may write.
        repository_delete_enabled: Whether clients may delete whole repositories, where they may delete.
        catalog_max_entries: Repositories that one answer lists at most.
        tags_max: Tags that one page lists at most.
        validation: What is asked of a manifest that is pushed.
        listings: Lists that are being read, for all who ask for them.
    """

    driver: StorageDriver
    blobs: BlobStore
    uploads: UploadStore
    manifests: ManifestStore
    tags: TagStore
    referrers: ReferrerStore
    budget: MemoryBudget
    secret: bytes
    delete_enabled: bool
    body_idle_timeout: float
    read_only: ReadOnlyWatch
    urls: Urls
    min_chunk: int
    repository_delete_enabled: bool = False
    catalog_max_entries: int = 1000
    tags_max: int = 1000
    validation: ManifestValidation = field(default_factory=ManifestValidation)
    listings: JointReads[Listing] = field(default_factory=JointReads)

    def require_delete(self) -> None:
        """Refuse to delete where the configuration doesn't allow it."""
        if not self.delete_enabled:
            raise ApiError("UNSUPPORTED", "deleting is switched off: storage.delete.enabled")
