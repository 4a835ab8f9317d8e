"""The contract of a bucket, on a fake of ours that is as strict as OSS is documented to be."""

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace

import pytest

from holdfast.storage import CreateOnly, MatchVersion
from holdfast.storage.drivers._objectstore.bucket import Bucket
from holdfast.storage.drivers.oss.bucket import OSSBucket
from holdfast.storage.errors import (
    AccessDeniedError,
    IncompleteReadError,
    InvalidPathError,
    PreconditionFailedError,
    StorageUnavailableError,
    ThrottledError,
    UnsupportedOperationError,
)
from tests.services.loopback import Answer
from tests.services.stores.oss.fake import FakeOss
from tests.services.stores.oss.place import crc64
from tests.services.stores.oss.refusal import RefusalError, document
from tests.storage.drivers.objectstore.bucket_contract import BucketContract
from tests.storage.drivers.objectstore.contract_base import KEYS, keys_of, read, uploads_of
from tests.storage.drivers.oss.conftest import MakeOptions

pytestmark = pytest.mark.anyio


class TestBucket(BucketContract):
    """On the fake, which gives few names a page."""

    @pytest.fixture
    def make_bucket(self, fake: FakeOss, make_options: MakeOptions) -> Callable[[], Bucket]:
        """The fake's bucket."""
        fake.page = len(KEYS)
        return lambda: OSSBucket(make_options())

    @pytest.fixture
    def make_missing(self, make_options: MakeOptions) -> Callable[[], Bucket]:
        """Another bucket's name."""
        return lambda: OSSBucket(make_options(bucket="missing"))

    @pytest.fixture
    def make_denied(self, make_options: MakeOptions) -> Callable[[], Bucket]:
        """A wrong secret."""
        return lambda: OSSBucket(make_options(accesskeysecret="wrong"))


def test_limits(make_options: MakeOptions) -> None:
    """What the documentation says of parts, objects and copies."""
    limits = OSSBucket(make_options()).limits

    assert (100 * 1024, 5 * 1024**3, 10_000) == (limits.min_part, limits.max_part, limits.max_parts)
    assert (5 * 1024**3, 5 * 1024**3) == (limits.max_put, limits.copy_part)
    assert 48.8 == int(limits.max_object / 1024**4 * 10) / 10
    assert (True, False) == (limits.create_only, limits.match_version)
    assert not OSSBucket(make_options(createonly=False)).limits.create_only


async def test_what_is_written_is_encrypted(fake: FakeOss, make_options: MakeOptions) -> None:
    """By OSS's own keys or a named one, whichever way it is written; not at all where nobody asks for it."""
    kinds = {}
    for options in ({}, {"encrypt": True}, {"encrypt": True, "encryptionkeyid": "key"}, {"encryptionkeyid": "key"}):
        async with aclosing(OSSBucket(make_options(**options))) as bucket:
            await bucket.put("put", b"content")
            upload = await bucket.begin_upload("parts")
            await bucket.complete_upload("parts", upload, [await bucket.put_part("parts", upload, 1, b"content")])
            await bucket.copy(await bucket.head("put"), "copy")
        kept = [
            {name: text for name, text in fake.buckets["bucket"].objects[key].headers.items() if "x-oss" in name}
            for key in ("put", "parts", "copy")
        ]
        assert kept[0] == kept[1] == kept[2]
        kinds[str(options)] = [*kept[0].values()]

    assert [[], ["AES256"], ["KMS", "key"], []] == [*kinds.values()]


async def test_create_only_where_versions_are_kept(fake: FakeOss, make_options: MakeOptions) -> None:
    """OSS ignores the condition there, so nothing is written under it, and the message says what to configure."""
    fake.buckets["bucket"].versioning = "Suspended"
    async with aclosing(OSSBucket(make_options())) as bucket:
        with pytest.raises(UnsupportedOperationError, match="createonly to false"):
            await bucket.put("a", b"content", precondition=CreateOnly())
        await bucket.put("a", b"content")

    assert ["a"] == [*fake.buckets["bucket"].objects]


async def test_create_only_without_the_right_to_ask(fake: FakeOss, make_options: MakeOptions) -> None:
    """Who may not see whether versions are kept is believed; he is asked for once."""
    refused = RefusalError(403, "AccessDenied")
    fake.planned.append(Answer(status=403, body=refused.body))
    async with aclosing(OSSBucket(make_options())) as bucket:
        await bucket.put("a", b"content", precondition=CreateOnly())
        with pytest.raises(PreconditionFailedError):
            await bucket.put("a", b"other", precondition=CreateOnly())

    assert 1 == sum("versioning" in request.query for request in fake.requests)


async def test_no_version_is_replaced(make_options: MakeOptions) -> None:
    """OSS has no such condition."""
    async with aclosing(OSSBucket(make_options())) as bucket:
        with pytest.raises(UnsupportedOperationError):
            await bucket.put("a", b"content", precondition=MatchVersion("1"))


@pytest.mark.parametrize("key", ["x" * 1024, "/a", "\\a"])
async def test_keys_that_oss_does_not_take(make_options: MakeOptions, key: str) -> None:
    """They are no missing objects, and no failure of the store."""
    async with aclosing(OSSBucket(make_options())) as bucket:
        for use in (bucket.put(key, b""), bucket.get(key), bucket.head(key)):
            with pytest.raises(InvalidPathError):
                await use


async def test_deletions_that_are_not_confirmed(fake: FakeOss, make_options: MakeOptions) -> None:
    """What OSS doesn't say that it has deleted counts as a failure, which may be tried again."""
    fake.planned.append(Answer(body=document("DeleteResult")))
    async with aclosing(OSSBucket(make_options())) as bucket:
        failures = await bucket.delete_many(["a"])

    assert {"a": StorageUnavailableError} == {key: type(error) for key, error in failures.items()}


async def test_many_deletions(fake: FakeOss, make_options: MakeOptions) -> None:
    """A thousand go with one request."""
    async with aclosing(OSSBucket(make_options())) as bucket:
        assert {} == await bucket.delete_many([f"a/{number}" for number in range(2001)])

    assert 3 == len(fake.asked("POST"))


async def test_many_uploads(fake: FakeOss, make_options: MakeOptions) -> None:
    """Those of one key are listed page by page, too."""
    fake.page = 2
    async with aclosing(OSSBucket(make_options())) as bucket:
        begun = {await bucket.begin_upload(key) for key in "aaaaab"}

        assert begun == {upload.upload_id for upload in await uploads_of(bucket, "")}


async def test_start_after(make_options: MakeOptions) -> None:
    """A listing can begin anywhere."""
    async with aclosing(OSSBucket(make_options())) as bucket:
        for key in "abc":
            await bucket.put(key, b"")

        assert ["b", "c"] == await keys_of(bucket, "", start_after="a")
        assert ["b", "c"] == await keys_of(bucket, "", start_after="a", limit=1)


async def test_content_that_ends_early(fake: FakeOss, make_options: MakeOptions) -> None:
    """Fewer bytes than announced are an error, whichever way they are read."""
    async with aclosing(OSSBucket(make_options())) as bucket:
        for use in (bucket.get("a"), read(bucket, "a")):
            fake.planned.append(Answer(body=b"content", headers={"ETag": '"1"'}, cut=3))
            with pytest.raises(IncompleteReadError):
                await use


async def test_a_broken_connection_is_not_hidden(fake: FakeOss, make_options: MakeOptions) -> None:
    """Each request is sent once: whoever repeats one has to know that the first may have been executed."""
    async with aclosing(OSSBucket(make_options())) as bucket:
        await bucket.put("a", b"first")
        fake.planned.append(Answer(status=0))
        with pytest.raises(StorageUnavailableError):
            await bucket.put("a", b"second")

    assert 2 == len(fake.asked("PUT"))


async def test_damaged_content(fake: FakeOss, make_options: MakeOptions) -> None:
    """It is refused by OSS, or by us, and the same request may succeed the next time."""
    async with aclosing(OSSBucket(make_options())) as bucket:
        await bucket.put("a", b"content")
        stored = fake.buckets["bucket"].objects["a"]
        told = {"ETag": '"1"', "x-oss-hash-crc64ecma": str(crc64(stored.content))}
        fake.planned.append(Answer(body=b"cintent", headers=told))
        with pytest.raises(StorageUnavailableError, match="damaged"):
            await bucket.get("a")
        fake.instead = lambda request, proceed: proceed(replace(request, body=b"cintent"))
        with pytest.raises(StorageUnavailableError, match="damaged"):
            await bucket.put("b", b"content")

    assert ["a"] == [*fake.buckets["bucket"].objects]


async def test_asked_to_slow_down(fake: FakeOss, make_options: MakeOptions) -> None:
    """It is told how long to wait."""
    refused = RefusalError(503, "DownloadTrafficRateLimitExceeded")
    fake.planned.append(Answer(status=503, body=refused.body, headers={"Retry-After": "7"}))
    async with aclosing(OSSBucket(make_options())) as bucket:
        with pytest.raises(ThrottledError) as caught:
            await bucket.get("a")

    assert 7 == caught.value.retry_after


async def test_the_wrong_region(make_options: MakeOptions) -> None:
    """It is no missing object, and the answer's words are passed on."""
    async with aclosing(OSSBucket(make_options(region="oss-cn-beijing"))) as bucket:
        with pytest.raises(Exception, match="signing region") as caught:
            await bucket.get("a")

    assert not isinstance(caught.value, AccessDeniedError)
