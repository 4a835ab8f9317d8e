"""What every handler works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.registry.http.errors import ApiError

if TYPE_CHECKING:
    from holdfast.registry.store.blobs import BlobStore
    from holdfast.registry.store.budget import MemoryBudget
    from holdfast.registry.store.manifests import ManifestStore
    from holdfast.registry.store.tags import TagStore
    from holdfast.registry.store.uploads import UploadStore
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
        budget: The memory that request bodies share.
        secret: What upload locations are signed with.
        delete_enabled: Whether clients may delete.
        body_idle_timeout: Seconds a body may bring nothing.
    """

    driver: StorageDriver
    blobs: BlobStore
    uploads: UploadStore
    manifests: ManifestStore
    tags: TagStore
    budget: MemoryBudget
    secret: bytes
    delete_enabled: bool
    body_idle_timeout: float

    def require_delete(self) -> None:
        """Refuse to delete where the configuration doesn't allow it."""
        if not self.delete_enabled:
            raise ApiError("UNSUPPORTED", "deleting is switched off: storage.delete.enabled")
