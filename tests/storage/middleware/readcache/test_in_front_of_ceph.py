"""What a second pull costs with the cache in front of a real store."""

from __future__ import annotations

from contextlib import aclosing
from time import perf_counter
from typing import TYPE_CHECKING

import pytest

from holdfast.registry.model.digest import Digest
from holdfast.registry.store.blobs import BlobStore
from holdfast.registry.store.facts import Facts
from holdfast.storage import create
from holdfast.storage.layers import compose
from holdfast.storage.middleware.readcache import ReadCache
from holdfast.storage.middleware.readcache.options import ReadCacheOptions
from holdfast.testing import CountingDriver
from holdfast.testing.suite.acts import MIB, random_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from tests.services.stores.s3 import S3Service

pytestmark = pytest.mark.anyio

_LAYER = random_bytes(32 * MIB)
_CONFIGURATION = random_bytes(3000)


async def _pull(blobs: BlobStore, content: bytes) -> float:
    """Pull a blob as a client does, and tell how many seconds that took."""
    start = perf_counter()
    blob = await blobs.open("name", Digest.of(content))
    if blob.content is None:
        size = 0
        async with blobs.reader(blob, 0, blob.size) as chunks:
            async for chunk in chunks:
                size += len(chunk)
        assert len(content) == size
    return perf_counter() - start


async def test_second_pull_reads_no_data_and_is_faster(ceph: S3Service, tmp_path: Path) -> None:
    """From the second pull on the store is asked only whether the blob is there, and it takes less time."""
    bucket = ceph.new_bucket()
    counting = CountingDriver(create(bucket.driver, bucket.parameters()))
    cached = compose(ReadCache(counting, ReadCacheOptions(rootdirectory=str(tmp_path / "cache"))))
    async with aclosing(cached):
        alone, through = BlobStore(counting.inner, Facts()), BlobStore(cached, Facts())
        for content in (_LAYER, _CONFIGURATION):
            await alone.put("name", Digest.of(content), content)
            await _pull(through, content)
        counting.reset()
        seconds = [await _pull(through, _LAYER) for _ in range(5)]
        await _pull(through, _CONFIGURATION)
        asked = {*counting.counts}
        without = [await _pull(alone, _LAYER) for _ in range(5)]
        local = (await through.open("name", Digest.of(_LAYER))).local

    assert {"stat"} == asked
    assert local is not None
    assert min(seconds) < 0.8 * min(without), (seconds, without)
