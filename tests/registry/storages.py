"""The storages that the registry's tests run on."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path

from holdfast.registry.app import Settings, registry_app
from holdfast.registry.http.routes import Application
from holdfast.registry.model.digest import Digest
from holdfast.registry.store import paths
from holdfast.storage.driver import StorageDriver
from holdfast.storage.drivers.filesystem import FilesystemDriver, FilesystemOptions
from holdfast.storage.drivers.inmemory import InMemoryDriver
from holdfast.storage.errors import PathNotFoundError
from holdfast.storage.factory import load
from holdfast.storage.layers import compose
from holdfast.storage.options import parse
from tests.registry.client import Client
from tests.services.stores.bucket import FreshBucket

__all__ = ["SECRET", "Storage", "filesystem", "in_bucket", "inmemory"]

SECRET = "a fixed secret"

_numbers = count(1)

Wrap = Callable[[StorageDriver], StorageDriver]


class Storage:
    """One storage: its driver, composed, as each replica of a registry would open it.

    Attributes:
        driver: A driver to look at the storage with, which no registry uses.
        is_local: Whether blobs are found on this machine.
        is_bucket: Whether it is one of an object store.
    """

    def __init__(self, make: Callable[[], StorageDriver], *, is_local: bool, is_bucket: bool = False) -> None:
        self._make = make
        self.is_bucket = is_bucket
        self._opened: list[StorageDriver] = []
        self.is_local = is_local
        self.driver = self.open()

    def open(self, around: Wrap | None = None) -> StorageDriver:
        """Open a driver; `around` wraps what is inside of the layers."""
        raw = self._make()
        driver = compose(raw if around is None else around(raw))
        self._opened.append(driver)
        return driver

    async def aclose(self) -> None:
        """Close all that was opened."""
        for driver in self._opened:
            await driver.aclose()

    @asynccontextmanager
    async def app(self, around: Wrap | None = None, **settings: object) -> AsyncIterator[Application]:
        """A registry, deleting enabled and with a fixed secret unless it is told otherwise.

        It redirects nobody, since tests look at what it answers itself, and doesn't look at the read-only switch
        again, since operations are counted.
        """
        usual = {"delete_enabled": True, "secret": SECRET, "read_only_look": 3600.0, "redirect": False}
        chosen = Settings(**(usual | settings))  # type: ignore[arg-type]
        async with registry_app(self.open(around), chosen) as app:
            yield app

    @asynccontextmanager
    async def client(self, around: Wrap | None = None, **settings: object) -> AsyncIterator[Client]:
        """A client of a new registry."""
        async with self.app(around, **settings) as app, Client(app) as client:
            yield client

    async def tick(self) -> None:
        """Wait until what is written now has a later time than what was written before."""
        if self.is_bucket:
            await asyncio.sleep(1.01)  # their clocks count seconds

    async def put(self, path: str, content: bytes) -> None:
        """Replace a file behind the registry's back."""
        await self.driver.put_content(path, content)

    async def remove(self, path: str) -> None:
        """Delete something behind the registry's back."""
        await self.driver.delete(path)

    async def damage_blob(self, digest: str, content: bytes | None) -> None:
        """Replace a blob's content, or remove it."""
        path = paths.blob_data(Digest(*digest.split(":")))
        if content is None:
            await self.remove(path)
        else:
            await self.put(path, content)

    async def files(self) -> dict[str, bytes]:
        """Everything that is stored, by path, the shared secret left out."""
        found = {}
        with suppress(PathNotFoundError):
            async for info in self.driver.walk("/"):
                if info.path != paths.SECRET:
                    found[info.path] = await self.driver.get_content(info.path)
        return found

    async def uploads(self) -> list[str]:
        """The paths of unfinished writes."""
        return sorted([upload.path async for upload in self.driver.list_uploads("/")])


def inmemory() -> Storage:
    """A storage in memory, shared by all that is opened on it."""
    raw = InMemoryDriver()
    return Storage(lambda: raw, is_local=False)


def in_bucket(bucket: FreshBucket) -> Storage:
    """A storage of its own in a bucket that others may use, too."""
    factory = load(bucket.driver)
    parameters = bucket.parameters(rootdirectory=f"storage-{next(_numbers)}")
    options = parse(bucket.driver, factory.Options, parameters)
    return Storage(lambda: factory(options), is_local=False, is_bucket=True)


def filesystem(folder: Path) -> Storage:
    """A storage in a folder."""
    return Storage(lambda: FilesystemDriver(FilesystemOptions(rootdirectory=str(folder))), is_local=True)
