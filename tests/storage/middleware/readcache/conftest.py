from __future__ import annotations

import hashlib
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from holdfast.storage.drivers.inmemory import InMemoryDriver
from holdfast.storage.layers import compose
from holdfast.storage.middleware.readcache import ReadCache
from holdfast.storage.middleware.readcache.options import ReadCacheOptions
from holdfast.testing import CountingDriver, FaultyDriver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from holdfast.storage import StorageDriver


@dataclass(slots=True)
class Cached:
    """A store, and the caches in front of it.

    Attributes:
        stack: Closes them.
        folder: Where the copies are.
        counting: The store, as the caches see it.
        faults: What can make it fail.
        driver: The first cache.
    """

    stack: AsyncExitStack
    folder: Path
    counting: CountingDriver
    faults: FaultyDriver
    driver: StorageDriver

    async def open(self, **options: Any) -> StorageDriver:
        """Another process's cache on the same folder, as far as that can be had in this one."""
        made = compose(ReadCache(_Kept(self.counting), ReadCacheOptions(rootdirectory=str(self.folder), **options)))
        self.stack.push_async_callback(made.aclose)
        return made

    async def put(self, content: bytes) -> str:
        """Put a blob into the store, and return its path."""
        path = blob_path(content)
        await self.faults.inner.put_content(path, content)
        return path

    def copies(self) -> dict[str, bytes]:
        """The copies by name, those being made included."""
        files = [path for path in self.folder.rglob("*") if path.is_file() and path.name != "lock"]
        return {path.name: path.read_bytes() for path in files}


class _Kept(CountingDriver):
    """What isn't closed with the cache."""

    def __init__(self, inner: CountingDriver) -> None:
        super().__init__(inner)
        self.counts, self.calls = inner.counts, inner.calls
        self.inner = inner.inner

    async def aclose(self) -> None:
        pass


def blob_path(content: bytes) -> str:
    """Where a registry keeps it."""
    digest = hashlib.sha256(content).hexdigest()
    return f"/docker/registry/v2/blobs/sha256/{digest[:2]}/{digest}/data"


@pytest.fixture
async def cached(tmp_path: Path) -> AsyncIterator[Cached]:
    """A store in memory with a cache in front."""
    async with AsyncExitStack() as stack:
        faults = FaultyDriver(InMemoryDriver())
        counting = CountingDriver(faults)
        made = Cached(stack, tmp_path / "cache", counting, faults, faults)
        made.driver = await made.open()
        yield made
