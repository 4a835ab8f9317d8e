"""The bucket on real stores."""

from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from holdfast.storage.drivers._objectstore.bucket import Bucket
from holdfast.storage.drivers.s3 import S3Options
from holdfast.storage.drivers.s3.bucket import S3Bucket
from tests.services.stores.s3 import S3Service
from tests.storage.drivers.objectstore.bucket_contract import BucketContract
from tests.storage.drivers.objectstore.contract_base import Contract
from tests.storage.drivers.objectstore.listing_contract import ListingContract
from tests.storage.drivers.objectstore.objects_contract import ObjectsContract


class _OnStore(Contract):
    """How a bucket is made on every store."""

    profile: ClassVar[str]

    @pytest.fixture
    def service(self) -> S3Service:
        """The store."""
        raise NotImplementedError

    @pytest.fixture
    def parameters(self, service: S3Service) -> dict[str, Any]:
        """The parameters of a fresh bucket."""
        return service.new_bucket().parameters(profile=self.profile)

    @pytest.fixture
    def make_bucket(self, parameters: dict[str, Any]) -> Callable[[], Bucket]:
        """A fresh bucket."""
        return lambda: S3Bucket(S3Options(**parameters))

    @pytest.fixture
    def make_missing(self, parameters: dict[str, Any]) -> Callable[[], Bucket]:
        """A bucket that nobody made."""
        return lambda: S3Bucket(S3Options(**parameters | {"bucket": "nobody-made-this"}))

    @pytest.fixture
    def make_denied(self, parameters: dict[str, Any]) -> Callable[[], Bucket]:
        """A bucket with a wrong secret."""
        return lambda: S3Bucket(S3Options(**parameters | {"secretkey": "wrong"}))


class TestCeph(_OnStore, BucketContract):
    """Ceph's gateway."""

    profile = "ceph"
    drops_other_parts = False

    @pytest.fixture
    def service(self, ceph: S3Service) -> S3Service:
        """The shared gateway."""
        return ceph


class TestMoto(_OnStore, ObjectsContract, ListingContract):
    """moto's server, a mock: it has other errors for uploads of parts, and none of its signed URLs work."""

    profile = "minio"

    @pytest.fixture
    def service(self, moto: S3Service) -> S3Service:
        """The shared server."""
        return moto


class TestSwift(_OnStore, BucketContract):
    """OpenStack Swift's S3 interface."""

    profile = "swift"
    forgets_completed_uploads = False

    @pytest.fixture
    def service(self, swift_s3: S3Service) -> S3Service:
        """The shared server."""
        return swift_s3
