"""The certification suite on what all object stores share, over a bucket in memory that is as strict as S3."""

from dataclasses import replace

import pytest

from holdfast.storage import Capabilities
from holdfast.storage.drivers._objectstore.bucket import Bucket
from holdfast.storage.drivers._objectstore.driver import ObjectStoreDriver
from holdfast.testing import DriverSuite, Store
from tests.storage.drivers.objectstore import memory_bucket
from tests.storage.drivers.objectstore.memory_bucket import MIB, MemoryBucket

_CAPABLE = Capabilities(
    put_create_only=True,
    put_match_version=True,
    write_resume_token=True,
    write_max_bytes=memory_bucket.LIMITS.max_object,
    list_uploads=True,
    shared=True,
)


class Unshared(ObjectStoreDriver):
    """Without other processes, which can't see this one's memory."""

    def __init__(self, bucket: Bucket) -> None:
        super().__init__("memory-bucket", bucket, rootdirectory="", chunksize=5 * MIB)
        self._capabilities = replace(self._capabilities, shared=False)


def _store(kept: memory_bucket.Store, bucket: MemoryBucket) -> Store:
    def leftovers() -> list[str]:
        return [*kept.objects, *kept.uploads]

    def seed(path: str, content: bytes) -> None:
        bucket.keep(path[1:], content)

    def read(path: str) -> bytes:
        return kept.objects[path[1:]].content

    return Store(
        make=lambda: Unshared(MemoryBucket(kept, bucket.limits)),
        content_in_memory=True,
        leftovers=leftovers,
        seed_behind=seed,
        read_behind=read,
    )


class TestObjectStoreDriver(DriverSuite):
    """A store that can do all, with small pages."""

    capabilities = replace(_CAPABLE, shared=False)

    @pytest.fixture
    def store(self) -> Store:
        """A bucket that lists three entries at a time."""
        kept = memory_bucket.Store(page=3)
        return _store(kept, MemoryBucket(kept))


class TestPlainObjectStoreDriver(DriverSuite):
    """A store that can neither write under conditions nor copy parts, and wants all parts to be equal."""

    capabilities = replace(
        _CAPABLE, put_create_only=False, put_match_version=False, write_max_bytes=10_000 * 5 * MIB, shared=False
    )

    @pytest.fixture
    def store(self) -> Store:
        """A bucket with fewer abilities."""
        kept = memory_bucket.Store()
        limits = memory_bucket.limits_without(create_only=False, match_version=False, copy_part=None, equal_parts=True)
        return _store(kept, MemoryBucket(kept, limits))
