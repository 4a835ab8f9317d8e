"""Azurite's containers, and buckets on them."""

from collections.abc import Callable
from typing import Any

import pytest

from holdfast.storage import options
from holdfast.storage.drivers.azure.bucket import AzureBucket
from holdfast.storage.drivers.azure.options import AzureOptions
from tests.services.stores.azurite import AzuriteContainer, AzuriteService

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
