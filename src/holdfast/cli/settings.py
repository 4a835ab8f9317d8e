"""From the configuration to what the registry is told."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from holdfast.registry.app import Settings
from holdfast.registry.http.urls import Urls
from holdfast.registry.maintenance.purging import UploadPurging
from holdfast.registry.middleware import repository_middleware
from holdfast.registry.model.validation import ManifestValidation
from holdfast.registry.store.facts import REMEMBERED_BLOBS

if TYPE_CHECKING:
    from holdfast.config import Configuration
    from holdfast.config.storage import CacheSection, UploadPurgingSection

__all__ = ["registry_settings"]


def registry_settings(configuration: Configuration) -> Settings:
    """Tell what the registry needs to know besides its storage.

    Raises:
        ConfigurationError: The name or an option of middleware around repositories is wrong.
    """
    storage, http, ours = configuration.storage, configuration.http, configuration.holdfast
    return Settings(
        delete_enabled=storage.delete.enabled,
        repository_delete_enabled=ours.repositories.delete,
        secret=None if http.secret is None else http.secret.get_secret_value() or None,
        body_idle_timeout=ours.http.bodytimeout.total_seconds(),
        body_memory=ours.http.bodymemory,
        urls=Urls(root=http.host, prefix=http.prefix, relative=http.relativeurls),
        headers=http.header_pairs,
        redirect=not storage.redirect.disable,
        min_chunk=ours.uploads.minchunk,
        read_only=storage.maintenance.readonly.enabled,
        purging=_purging(storage.maintenance.uploadpurging),
        catalog_max_entries=configuration.catalog.maxentries,
        tags_max=configuration.tags.maxtags,
        tag_concurrency=storage.tag.concurrencylimit,
        validation=_validation(configuration),
        remembered_blobs=_remembered_blobs(storage.cache),
        repository_middleware=repository_middleware(configuration.middleware.around_repositories),
    )


def _purging(section: UploadPurgingSection) -> UploadPurging | None:
    if not section.enabled:
        return None
    return UploadPurging(age=section.age, interval=section.interval, dry_run=section.dryrun)


def _validation(configuration: Configuration) -> ManifestValidation:
    section = configuration.validation
    return ManifestValidation(
        allowed_urls=section.allowed_urls,
        denied_urls=section.denied_urls,
        platforms=configuration.index_platforms,
        platform_list=section.platform_list,
        sparse_images=configuration.holdfast.manifests.sparseimages,
    )


def _remembered_blobs(section: CacheSection) -> int:
    """How many blobs are remembered: as many as it says, if it says that any are; otherwise the usual number."""
    if section.kind is None:
        return REMEMBERED_BLOBS
    return section.blobdescriptorsize if section.blobdescriptorsize > 0 else sys.maxsize
