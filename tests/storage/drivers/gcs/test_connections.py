"""Connections are used again, but for those of which nobody knows what is still on its way in them."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from holdfast.storage.drivers._objectstore import connections
from holdfast.storage.drivers.gcs.bucket import GCSBucket
from holdfast.storage.drivers.gcs.options import GCSOptions
from holdfast.storage.errors import PathNotFoundError
from holdfast.testing.census import count_descriptors
from tests.storage.drivers.gcs.strict_gcs import StrictGCS

pytestmark = pytest.mark.anyio

MIB = 1024 * 1024


@pytest.fixture
async def bucket(strict_options: Callable[..., GCSOptions]) -> AsyncIterator[GCSBucket]:
    """A bucket."""
    bucket = GCSBucket(strict_options())
    yield bucket
    await bucket.aclose()


async def _read_some(bucket: GCSBucket, key: str, *, size: int) -> None:
    """Read so many bytes, and stop."""
    async with bucket.read(key) as opened:
        left = size
        while left > 0:
            left -= len(await anext(opened.chunks))


async def test_one_after_the_other_use_one_connection(strict: StrictGCS, bucket: GCSBucket) -> None:
    """Whether they succeed or not, and whether or not a reader who has all bytes asks for more."""
    strict.keep("a", bytes(MIB))
    for _ in range(5):
        await bucket.get("a")
        await bucket.put("b", bytes(MIB))
        with pytest.raises(PathNotFoundError):
            await bucket.head("missing")
        await _read_some(bucket, "a", size=MIB)

    assert 1 == strict.connections


async def test_connections_of_a_burst_are_kept(strict: StrictGCS, bucket: GCSBucket) -> None:
    """The next burst opens none."""
    for _ in range(3):
        await asyncio.gather(*(bucket.put(f"{number}", b"") for number in range(10)))

    assert strict.connections <= 10


async def test_reader_that_leaves_early_takes_its_connection_along(strict: StrictGCS, bucket: GCSBucket) -> None:
    """Nobody reads the rest of an object that isn't wanted, and nothing of it shows up elsewhere."""
    strict.keep("a", bytes(12 * MIB))
    strict.keep("b", b"content")
    await _read_some(bucket, "a", size=1)

    assert b"content" == await bucket.get("b")
    assert 2 == strict.connections


async def test_cancelled_at_any_moment(strict: StrictGCS, bucket: GCSBucket) -> None:
    """Nothing stays open, no request waits for a place that is never free, and no answer comes to another request."""
    strict.keep("a", b"a" * 200_000)
    strict.keep("b", b"b" * 200_000)
    await bucket.get("a")
    before = count_descriptors()
    for moment in range(60):
        task = asyncio.create_task(bucket.get("a"))
        for _ in range(moment):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        async with asyncio.timeout(5):
            assert {ord("b")} == set(await bucket.get("b"))
    for _ in range(200):
        if count_descriptors() <= before:
            break
        await asyncio.sleep(0.01)

    assert count_descriptors() <= before


async def test_idle_connections_are_closed_by_and_by(bucket: GCSBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a burst that is over the connections go, once they are old, with the next request."""
    await asyncio.gather(*(bucket.put(f"{number}", b"") for number in range(10)))
    assert bucket._client._connections._idle
    monkeypatch.setattr(connections, "IDLE_SECONDS", 0)
    await bucket.put("a", b"")

    assert not bucket._client._connections._idle
