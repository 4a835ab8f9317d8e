"""Azurite's containers, and buckets on them."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from holdfast.storage import options
from holdfast.storage.drivers.azure.bucket import AzureBucket
from holdfast.storage.drivers.azure.options import AzureOptions
from tests.services.stores.azurite import AzuriteContainer, AzuriteService
from tests.storage.drivers.azure.between import Between

MakeBucket = Callable[..., AzureBucket]


@pytest.fixture
def container(azurite: AzuriteService) -> AzuriteContainer:
    """A fresh container."""
    return azurite.new_bucket()


@pytest.fixture
def make_azure() -> MakeBucket:
    """Makes a bucket of a configuration's parameters."""

    def make(**parameters: Any) -> AzureBucket:
        return AzureBucket(options.parse("azure", AzureOptions, parameters))

    return make


@pytest.fixture
async def between(container: AzuriteContainer) -> AsyncIterator[Between]:
    """A service in front of the container that a test can answer for."""
    async with Between.start(container.service.endpoint, container.name) as service:
        yield service


@pytest.fixture
async def bucket(make_azure: MakeBucket, container: AzuriteContainer, between: Between) -> AsyncIterator[AzureBucket]:
    """A bucket that goes through that service, and doesn't wait long."""
    bucket = make_azure(**container.parameters(serviceurl=between.url, max_retries=2, retry_delay="1ms"))
    yield bucket
    await bucket.aclose()
