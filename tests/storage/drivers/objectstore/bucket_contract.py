"""What every vendor's `Bucket` does, as tests: a vendor's test class inherits `BucketContract`.

    class TestBucket(BucketContract):
        @pytest.fixture
        def make_bucket(self) -> Callable[[], Bucket]: ...
        # and make_missing, make_denied: see `Contract`

What a store's `limits` exclude passes without doing anything, so a vendor's own tests state its limits.
"""

from collections.abc import Callable

import httpx
import pytest

from holdfast.storage.drivers._objectstore.bucket import Bucket
from holdfast.storage.errors import AccessDeniedError, StorageError, UnexpectedStorageError
from holdfast.testing.census import Census
from tests.storage.drivers.objectstore.contract_base import USES, Use, uploads_of
from tests.storage.drivers.objectstore.listing_contract import ListingContract
from tests.storage.drivers.objectstore.objects_contract import ObjectsContract
from tests.storage.drivers.objectstore.uploads_contract import UploadsContract

_USE = pytest.mark.parametrize("use", USES.values(), ids=USES.keys())


class BucketContract(ObjectsContract, ListingContract, UploadsContract):
    """All of the contract, and what is about the bucket as a whole."""

    @_USE
    async def test_missing_bucket_is_no_missing_object(
        self, make_missing: Callable[[], Bucket], prefix: str, use: Use
    ) -> None:
        """Every use says that the bucket is missing; none says that an object is."""
        missing = make_missing()
        try:
            with pytest.raises(UnexpectedStorageError, match=r"(?i)bucket|container"):
                await use(missing, f"{prefix}a")
        finally:
            await missing.aclose()

    @_USE
    async def test_wrong_credentials_are_refused(
        self, make_denied: Callable[[], Bucket] | None, prefix: str, use: Use
    ) -> None:
        """Every use says that access was denied."""
        if make_denied is None:
            return
        denied = make_denied()
        try:
            with pytest.raises(AccessDeniedError):
                await use(denied, f"{prefix}a")
        finally:
            await denied.aclose()

    async def test_batch_delete_without_access(
        self, make_denied: Callable[[], Bucket] | None, make_missing: Callable[[], Bucket], prefix: str
    ) -> None:
        """Many deletions that fail say so, for each key or by an error: they never count as done."""
        for make in (make_denied, make_missing):
            if make is None:
                continue
            bucket = make()
            try:
                failures = dict(await bucket.delete_many([f"{prefix}a", f"{prefix}b"]))
            except StorageError as error:
                failures = {f"{prefix}a": error, f"{prefix}b": error}
            finally:
                await bucket.aclose()

            assert {f"{prefix}a", f"{prefix}b"} == failures.keys()
            assert {AccessDeniedError if make is make_denied else UnexpectedStorageError} == {
                type(failure) for failure in failures.values()
            }

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    async def test_signed_urls(self, bucket: Bucket, prefix: str, method: str) -> None:
        """Whoever has the URL gets the content, by that method; a range of it, too."""
        key = f"{prefix}r t/ü/1+1=2%2F/x~"
        await bucket.put(key, b"0123456789")
        url = await bucket.sign(key, method=method)
        if url is None:
            assert not (bucket.limits.sign_get if method == "GET" else bucket.limits.sign_head)
            return
        async with httpx.AsyncClient(trust_env=False) as client:
            whole = await client.request(method, url)
            part = await client.request(method, url, headers={"Range": "bytes=3-5"})

        assert (200, b"0123456789" if method == "GET" else b"") == (whole.status_code, whole.content)
        assert "10" == whole.headers["Content-Length"]
        assert method == "HEAD" or (206, b"345") == (part.status_code, part.content)

    async def test_other_methods_are_not_signed(self, bucket: Bucket, prefix: str) -> None:
        """Nobody is sent anywhere to write."""
        assert [None, None] == [await bucket.sign(f"{prefix}a", method=method) for method in ("PUT", "DELETE")]

    async def test_it_says_who_we_are(self, bucket: Bucket) -> None:
        """In one line."""
        identity = await bucket.identify()

        assert identity
        assert "\n" not in identity

    async def test_closing(self, make_bucket: Callable[[], Bucket], prefix: str) -> None:
        """A bucket that was never used closes, and one that was closes twice; nothing stays open."""
        census = Census.take()
        for used in (False, True):
            bucket = make_bucket()
            if used:
                await uploads_of(bucket, prefix)
            await bucket.aclose()
            await bucket.aclose()

        assert [] == await census.leaks()
