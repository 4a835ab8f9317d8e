from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog

from tests.registry.client import Client
from tests.registry.storages import Storage, filesystem, inmemory


@pytest.fixture(autouse=True, scope="package")
def plain_logs() -> Iterator[None]:
    """Tracebacks as Python prints them: structlog's own, with all locals, take 0.2 seconds each."""
    structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.LogfmtRenderer()])
    yield
    structlog.reset_defaults()


@pytest.fixture(params=["inmemory", "filesystem"])
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Storage]:
    """An empty storage of each kind."""
    made = inmemory() if request.param == "inmemory" else filesystem(tmp_path / "data")
    yield made
    await made.aclose()


@pytest.fixture
async def shared_storage(tmp_path: Path) -> AsyncIterator[Storage]:
    """An empty storage that several registries can use at once."""
    made = filesystem(tmp_path / "data")
    yield made
    await made.aclose()


@pytest.fixture
async def client(storage: Storage) -> AsyncIterator[Client]:
    """A client of a registry on a storage of each kind."""
    async with storage.client() as made:
        yield made
