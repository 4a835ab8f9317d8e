"""The driver of a bridge: `ObjectStoreDriver`, and what differs in a tree."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import structlog

from holdfast.storage.drivers._bridge.bucket import BridgeBucket
from holdfast.storage.drivers._objectstore.driver import ObjectStoreDriver
from holdfast.storage.drivers._objectstore.retrying import again
from holdfast.storage.errors import PathNotFoundError, StorageError

if TYPE_CHECKING:
    from holdfast.storage.driver import Capabilities, FileWriter
    from holdfast.storage.drivers._bridge.backend import Backend

__all__ = ["BridgeDriver"]

_log = structlog.get_logger(__name__)


class BridgeDriver(ObjectStoreDriver):
    """Files in a backend of another storage library.

    Args:
        name: The driver's name.
        backend: The backend; it is closed with the driver.
        chunksize: The size of a part, in bytes, as long as an upload has few.
        buffermemory: The memory that all parts on their way take together, in bytes.
    """

    def __init__(self, name: str, backend: Backend, *, chunksize: int, buffermemory: int) -> None:
        self._bridge = BridgeBucket(backend)
        super().__init__(name, self._bridge, rootdirectory="", chunksize=chunksize, buffermemory=buffermemory)
        traits = backend.traits
        self._backend_name = backend.identify()
        self._bridged = dataclasses.replace(super().capabilities, exclusive_names=traits.tree, shared=traits.shared)
        if traits.tree and not traits.replaces:
            _log.warning(
                "this backend may not replace a file at once: who reads it meanwhile may find a part of it, or nothing",
                driver=name,
                backend=self._backend_name,
            )

    def __repr__(self) -> str:
        """The class and the backend; nothing of its credentials."""
        return f"{type(self).__name__}({self._backend_name!r})"

    @property
    def capabilities(self) -> Capabilities:
        """What the backend can do."""
        return self._bridged

    async def writer(self, path: str, *, append: bool = False, resume_token: str | None = None) -> FileWriter:
        """See `StorageDriver.writer`. In a tree the path is looked at first: it may be taken by the other kind."""
        if self._bridge.traits.tree:
            await again(self._bridge.require_name, self._keys.key(path))
        return await super().writer(path, append=append, resume_token=resume_token)

    async def move(self, source: str, destination: str) -> None:
        """See `StorageDriver.move`. A rename, where the backend has one that replaces; else a copy, then a delete."""
        if not (self._bridge.traits.tree and self._bridge.traits.rename):
            await super().move(source, destination)
            return
        self._introduce()
        info = await self._bucket.head(self._keys.key(source))
        if source == destination:
            return
        target = self._keys.key(destination)
        lost = False

        async def rename() -> None:
            nonlocal lost
            try:
                await self._bridge.rename(info.key, target)
            except PathNotFoundError:
                # The answer to an earlier try may have got lost: then it is there.
                if not lost or (await self._bridge.head(target)).size != info.size:
                    raise
            except StorageError as error:
                lost = lost or error.retryable
                raise

        await again(rename)
