"""How objects are kept on a real store, however they are made; and copies that are broken off."""

import asyncio
from contextlib import aclosing

import pytest

from holdfast.storage.drivers._objectstore.bucket import PastEndError
from holdfast.storage.drivers.s3 import S3Options
from holdfast.storage.drivers.s3.bucket import S3Bucket
from holdfast.storage.errors import PathNotFoundError
from tests.services.stores.s3 import S3Service
from tests.storage.drivers.objectstore.contract_base import MIB, read

pytestmark = pytest.mark.anyio

_IN_PARTS = {"multipartcopythresholdsize": 6 * MIB, "multipartcopychunksize": 5 * MIB}


async def test_class_and_encryption(ceph: S3Service) -> None:
    """Put, uploaded or copied in either way, an object has the storage class, and is encrypted and readable."""
    fresh = ceph.new_bucket()
    options = {"storageclass": "standard_ia", "encrypt": True, "objectacl": "bucket-owner-full-control"}
    large = bytes(range(256)) * (4096 * 11)
    async with aclosing(S3Bucket(S3Options(**fresh.parameters(profile="ceph", **options, **_IN_PARTS)))) as bucket:
        await bucket.put("put", b"small")
        upload_id = await bucket.begin_upload("parts")
        parts = [
            await bucket.put_part("parts", upload_id, number + 1, large[number * 5 * MIB :][: 5 * MIB])
            for number in (0, 1)
        ]
        parts.append(await bucket.put_part("parts", upload_id, 3, large[10 * MIB :]))
        await bucket.complete_upload("parts", upload_id, parts)
        await bucket.copy(await bucket.head("put"), "copied")
        await bucket.copy(await bucket.head("parts"), "copied in parts")
        contents = [await bucket.get(key) for key in ("put", "copied", "parts", "copied in parts")]
        middle = await read(bucket, "copied in parts", offset=5 * MIB - 3, length=6)
        with pytest.raises(PastEndError):
            await read(bucket, "parts", offset=len(large))
    keys = fresh.keys()
    classes = [fresh.ask("HEAD", key).headers.get("x-amz-storage-class") for key in keys]

    assert [b"small", b"small", large, large] == contents
    assert large[5 * MIB - 3 :][:6] == middle
    assert ["STANDARD_IA"] * 4 == classes
    assert "-" in fresh.ask("HEAD", "copied in parts").headers["etag"]


async def test_a_copy_that_is_broken_off_leaves_nothing(ceph: S3Service) -> None:
    """Cancelled at any moment, a copy in parts is there whole or not at all, and no part takes space."""
    fresh = ceph.new_bucket()
    fresh.put("from", bytes(30 * MIB))
    options = _IN_PARTS | {"multipartcopymaxconcurrency": 2}
    async with aclosing(S3Bucket(S3Options(**fresh.parameters(profile="ceph", **options)))) as bucket:
        source = await bucket.head("from")
        for moment in (0, 0.005, 0.02, 0.05, 0.1):
            task = asyncio.create_task(bucket.copy(source, "to"))
            await asyncio.sleep(moment)
            task.cancel()
            await asyncio.wait([task])

            assert [] == fresh.uploads()
            assert fresh.keys() in (["from"], ["from", "to"])


async def test_a_copy_that_fails_leaves_nothing(ceph: S3Service) -> None:
    """Where the source isn't there any more, no upload stays."""
    fresh = ceph.new_bucket()
    fresh.put("from", bytes(12 * MIB))
    async with aclosing(S3Bucket(S3Options(**fresh.parameters(profile="ceph", **_IN_PARTS)))) as bucket:
        source = await bucket.head("from")
        fresh.delete("from")
        with pytest.raises(PathNotFoundError):
            await bucket.copy(source, "to")

    assert [] == fresh.leftovers()
