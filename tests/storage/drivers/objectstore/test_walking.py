import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.storage.drivers._objectstore.bucket import Bucket, Page
from holdfast.storage.drivers._objectstore.walking import walk_objects
from holdfast.storage.errors import StorageUnavailableError
from holdfast.testing.suite.examples import example_settings
from tests.storage.drivers.objectstore.memory_bucket import MemoryBucket, Store
from tests.storage.drivers.objectstore.trees import SparseBucket, bucket_of, key_sets, run

pytestmark = pytest.mark.anyio

_PAGE = 100


class _WatchedBucket(MemoryBucket):
    """Tells how many pages are being read at once; a request takes some turns of the loop."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.reading = 0
        self.most = 0

    async def list_page(self, prefix: str, **arguments: Any) -> Page:
        """As always, counted."""
        self.reading += 1
        self.most = max(self.most, self.reading)
        try:
            for _ in range(5):
                await asyncio.sleep(0)
            return await super().list_page(prefix, **arguments)
        finally:
            self.reading -= 1


async def _walk(bucket: Bucket, prefix: str = "", start_after: str | None = None) -> list[str]:
    return [info.key async for info in walk_objects(bucket, prefix, start_after=start_after)]


@example_settings(200)
@given(
    keys=key_sets | st.sets(st.text("ab/", min_size=1, max_size=6), max_size=60),
    prefix=st.sampled_from(["", "a/", "a", "a/b/", "b/a-b/"]),
    start_after=st.none() | st.sampled_from(["a", "a/", "a/a", "a/b/b", "b", "", "zz"]),
    page=st.integers(1, 5),
    kind=st.sampled_from([MemoryBucket, SparseBucket]),
)
def test_objects_come_in_order_and_once(
    *, keys: set[str], prefix: str, start_after: str | None, page: int, kind: type[MemoryBucket]
) -> None:
    """Whatever the keys and however small the pages: all with the prefix after the start, in byte order."""
    expected = sorted(key for key in keys if key.startswith(prefix) and key > (start_after or ""))
    bucket = bucket_of(keys, page=page, kind=kind)

    assert expected == run(lambda bucket: _walk(bucket, prefix, start_after), bucket)


def _blobs(count: int) -> list[str]:
    return [f"v2/blobs/sha256/{number % 256:02x}/{number:06}/data" for number in range(count)]


def _repositories(count: int, tags: int) -> list[str]:
    return [f"v2/repositories/r{repo:05}/_tags/t{tag}/link" for repo in range(count) for tag in range(tags)]


_TREES: dict[str, list[str]] = {
    "flat": [f"files/{number:06}" for number in range(8000)],
    "blobs": _blobs(8000),
    "small directories": [f"d{number:06}/file" for number in range(8000)],
    "a few large": [f"{name}/{number:06}" for name in "abcde" for number in range(1600)],
    "repositories": _repositories(200, 40),
    "registry": [*_blobs(5000), *_repositories(300, 10)],
    "one below another": ["/".join("d" * depth) + f"/{number:04}" for depth in range(1, 21) for number in range(400)],
    "a large one first": [
        *(f"a/{number:06}" for number in range(6000)),
        *(f"b{number:04}/x" for number in range(2000)),
    ],
    "a large one last": [*(f"b{number:04}/x" for number in range(2000)), *(f"z/{number:06}" for number in range(6000))],
}

_SIDE_BY_SIDE = {"blobs", "a few large", "repositories", "registry"}


def _watched(keys: Iterable[str]) -> _WatchedBucket:
    made = bucket_of(keys, page=_PAGE)
    return _WatchedBucket(made.store)


@pytest.mark.parametrize("name", _TREES)
async def test_requests_for_a_large_tree(name: str) -> None:
    """A large tree costs its pages and some more, whatever its shape: never one page for each range or directory."""
    keys = _TREES[name]
    bucket = _watched(keys)
    found = await _walk(bucket)

    assert found == sorted(keys)
    assert bucket.store.calls.total() <= len(keys) / _PAGE * 1.4 + 10


@pytest.mark.parametrize("name", sorted(_SIDE_BY_SIDE))
async def test_large_trees_are_read_side_by_side(name: str) -> None:
    """Where there are directories of many files, several pages are on their way at once, and never more than eight."""
    bucket = _watched(_TREES[name])
    await _walk(bucket)

    assert 4 <= bucket.most <= 8


@pytest.mark.parametrize(("count", "requests"), [(0, 1), (1, 1), (_PAGE, 1), (_PAGE + 1, 2), (2 * _PAGE, 2)])
async def test_requests_for_a_small_tree(count: int, requests: int) -> None:
    """A small tree costs its pages and nothing more."""
    bucket = _watched([f"{number % 7}/{number:06}" for number in range(count)])
    await _walk(bucket)

    assert {"list_page": requests} == bucket.store.calls
    assert bucket.most == 1


async def test_start_is_not_read() -> None:
    """What comes before the start isn't listed."""
    keys = _blobs(8000)
    start = sorted(keys)[-30]
    bucket = _watched(keys)

    assert await _walk(bucket, start_after=start) == sorted(keys)[-29:]
    assert bucket.store.calls.total() == 1


@pytest.mark.parametrize("taken", [1, 150, 201, 1000, 3000])
async def test_left_early(taken: int) -> None:
    """Who leaves cancels and awaits all reading, at once."""
    bucket = _watched(_blobs(8000))
    before = asyncio.all_tasks()
    async with aclosing(walk_objects(bucket, "", start_after=None)) as walked:
        found = [(await anext(walked)).key for _ in range(taken)]

    assert found == sorted(_blobs(8000))[:taken]
    assert bucket.reading == 0
    assert before == asyncio.all_tasks()


async def test_what_waits_is_bounded() -> None:
    """While nobody takes what was read, no range reads more than two pages."""
    bucket = _watched(_blobs(8000))
    async with aclosing(walk_objects(bucket, "", start_after=None)) as walked:
        for _ in range(2 * _PAGE + 1):
            await anext(walked)
        for _ in range(300):
            await asyncio.sleep(0)
        requests = bucket.store.calls.total()

    assert requests <= 2 + 5 + 2 * 8


@pytest.mark.parametrize("number", [1, 2, 3, 6, 8, 20, 60, 100])
async def test_failure_of_any_page_is_raised(number: int) -> None:
    """A page that can't be read is raised when it is its turn, and what was yielded until then is a beginning."""
    keys = _blobs(8000)
    bucket = _watched(keys)

    def fail(_op: str, when: str, _key: str) -> None:
        if when == "after" and bucket.store.calls.total() >= number:
            raise StorageUnavailableError

    bucket.store.fail = fail
    before = asyncio.all_tasks()
    found: list[str] = []
    with pytest.raises(StorageUnavailableError):
        await _collect(walk_objects(bucket, "", start_after=None), found)

    assert found == sorted(keys)[: len(found)]
    assert before == asyncio.all_tasks()


async def _collect(walked: AsyncIterator[Any], found: list[str]) -> None:
    async for info in walked:
        found.append(info.key)  # noqa: PERF401 - what came before an error counts


@pytest.mark.parametrize("steps", [0, 1, 7, 30, 60, 200])
@pytest.mark.parametrize("times", [1, 3])
async def test_cancelled(steps: int, times: int) -> None:
    """Who is cancelled, however often, leaves no task behind that still reads."""
    bucket = _watched(_blobs(8000))
    before = asyncio.all_tasks()
    task = asyncio.ensure_future(_walk(bucket))
    for _ in range(steps):
        await asyncio.sleep(0)
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0)
    await asyncio.wait({task})

    assert task.cancelled()
    assert bucket.reading == 0
    assert before == asyncio.all_tasks()


async def test_deleted_while_walked() -> None:
    """Objects that vanish or appear meanwhile take nothing else with them."""
    keys = sorted(_blobs(2000))
    bucket = _watched(keys)
    found: list[str] = []
    async with aclosing(walk_objects(bucket, "", start_after=None)) as walked:
        async for info in walked:
            found.append(info.key)
            bucket.store.objects.pop(info.key)
            if len(found) == 100:
                bucket.keep(keys[0] + "new", b"")

    assert found == keys
