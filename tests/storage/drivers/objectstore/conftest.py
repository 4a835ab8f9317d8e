import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from holdfast.storage.drivers._objectstore import reader, retrying
from holdfast.storage.drivers._objectstore.driver import ObjectStoreDriver
from tests.storage.drivers.objectstore.memory_bucket import Store
from tests.storage.drivers.objectstore.stage import is_quiet, opened, scaled

__all__: list[str] = []


@pytest.fixture(autouse=True, scope="module")
def _no_pauses() -> Iterator[None]:
    """Trying again waits for nothing."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (reader, retrying):
            patch.setattr(module, "pause", lambda _error, _attempt: 0.0)
        yield


@pytest.fixture(scope="module")
def small_sizes() -> Iterator[None]:
    """A few bytes are several parts."""
    with scaled():
        yield


@pytest.fixture
def store() -> Store:
    """An empty store."""
    return Store()


@pytest.fixture
async def driver(store: Store, small_sizes: None) -> AsyncIterator[ObjectStoreDriver]:
    """One process's driver on the store, that has to be left holding no memory."""
    del small_sizes
    made = opened(store)
    yield made

    assert await is_quiet(made, before=asyncio.all_tasks())
    await made.aclose()
