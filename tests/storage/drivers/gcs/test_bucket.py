"""The contract of a bucket, on an emulator and on a storage of our own that is stricter."""

from collections.abc import Callable

import pytest

from holdfast.storage.drivers._objectstore.bucket import Bucket
from holdfast.storage.drivers.gcs.bucket import GCSBucket
from holdfast.storage.drivers.gcs.options import GCSOptions
from tests.storage.drivers.gcs.conftest import MakeKey
from tests.storage.drivers.gcs.google_services import GoogleServices
from tests.storage.drivers.gcs.strict_gcs import StrictGCS
from tests.storage.drivers.objectstore.bucket_contract import BucketContract
from tests.storage.drivers.objectstore.contract_base import KEYS, keys_of

MakeOptions = Callable[..., GCSOptions]


class TestOnStrictStorage(BucketContract):
    """On what enforces all that the driver relies on, a little slower than it could be, in small pages."""

    @pytest.fixture
    def make_bucket(self, strict: StrictGCS, strict_options: MakeOptions) -> Callable[[], Bucket]:
        """One that gives ten names a page, and copies in three steps."""
        strict.page = 10
        strict.rewrites = 3
        return lambda: GCSBucket(strict_options())

    @pytest.fixture
    def make_missing(self, strict_options: MakeOptions) -> Callable[[], Bucket]:
        """Another bucket's name."""
        return lambda: GCSBucket(strict_options(bucket="missing"))

    @pytest.fixture
    def make_denied(
        self, services: GoogleServices, make_key: MakeKey, strict_options: MakeOptions
    ) -> Callable[[], Bucket]:
        """A token of somebody else."""
        key = make_key(token_uri=f"{services.url}/bad/token")
        return lambda: GCSBucket(strict_options(credentials=key))


class TestOnEmulator(BucketContract):
    """On fake-gcs-server."""

    @pytest.fixture
    def make_bucket(self, emulator_options: MakeOptions) -> Callable[[], Bucket]:
        """A fresh bucket."""
        return lambda: GCSBucket(emulator_options())

    @pytest.fixture
    def make_missing(self, emulator_options: MakeOptions) -> Callable[[], Bucket]:
        """Another bucket's name."""
        return lambda: GCSBucket(emulator_options(bucket="missing"))

    @pytest.fixture
    def make_denied(self) -> None:
        """It lets everybody in."""

    async def test_delimiter(self, bucket: Bucket, prefix: str) -> None:
        """All prefixes come; the emulator repeats them on every page."""
        for key in KEYS:
            await bucket.put(prefix + key, b"")
        for limit in (None, 1, 2, 100):
            assert ["a", "a-b", "a.b", "a0", "aa"] == await keys_of(bucket, prefix, delimiter=True, limit=limit)

        first = await bucket.list_page(prefix, delimiter=True, limit=1)
        assert [f"{prefix}.uploads~/", f"{prefix}a/", f"{prefix}r t/"] == first.prefixes
