"""The driver: the contract over a bucket of OSS."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from holdfast.storage.drivers._objectstore.driver import ObjectStoreDriver
from holdfast.storage.drivers.oss.bucket import OSSBucket
from holdfast.storage.drivers.oss.options import OSSOptions

if TYPE_CHECKING:
    from holdfast.storage.options import DriverOptions

__all__ = ["OSSDriver"]


class OSSDriver(ObjectStoreDriver):
    """Files as objects of a bucket of Alibaba Cloud OSS, at the keys that Distribution wrote.

    Args:
        options: Which bucket, and as whom. Nothing is read or connected to before the first use.
    """

    Options: ClassVar[type[DriverOptions]] = OSSOptions

    def __init__(self, options: OSSOptions) -> None:
        super().__init__(
            "oss",
            OSSBucket(options),
            rootdirectory=options.rootdirectory,
            chunksize=options.chunksize,
            buffermemory=options.buffermemory,
        )
