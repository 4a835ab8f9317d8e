from collections.abc import Iterator
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.registry.store import catalog, catalog_walk, paths
from holdfast.registry.store.catalog import list_repositories, own_directories
from holdfast.storage.errors import StorageUnavailableError
from holdfast.testing.drivers import CountingDriver, Fault, FaultyDriver
from tests.registry.storages import Storage, inmemory

pytestmark = pytest.mark.anyio

LINK = b"sha256:" + b"a" * 64
COMPONENT = st.sampled_from(["0", "1", "a", "b", "a-b", "a.b", "a_b", "a--b", "ab", "z9"])
NAME = st.lists(COMPONENT, min_size=1, max_size=3).map("/".join)


@pytest.fixture(scope="module", autouse=True)
def small_listings() -> Iterator[None]:
    """Listings of a few names each, so that small trees take many; walks that leap and give up early."""
    with (
        patch.multiple(catalog, _CHUNK=3, _AT_ONCE=3, _OWN=2, LEAST_NAMES=4),
        patch.multiple(catalog_walk, _ENOUGH_FILES=6, _FILES_PER_NAME=2, _RUN=3),
    ):
        yield


async def opened(storage: Storage, last: str | None = None) -> list[str]:
    """All repositories, found without walking."""
    return [name async for name in catalog._by_opening(storage.driver, last=last, limit=None, having="_manifests")]


async def fill(storage: Storage, names: set[str], *parts: str) -> None:
    """Repositories with a file in each of some directories."""
    for name in names:
        for part in parts or ["_manifests"]:
            await storage.put(f"{paths.REPOSITORIES}/{name}/{part}/file", LINK)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    names=st.sets(NAME, max_size=15),
    others=st.sets(NAME, max_size=5),
    last=st.none()
    | NAME
    | st.text("ab/.-_~ !A", max_size=6)
    | st.tuples(NAME, st.text("ab.-!/", max_size=2)).map("".join),
    limit=st.none() | st.integers(0, 6),
    parts=st.sets(st.sampled_from([f"_layers/{number}" for number in range(5)]))
    | st.sets(st.sampled_from([f"_manifests/{number}" for number in range(5)])),
)
async def test_any_repositories(
    names: set[str], others: set[str], last: str | None, limit: int | None, parts: set[str]
) -> None:
    """The repositories are sorted, from any text on, however the names cut across directories and listings."""
    storage = inmemory()
    await fill(storage, names, "_manifests", *parts)
    await fill(storage, others, *parts - {part for part in parts if "_m" in part}, "_uploads/x")

    found = [name async for name in list_repositories(storage.driver, last=last, limit=limit)]

    expected = [name for name in sorted(names) if last is None or name > last]
    assert expected[:limit] == found
    assert expected == await opened(storage, last)
    uploading = [name async for name in list_repositories(storage.driver, having="_uploads")]
    assert sorted(others) == uploading


async def test_own_directories() -> None:
    """What begins with `_` is a repository's own, however many names are before and after."""
    storage = inmemory()
    for child in ("0/_manifests", "1/_manifests", "_a", "_b", "_layers", "_manifests", "_uploads", "a/_other", "b/_x"):
        await storage.put(f"{paths.REPOSITORIES}/app/{child}/file", b"")

    assert {"_a", "_b", "_layers", "_manifests", "_uploads"} == await own_directories(storage.driver, "app")
    assert {"_manifests"} == await own_directories(storage.driver, "app/0")
    assert set() == await own_directories(storage.driver, "absent")


async def test_longest_last() -> None:
    """However long a text is, it is only compared with: nothing is asked of storage that storage refuses."""
    storage = inmemory()
    await fill(storage, {"a", "b"})

    for last in ("a-" * 5000, "a." + "b" * 300, "a/" * 3000, "a!" * 400, "\U0001f600" * 300):
        found = [name async for name in list_repositories(storage.driver, last=last)]
        assert [name for name in ("a", "b") if name > last] == found


async def test_a_repository_above_many() -> None:
    """What a repository has itself is found though a listing of names before it came first, and in its turn."""
    storage = inmemory()
    names = {"a", *(f"a/{number}" for number in range(8)), "a/b"}
    await fill(storage, names)

    assert sorted(names) == [name async for name in list_repositories(storage.driver)]


async def test_names_that_are_skipped_are_not_opened() -> None:
    """A listing that begins late opens only what is above its beginning, and what comes after it."""
    storage = inmemory()
    await fill(storage, {"a", "b", "c", "c-a", "c.a", "c/a", "c/b", "c/b/a", "d"})
    counting = CountingDriver(storage.driver)

    assert ["c/b"] == [name async for name in list_repositories(counting, last="c/a", limit=1)]
    opened = {path.removeprefix(paths.REPOSITORIES) for _, path in counting.calls}
    assert {"", "/c", "/c/a", "/c/b"} == opened


async def test_an_error_is_no_end_of_the_list() -> None:
    """A listing that fails fails the whole: what couldn't be looked at isn't left out."""
    storage = inmemory()
    await fill(storage, {"a", "b", "c"})
    for fault in (Fault(op="list", path="*/b"), Fault(op="walk")):
        driver = FaultyDriver(storage.driver, fault)

        with pytest.raises(StorageUnavailableError):
            [name async for name in list_repositories(driver, limit=3 if fault.op == "list" else None)]
