from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from holdfast.storage.driver import StorageDriver
from holdfast.storage.drivers.swift import SwiftDriver, SwiftOptions
from holdfast.storage.drivers.swift.bucket import SwiftBucket
from tests.services.stores.swift_container import SwiftContainer, SwiftService
from tests.storage.drivers.swift.version2 import Version2

MakeBucket = Callable[..., SwiftBucket]


@pytest.fixture(params=["swift", "swift_dlo"])
def container(request: pytest.FixtureRequest) -> SwiftContainer:
    """A fresh container, once of a cluster with static large objects, and once of one without."""
    service: SwiftService = request.getfixturevalue(request.param)
    return service.new_bucket()


@pytest.fixture
async def bucket(container: SwiftContainer) -> AsyncIterator[SwiftBucket]:
    """The container as drivers see it."""
    bucket = SwiftBucket(SwiftOptions.model_validate(container.parameters()))
    yield bucket
    await bucket.aclose()


@pytest.fixture
async def driver(container: SwiftContainer) -> AsyncIterator[StorageDriver]:
    """A driver on the container, with segments as small as they can be."""
    driver = SwiftDriver(SwiftOptions.model_validate(container.parameters(chunksize=1024 * 1024)))
    yield driver
    await driver.aclose()


@pytest.fixture
async def open_bucket() -> AsyncIterator[Callable[..., SwiftBucket]]:
    """Makes buckets, which are closed in the end."""
    async with AsyncExitStack() as stack:

        def make(container: SwiftContainer, **other: Any) -> SwiftBucket:
            bucket = SwiftBucket(SwiftOptions.model_validate(container.parameters(**other)))
            stack.push_async_callback(bucket.aclose)
            return bucket

        yield make


@pytest.fixture
def version2(swift: SwiftService) -> Iterator[Version2]:
    """What gives tokens of the Swift, and speaks version 2."""
    with Version2(swift) as version2:
        yield version2
