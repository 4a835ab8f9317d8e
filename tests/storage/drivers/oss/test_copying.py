"""Copies on the server: whole, and by parts."""

import secrets
from contextlib import aclosing

import pytest

from holdfast import storage
from holdfast.storage.drivers._objectstore.copying import part_size
from holdfast.storage.drivers.oss.bucket import OSSBucket
from holdfast.storage.errors import PreconditionFailedError
from tests.services.loopback import Answer, Proceed, Request
from tests.services.stores.oss.fake import FakeOss
from tests.services.stores.oss.refusal import RefusalError
from tests.services.stores.oss.service import OssService
from tests.storage.drivers.oss.conftest import MakeOptions

pytestmark = pytest.mark.anyio

_MIB = 1024 * 1024


@pytest.mark.parametrize(("threshold", "in_parts"), [(4 * _MIB, False), (4 * _MIB - 1, True), (0, True)])
async def test_what_is_copied_in_parts(oss: OssService, threshold: int, *, in_parts: bool) -> None:
    """What is larger than the threshold; its ETag tells, and nothing else is left."""
    bucket = oss.new_bucket()
    content = secrets.token_bytes(4 * _MIB)
    bucket.put("from", content)
    options = {"multipartcopythresholdsize": threshold, "multipartcopychunksize": _MIB}
    async with aclosing(storage.create("oss", bucket.parameters(**options))) as driver:
        await driver.move("/from", "/to")
        etag = bucket.ask("HEAD", "to").headers["etag"]

        assert in_parts == ("-4" in etag)
        assert content == await driver.get_content("/to")
    assert ["to"] == bucket.leftovers()


def test_sizes_of_parts(make_options: MakeOptions) -> None:
    """As configured, until there would be more than 10,000."""
    limits = OSSBucket(make_options()).limits

    assert 128 * _MIB == part_size(300 * _MIB, 128 * _MIB, limits.max_parts)
    assert part_size(limits.max_object, 128 * _MIB, limits.max_parts) <= limits.max_part
    assert -(-limits.max_object // part_size(limits.max_object, 128 * _MIB, limits.max_parts)) <= limits.max_parts


async def test_a_source_that_is_replaced(fake: FakeOss, make_options: MakeOptions) -> None:
    """The copy is of one version: it fails, and leaves nothing."""
    options = make_options(multipartcopythresholdsize=0, multipartcopychunksize=_MIB, multipartcopymaxconcurrency=1)
    async with aclosing(OSSBucket(options)) as bucket:
        await bucket.put("from", bytes(3 * _MIB))
        source = await bucket.head("from")
        await bucket.put("from", b"x" * 3 * _MIB)
        with pytest.raises(PreconditionFailedError):
            await bucket.copy(source, "to")

    assert ["from"] == [*fake.buckets["bucket"].objects]
    assert {} == fake.buckets["bucket"].uploads


async def test_a_part_that_fails_once(fake: FakeOss, make_options: MakeOptions) -> None:
    """It is copied again, and not all the others."""
    failed: list[str] = []

    def fail_once(request: Request, proceed: Proceed) -> Answer:
        if request.query.get("partNumber") == "2" and not failed:
            failed.append(request.target)
            return Answer(status=500, body=RefusalError(500, "InternalError").body)
        return proceed(request)

    fake.instead = fail_once
    options = make_options(multipartcopythresholdsize=0, multipartcopychunksize=_MIB)
    content = secrets.token_bytes(3 * _MIB)
    async with aclosing(OSSBucket(options)) as bucket:
        await bucket.put("from", content)
        await bucket.copy(await bucket.head("from"), "to")

        assert content == await bucket.get("to")
    assert 4 == sum("partNumber" in request.query for request in fake.requests)
