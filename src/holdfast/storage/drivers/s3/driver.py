"""The driver: the contract over a bucket of S3."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from holdfast.storage.drivers._objectstore.driver import ObjectStoreDriver
from holdfast.storage.drivers.s3.bucket import S3Bucket
from holdfast.storage.drivers.s3.options import S3Options

if TYPE_CHECKING:
    from holdfast.storage.options import DriverOptions

__all__ = ["S3Driver"]


class S3Driver(ObjectStoreDriver):
    """Objects of Amazon S3, or of a store that speaks its protocol, at the keys that Distribution writes.

    Amazon S3, Ceph, OpenStack Swift, MinIO, Cloudflare R2, Backblaze B2, Google Cloud Storage and others; `profile`
    says what the store can do.
    """

    Options: ClassVar[type[DriverOptions]] = S3Options

    def __init__(self, options: S3Options) -> None:
        super().__init__(
            "s3",
            S3Bucket(options),
            rootdirectory=options.rootdirectory,
            chunksize=options.chunksize,
            buffermemory=options.buffermemory,
        )
