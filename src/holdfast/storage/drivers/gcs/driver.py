"""The driver: the options, and the bucket that they name."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from holdfast.storage.drivers._objectstore.driver import ObjectStoreDriver
from holdfast.storage.drivers.gcs.bucket import GCSBucket
from holdfast.storage.drivers.gcs.options import GCSOptions

if TYPE_CHECKING:
    from holdfast.storage.options import DriverOptions

__all__ = ["GCSDriver"]


class GCSDriver(ObjectStoreDriver):
    """Files as objects of a bucket of Google Cloud Storage.

    Args:
        options: Which bucket, and as whom. Nothing is read or connected to before the first use.
    """

    Options: ClassVar[type[DriverOptions]] = GCSOptions

    def __init__(self, options: GCSOptions) -> None:
        super().__init__(
            "gcs",
            GCSBucket(options),
            rootdirectory=options.rootdirectory,
            chunksize=options.chunksize,
            buffermemory=options.buffermemory,
        )
