from collections.abc import AsyncIterator, Iterator
from functools import partial
from itertools import count

import pytest
import structlog

from tests.conformance.deployment import Deploy, deployed
from tests.registry.client import Client
from tests.registry.storages import Storage
from tests.storage_kinds import make_storage

_numbers = count(1)


@pytest.fixture(autouse=True, scope="module")
def plain_logs() -> Iterator[None]:
    """Tracebacks as Python prints them, where a fault is provoked."""
    structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.LogfmtRenderer()])
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="module")
async def storage(
    storage_kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Storage]:
    """A storage of each kind, shared by a module's tests: each has a repository of its own."""
    made = make_storage(storage_kind, request, tmp_path_factory.mktemp(storage_kind))
    yield made
    await made.aclose()


@pytest.fixture(scope="module")
def deploy(storage: Storage) -> Deploy:
    """Starts registries on the storage, for what needs settings of its own."""
    return partial(deployed, storage)


@pytest.fixture(scope="module")
async def client(deploy: Deploy) -> AsyncIterator[Client]:
    """A client of a registry as it comes, deleting enabled."""
    async with deploy() as made:
        yield made


@pytest.fixture
def name() -> str:
    """A repository that nobody has used."""
    return f"conformance/number-{next(_numbers)}"
