"""Puts the registry together: storage below, HTTP above. Only wiring."""

from __future__ import annotations

import secrets
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.registry.http.context import Registry
from holdfast.registry.http.routes import Application
from holdfast.registry.store import paths
from holdfast.registry.store.blobs import BlobStore
from holdfast.registry.store.budget import MemoryBudget
from holdfast.registry.store.facts import Facts
from holdfast.registry.store.manifests import ManifestStore
from holdfast.registry.store.tags import TagStore
from holdfast.registry.store.uploads import UploadStore
from holdfast.storage.driver import CreateOnly
from holdfast.storage.errors import PathNotFoundError, PreconditionFailedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

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
    """

    delete_enabled: bool = False
    secret: str | None = None
    body_idle_timeout: float = 120.0
    body_memory: int = 512 * 1024 * 1024


@asynccontextmanager
async def registry_app(driver: StorageDriver, settings: Settings) -> AsyncIterator[Application]:
    """Make the registry's ASGI application over a driver, and free what it holds afterwards, the driver not included.

    Raises:
        StorageError: The storage can't be read or written.
    """
    facts = Facts()
    blobs = BlobStore(driver, facts)
    tags = TagStore(driver)
    budget = MemoryBudget(settings.body_memory)
    secret = settings.secret.encode() if settings.secret else await _shared_secret(driver)
    uploads = UploadStore(driver, blobs, budget)
    try:
        yield Application(
            Registry(
                driver=driver,
                blobs=blobs,
                uploads=uploads,
                manifests=ManifestStore(driver, blobs, tags, facts),
                tags=tags,
                budget=budget,
                secret=secret,
                delete_enabled=settings.delete_enabled,
                body_idle_timeout=settings.body_idle_timeout,
            )
        )
    finally:
        await uploads.aclose()


async def _shared_secret(driver: StorageDriver) -> bytes:
    """Read the secret that replicas share through storage; the first one makes it."""
    precondition = CreateOnly() if driver.capabilities.put_create_only else None
    with suppress(PathNotFoundError):
        if secret := await driver.get_content(paths.SECRET):
            return secret
        precondition = None  # cut short by a crash of the machine; with nothing as a secret anybody could sign
    with suppress(PreconditionFailedError):  # another replica was first
        await driver.put_content(paths.SECRET, secrets.token_hex(32).encode("ascii"), precondition=precondition)
    return await driver.get_content(paths.SECRET)
