from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog

from tests.registry.client import Client
from tests.registry.storages import Storage, filesystem
from tests.storage_kinds import make_storage


@pytest.fixture(autouse=True, scope="package")
def plain_logs() -> Iterator[None]:
    """Tracebacks as Python prints them: structlog's own, with all locals, take 0.2 seconds each."""
    structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.LogfmtRenderer()])
    yield
    structlog.reset_defaults()


@pytest.fixture
async def storage(storage_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Storage]:
    """An empty storage of each kind: see `tests/storage_kinds.py`."""
    made = make_storage(storage_kind, request, tmp_path / "data")
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
