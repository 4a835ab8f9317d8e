"""What lists of 10,000 cost in storage operations: as many as the page needs, whatever else there is."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from holdfast.registry.model.digest import Digest
from holdfast.registry.store import paths
from holdfast.registry.store.tags import TagStore
from holdfast.storage.driver import StorageDriver
from holdfast.testing.drivers import CountingDriver
from tests.registry.client import Client
from tests.registry.storages import Storage, filesystem, inmemory

pytestmark = pytest.mark.anyio

MANY = 10_000
FEW = 3
OLD, NEW = Digest.of(b"old"), Digest.of(b"new")
NAMES = sorted(
    f"team-{number % 100:02}/app-{number:04}" if number % 2 else f"app-{number:04}" for number in range(MANY)
)
TAGS = sorted(f"v{number}" for number in range(MANY))


async def fill(storage: Storage, folder: Path, files: dict[str, Digest]) -> None:
    """Links, as storage has them; on a disk without the syncing that 10,000 pushes would do."""
    if storage.is_local:
        await asyncio.to_thread(write, folder, files)
        return
    for path, digest in files.items():
        await storage.put(path, str(digest).encode())


def write(folder: Path, files: dict[str, Digest]) -> None:
    """Write links into a folder."""
    for path, digest in files.items():
        file = Path(f"{folder}{path}")
        file.parent.mkdir(parents=True)
        file.write_text(str(digest))


@pytest.fixture(params=["inmemory", "filesystem"], scope="module")
async def large(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Storage]:
    """10,000 repositories, one with 10,000 tags, a few of which point to another manifest than they first did."""
    folder = tmp_path_factory.mktemp("large")
    storage = inmemory() if request.param == "inmemory" else filesystem(folder)
    # Directories take the time: there are no more of them than the lists need.
    links = {f"{paths.manifests(name)}/link": OLD for name in NAMES}
    for number, tag in enumerate(TAGS):
        moved = number % (MANY // FEW) == 0
        links[paths.tag_current_link("many", tag)] = NEW if moved else OLD
        if not storage.is_local:
            links[paths.tag_index_link("many", tag, OLD)] = OLD
            if moved:
                links[paths.tag_index_link("many", tag, NEW)] = NEW
    await fill(storage, folder, links)
    yield storage
    await storage.aclose()


class Counted:
    """A client of a large registry, and what its requests cost."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.driver: CountingDriver

    def around(self, driver: StorageDriver) -> StorageDriver:
        """Count the operations."""
        self.driver = CountingDriver(driver)
        return self.driver

    async def get(self, client: Client, target: str) -> tuple[list[str], str | None, int]:
        """A page, its link, and the listings it took; no other operation, or a walk, and one more for each leap."""
        self.driver.reset()
        response = await client.request("GET", target)
        assert 200 == response.status_code
        (page,) = (entries for entries in response.json().values() if isinstance(entries, list))
        count = self.driver.counts["list"]
        assert {"list": count} == dict(self.driver.counts) or self.driver.counts["walk"] in {1, 2}
        assert {"list", "walk"} >= self.driver.counts.keys()
        return page, response.headers.get("link"), count


@pytest.mark.parametrize("size", [10, 1000])
@pytest.mark.parametrize("begin", [0, 4321, 9990])
async def test_catalog(large: Storage, begin: int, size: int) -> None:
    """A page costs a listing for each of its repositories, for each directory around them, and a few more.

    A large one, of a store that isn't local, costs one walk: a request for a thousand files.
    """
    counted = Counted(large)
    names = sorted([*NAMES, "many"])
    async with large.client(counted.around) as client:
        last = f"&last={names[begin - 1]}" if begin else ""
        page, link, count = await counted.get(client, f"/v2/_catalog?n={size}{last}")

    assert names[begin : begin + size] == page
    assert (begin + size < len(names)) == (link is not None)
    around = len({name.partition("/")[0] for name in page if "/" in name})
    assert count <= len(page) + around + 20
    assert (count == 0) == (size > 500 and not large.is_local)


async def test_tags(large: Storage) -> None:
    """A page of tags, wherever it begins, and all tags at once, are one listing."""
    counted = Counted(large)
    target = "/v2/many/tags/list"
    async with large.client(counted.around) as client:
        assert (TAGS, None, 1) == await counted.get(client, target)
        for begin in (1, 4321, MANY - 10):
            page, link, count = await counted.get(client, f"{target}?n=100&last={TAGS[begin - 1]}")
            assert (TAGS[begin : begin + 100], 1) == (page, count)
            assert (begin + 100 < MANY) == (link is not None)


async def test_tags_of_a_manifest(large: Storage) -> None:
    """Finding a manifest's few tags among many reads those alone over a network; on this machine, reads are cheap."""
    counting = CountingDriver(large.open())
    expected = [tag for number, tag in enumerate(TAGS) if number % (MANY // FEW) == 0]

    assert expected == await TagStore(counting).pointing_to("many", NEW)
    if large.is_local:
        counting.expect({"list": 1, "get_content": MANY})
    else:
        counting.expect({"walk": 1, "get_content": len(expected)})
