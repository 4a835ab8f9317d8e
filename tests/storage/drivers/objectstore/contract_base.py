"""What all parts of the contract of a `Bucket` share: the fixtures that a vendor gives, and ways to look."""

import secrets
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from holdfast.storage.drivers._objectstore.bucket import Bucket, ObjectInfo, OpenUpload
from holdfast.testing.census import Census

MIB = 1024 * 1024

# What paths are made of, our own names, and what a root directory may have besides.
KEYS = ["a", "a-b", "a.b", "a/b", "a/c/d", "a0", "aa", ".uploads~/a/b~", ".uploads~/a~0x-Y_z~1", "r t/ü/1+1=2%2F/x"]

Use = Callable[[Bucket, str], Coroutine[Any, Any, Any]]


async def read(bucket: Bucket, key: str, **arguments: Any) -> bytes:
    """Read an object or a range of it to its end."""
    async with bucket.read(key, **arguments) as opened:
        return b"".join([chunk async for chunk in opened.chunks])


async def keys_of(bucket: Bucket, prefix: str, **arguments: Any) -> list[str]:
    """The keys of a listing of any number of pages, without the prefix."""
    found: list[str] = []
    cursor = None
    while True:
        page = await bucket.list_page(prefix, cursor=cursor, **arguments)
        found += [info.key.removeprefix(prefix) for info in page.objects]
        cursor = page.cursor
        if cursor is None:
            return found


async def uploads_of(bucket: Bucket, prefix: str) -> list[OpenUpload]:
    """The open uploads below a prefix."""
    return [upload async for upload in bucket.list_uploads(prefix)]


async def _empty(bucket: Bucket, prefix: str) -> None:
    for upload in await uploads_of(bucket, prefix):
        await bucket.abort_upload(upload.key, upload.upload_id)
    failures = await bucket.delete_many([prefix + key for key in await keys_of(bucket, prefix)])

    assert {} == failures


# Ways to ask for an object; those of `USES` meet a missing bucket, and credentials that are wrong.
READS: dict[str, Use] = {
    "get": lambda bucket, key: bucket.get(key),
    "read": read,
    "read a range": lambda bucket, key: read(bucket, key, offset=1, length=2),
    "head": lambda bucket, key: bucket.head(key),
    "copy": lambda bucket, key: bucket.copy(ObjectInfo(key, 5), f"{key}-2"),
}
USES: dict[str, Use] = READS | {
    "put": lambda bucket, key: bucket.put(key, b"x"),
    "list_page": lambda bucket, key: bucket.list_page(key),
    "begin_upload": lambda bucket, key: bucket.begin_upload(key),
}


class Contract:
    """The fixtures; a vendor gives the first three."""

    pytestmark = pytest.mark.anyio

    @pytest.fixture
    def make_bucket(self) -> Callable[[], Bucket]:
        """Makes a bucket object on a bucket that exists; nothing may be in it below `prefix`."""
        raise NotImplementedError

    @pytest.fixture
    def make_missing(self) -> Callable[[], Bucket]:
        """Makes a bucket object on a bucket that doesn't exist."""
        raise NotImplementedError

    @pytest.fixture
    def make_denied(self) -> Callable[[], Bucket] | None:
        """Makes a bucket object with credentials that are wrong; `None` where the server checks none."""
        raise NotImplementedError

    @pytest.fixture
    def prefix(self) -> str:
        """What all keys of one test begin with."""
        return f"{secrets.token_hex(8)}/"

    @pytest.fixture
    async def bucket(self, make_bucket: Callable[[], Bucket], prefix: str) -> AsyncIterator[Bucket]:
        """The bucket under test, emptied afterwards, which leaves nothing open once it is closed."""
        census = Census.take()
        bucket = make_bucket()
        try:
            yield bucket
            await _empty(bucket, prefix)
        finally:
            await bucket.aclose()

        assert [] == await census.leaks()
