from contextlib import aclosing

import pytest

from holdfast import storage
from tests.services.stores.s3 import S3Service

pytestmark = pytest.mark.anyio

_MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("options", "in_parts"),
    [
        ({"profile": "ceph"}, False),
        ({"profile": "ceph", "multipartcopythresholdsize": 8 * _MIB}, True),
        ({"profile": "generic"}, True),
    ],
    ids=["by reference", "as configured", "unknown store"],
)
async def test_what_is_copied_in_parts(ceph: S3Service, options: dict[str, object], in_parts: bool) -> None:  # noqa: FBT001 a parameter
    """A large object is copied in parts where that is faster, or asked for: its ETag tells."""
    bucket = ceph.new_bucket()
    content = bytes(40 * _MIB)
    bucket.put("from", content)
    async with aclosing(storage.create("s3", bucket.parameters(**options))) as driver:
        await driver.move("/from", "/to")
        etag = bucket.ask("HEAD", "to").headers["etag"]

        assert in_parts == ("-" in etag)
        assert content == await driver.get_content("/to")
