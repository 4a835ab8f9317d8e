"""The azure driver: what all object stores share, over a container."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from holdfast.storage.drivers._objectstore.driver import ObjectStoreDriver
from holdfast.storage.drivers.azure.bucket import AzureBucket
from holdfast.storage.drivers.azure.options import AzureOptions

if TYPE_CHECKING:
    from holdfast.storage.options import DriverOptions

__all__ = ["AzureDriver"]


class AzureDriver(ObjectStoreDriver):
    """Files as block blobs of a container, at the names that Distribution gives them.

    Args:
        options: The driver's.
    """

    Options: ClassVar[type[DriverOptions]] = AzureOptions

    def __init__(self, options: AzureOptions) -> None:
        super().__init__(
            "azure",
            AzureBucket(options),
            rootdirectory=options.rootdirectory,
            chunksize=options.chunksize,
            buffermemory=options.buffermemory,
        )
