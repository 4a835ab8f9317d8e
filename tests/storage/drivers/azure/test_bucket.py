"""The contract of a bucket, on Azurite."""

from collections.abc import Callable

import pytest

from holdfast.storage.drivers._objectstore.bucket import Bucket
from tests.services.stores.azurite import AzuriteContainer
from tests.storage.drivers.azure.conftest import MakeBucket
from tests.storage.drivers.objectstore.bucket_contract import BucketContract

_WRONG_KEY = "A" * 86 + "=="


class TestAzureBucket(BucketContract):
    """With the account's key."""

    @pytest.fixture
    def make_bucket(self, make_azure: MakeBucket, container: AzuriteContainer) -> Callable[[], Bucket]:
        """On a container of its own."""
        return lambda: make_azure(**container.parameters())

    @pytest.fixture
    def make_missing(self, make_azure: MakeBucket, container: AzuriteContainer) -> Callable[[], Bucket]:
        """On a container that nobody has made."""
        return lambda: make_azure(**container.parameters(container="missing"))

    @pytest.fixture
    def make_denied(self, make_azure: MakeBucket, container: AzuriteContainer) -> Callable[[], Bucket]:
        """With another key."""
        return lambda: make_azure(**container.parameters(accountkey=_WRONG_KEY))
