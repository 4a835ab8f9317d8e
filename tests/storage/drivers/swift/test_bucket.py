"""The contract of a bucket, on a cluster with static large objects and on one without."""

import secrets
from collections.abc import Callable
from typing import Any

import pytest

from holdfast.storage.drivers._objectstore.bucket import Bucket
from holdfast.storage.drivers.swift.bucket import SwiftBucket
from holdfast.storage.drivers.swift.options import SwiftOptions
from tests.services.stores.swift_container import SwiftContainer, SwiftService
from tests.storage.drivers.objectstore.bucket_contract import BucketContract


def _open(parameters: dict[str, Any]) -> Callable[[], Bucket]:
    return lambda: SwiftBucket(SwiftOptions.model_validate(parameters))


class TestWithStaticLargeObjects(BucketContract):
    """A cluster as they are today."""

    @pytest.fixture
    def prefix(self) -> str:
        """Below the place of files."""
        return f"files/{secrets.token_hex(8)}/"

    @pytest.fixture
    def service(self, swift: SwiftService) -> SwiftService:
        """The cluster."""
        return swift

    @pytest.fixture
    def container(self, service: SwiftService) -> SwiftContainer:
        """A fresh container."""
        return service.new_bucket()

    @pytest.fixture
    def make_bucket(self, container: SwiftContainer) -> Callable[[], Bucket]:
        """The container."""
        return _open(container.parameters())

    @pytest.fixture
    def make_missing(self, service: SwiftService, container: SwiftContainer) -> Callable[[], Bucket]:
        """A container that isn't there, for who may not make it."""
        service.let_read()
        user, password = service.reader
        return _open(container.parameters(container="missing", username=user, password=password))

    @pytest.fixture
    def make_denied(self, container: SwiftContainer) -> Callable[[], Bucket]:
        """A wrong password."""
        return _open(container.parameters(password="wrong"))

    async def test_nothing_else_is_in_the_container(
        self, make_bucket: Callable[[], Bucket], container: SwiftContainer
    ) -> None:
        """An upload that was completed, replaced and deleted leaves no segment and no mark."""
        bucket = make_bucket()
        key = "files/a"
        for _ in range(2):
            upload_id = await bucket.begin_upload(key)
            parts = [await bucket.put_part(key, upload_id, number, bytes(1024**2)) for number in (1, 2)]
            await bucket.complete_upload(key, upload_id, parts)
        assert 3 == len(container.keys())
        await bucket.delete(key)
        await bucket.aclose()

        assert [] == container.keys()


class TestWithDynamicLargeObjects(TestWithStaticLargeObjects):
    """A cluster without static large objects and bulk deletion."""

    @pytest.fixture
    def service(self, swift_dlo: SwiftService) -> SwiftService:
        """The cluster."""
        return swift_dlo
