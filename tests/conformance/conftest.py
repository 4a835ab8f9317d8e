from collections.abc import AsyncIterator, Iterator
from functools import partial
from itertools import count

import pytest
import structlog

from tests.conformance.deployment import Deploy, Place, deployed
from tests.registry.client import Client
from tests.registry.storages import Storage
from tests.storage_kinds import chosen_kinds, make_storage

_numbers = count(1)


@pytest.fixture(autouse=True, scope="module")
def plain_logs() -> Iterator[None]:
    """Tracebacks as Python prints them, where a fault is provoked."""
    structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.LogfmtRenderer()])
    yield
    structlog.reset_defaults()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Makes a test of the registry one for each kind of storage, and one more for each that registries can share."""
    if "place" in metafunc.fixturenames:
        kinds = chosen_kinds(metafunc.config)
        places = [Place(kind) for kind in kinds] + [Place(kind, replicas=2) for kind in kinds if kind != "inmemory"]
        metafunc.parametrize("place", places, ids=str, scope="session")


@pytest.fixture(scope="module")
async def storage(
    place: Place, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Storage]:
    """The place's storage, shared by a module's tests: each has a repository of its own."""
    made = make_storage(place.kind, request, tmp_path_factory.mktemp(place.kind))
    yield made
    await made.aclose()


@pytest.fixture(scope="module")
def deploy(place: Place, storage: Storage) -> Deploy:
    """Starts registries on the storage, for what needs settings of its own."""
    return partial(deployed, storage, replicas=place.replicas)


@pytest.fixture(scope="module")
async def client(deploy: Deploy) -> AsyncIterator[Client]:
    """A client of a registry as it comes, deleting enabled."""
    async with deploy() as made:
        yield made


@pytest.fixture
def name() -> str:
    """A repository that nobody has used."""
    return f"conformance/number-{next(_numbers)}"
