"""The driver: the options, and the container that they name."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from holdfast.storage.drivers._objectstore.driver import ObjectStoreDriver
from holdfast.storage.drivers._objectstore.retrying import again
from holdfast.storage.drivers.swift.bucket import SwiftBucket
from holdfast.storage.drivers.swift.options import SwiftOptions

if TYPE_CHECKING:
    from holdfast.storage.options import DriverOptions

__all__ = ["SwiftDriver"]


class SwiftDriver(ObjectStoreDriver):
    """Files as objects of a container of OpenStack Swift.

    Args:
        options: Which container, and as whom. Nothing is read or connected to before the first use.
    """

    Options: ClassVar[type[DriverOptions]] = SwiftOptions

    def __init__(self, options: SwiftOptions) -> None:
        self._container = SwiftBucket(options)
        super().__init__(
            "swift",
            self._container,
            rootdirectory=options.root,
            chunksize=options.chunksize,
            buffermemory=options.buffermemory,
        )

    async def move(self, source: str, destination: str) -> None:
        """See `StorageDriver.move`. Of a large object only the manifest moves; its segments stay where they are."""
        self._introduce()
        key, target = self._keys.key(source), self._keys.key(destination)
        if key == target or not await again(self._container.move, key, target):
            await super().move(source, destination)
