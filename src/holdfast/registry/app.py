"""Puts the registry together: storage below, HTTP above. Only wiring."""

from __future__ import annotations

import secrets
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from holdfast.registry.http.context import Registry
from holdfast.registry.http.routes import Application
from holdfast.registry.http.urls import Urls
from holdfast.registry.maintenance.background import running
from holdfast.registry.maintenance.purging import UploadPurging, keep_purging
from holdfast.registry.maintenance.readonly import LOOK_SECONDS, ReadOnlyWatch
from holdfast.registry.model.validation import ManifestValidation
from holdfast.registry.store import paths
from holdfast.registry.store.blobs import BlobStore
from holdfast.registry.store.facts import REMEMBERED_BLOBS, Facts
from holdfast.registry.store.manifests import ManifestStore
from holdfast.registry.store.referrers import ReferrerStore
from holdfast.registry.store.tags import TagStore
from holdfast.registry.store.uploads import UploadStore
from holdfast.storage.budget import MemoryBudget
from holdfast.storage.driver import CreateOnly
from holdfast.storage.errors import PathNotFoundError, PreconditionFailedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from holdfast.registry.middleware import RepositoryMiddleware
    from holdfast.storage.driver import StorageDriver

__all__ = ["Settings", "registry_app"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the registry needs to know besides its storage.

    Attributes:
        delete_enabled: Whether clients may delete manifests and blobs.
        secret: What upload locations are signed with; all replicas must have the same. `None`: one that the
            replicas share through storage.
        body_idle_timeout: Seconds a request's body may bring nothing before the request ends.
        body_memory: Bytes that all request bodies may take together.
        urls: How answers name the registry's own resources.
        headers: Header fields that every answer gets, beside its own.
        redirect: Whether clients that download a blob are sent to the storage, where it can take them.
        min_chunk: The least size of a chunk, in bytes, that clients are told (`OCI-Chunk-Min-Length`); 0 tells none.
        read_only: Whether this process takes no writes for all of its life. Otherwise that is as the switch in storage
            says.
        read_only_look: Seconds from one look at that switch to the next.
        purging: How unfinished uploads are purged; `None` for not at all.
        repository_delete_enabled: Whether clients may delete whole repositories, where they may delete.
        catalog_max_entries: Repositories that one answer lists at most.
        tags_max: Tags that one page lists at most.
        tag_concurrency: Tags that are read at once while those of a manifest are looked for; 0 for the number of
            processors.
        validation: What is asked of a manifest that is pushed.
        remembered_blobs: Blobs whose size is remembered.
        repository_middleware: What stands around each operation on a repository, the first innermost.
    """

    delete_enabled: bool = False
    secret: str | None = None
    body_idle_timeout: float = 120.0
    body_memory: int = 512 * 1024 * 1024
    urls: Urls = field(default_factory=Urls)
    headers: tuple[tuple[str, str], ...] = ()
    redirect: bool = True
    min_chunk: int = 0
    read_only: bool = False
    read_only_look: float = LOOK_SECONDS
    purging: UploadPurging | None = None
    repository_delete_enabled: bool = False
    catalog_max_entries: int = 1000
    tags_max: int = 1000
    tag_concurrency: int = 0
    validation: ManifestValidation = field(default_factory=ManifestValidation)
    remembered_blobs: int = REMEMBERED_BLOBS
    repository_middleware: tuple[RepositoryMiddleware, ...] = ()


@asynccontextmanager
async def registry_app(driver: StorageDriver, settings: Settings) -> AsyncIterator[Application]:
    """Make the registry's ASGI application over a driver, and free what it holds afterwards, the driver not included.

    Raises:
        StorageError: The storage can't be read or written.
    """
    facts = Facts(blobs=settings.remembered_blobs)
    blobs = BlobStore(driver, facts, redirect=settings.redirect)
    tags = TagStore(driver, concurrency=settings.tag_concurrency)
    budget = MemoryBudget(settings.body_memory)
    secret = settings.secret.encode() if settings.secret else await _shared_secret(driver, settings)
    read_only = ReadOnlyWatch(driver, configured=settings.read_only)
    await read_only.look()
    uploads = UploadStore(driver, blobs, budget)
    referrers = ReferrerStore(driver, facts, may_write=lambda: not read_only.is_on)
    background = [read_only.keep_looking(settings.read_only_look)]
    if settings.purging is not None:
        background.append(keep_purging(driver, settings.purging, read_only))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(uploads.aclose)
        stack.push_async_callback(referrers.aclose)
        await stack.enter_async_context(running(*background))
        yield Application(
            Registry(
                driver=driver,
                blobs=blobs,
                uploads=uploads,
                manifests=ManifestStore(driver, blobs, tags, referrers, facts),
                tags=tags,
                referrers=referrers,
                budget=budget,
                secret=secret,
                delete_enabled=settings.delete_enabled,
                body_idle_timeout=settings.body_idle_timeout,
                urls=settings.urls,
                min_chunk=settings.min_chunk,
                read_only=read_only,
                repository_delete_enabled=settings.repository_delete_enabled,
                catalog_max_entries=settings.catalog_max_entries,
                tags_max=settings.tags_max,
                validation=settings.validation,
            ),
            headers=settings.headers,
            around=settings.repository_middleware,
        )


async def _shared_secret(driver: StorageDriver, settings: Settings) -> bytes:
    """Read the secret that replicas share through storage; the first one makes it.

    A process that never takes an upload makes none: its storage may be read-only itself, and it signs for nobody else.
    """
    precondition = CreateOnly() if driver.capabilities.put_create_only else None
    with suppress(PathNotFoundError):
        if secret := await driver.get_content(paths.SECRET):
            return secret
        precondition = None  # cut short by a crash of the machine; with nothing as a secret anybody could sign
    if settings.read_only:
        return secrets.token_bytes(32)
    with suppress(PreconditionFailedError):  # another replica was first
        await driver.put_content(paths.SECRET, secrets.token_hex(32).encode("ascii"), precondition=precondition)
    return await driver.get_content(paths.SECRET)
