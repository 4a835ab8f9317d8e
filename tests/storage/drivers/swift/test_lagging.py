"""Listings that lag behind writes, as those of a large cluster do: the real one here is made to."""

import pytest

from holdfast.storage.drivers._objectstore.bucket import UnknownUploadError
from holdfast.storage.drivers.swift import _waiting
from holdfast.storage.drivers.swift._objects import Entry
from holdfast.storage.drivers.swift.bucket import SwiftBucket
from holdfast.storage.errors import StorageUnavailableError
from tests.services.stores.swift_container import SwiftContainer, SwiftService

pytestmark = pytest.mark.anyio


@pytest.fixture
def container(swift_dlo: SwiftService) -> SwiftContainer:
    """A cluster where listings count: they are what large objects are made of."""
    return swift_dlo.new_bucket()


class _Lag:
    """Leaves segments out of a bucket's listings for some requests."""

    def __init__(self, bucket: SwiftBucket, *, requests: int) -> None:
        self._list = bucket._client.page
        self.left = requests
        bucket._client.page = self._lagging  # type: ignore[method-assign]

    async def _lagging(self, prefix: str, **params: str) -> list[Entry]:
        found = await self._list(prefix, **params)
        if not prefix.startswith("segments/") or self.left <= 0:
            return found
        self.left -= 1
        return found[:-1]


async def _send(bucket: SwiftBucket) -> tuple[str, list[object]]:
    upload_id = await bucket.begin_upload("files/a")
    return upload_id, [await bucket.put_part("files/a", upload_id, number, b"content") for number in (1, 2)]


async def test_completing_waits_until_all_parts_show(bucket: SwiftBucket) -> None:
    """A manifest that was written sooner would be of less content, for whoever reads it."""
    upload_id, parts = await _send(bucket)
    lag = _Lag(bucket, requests=3)
    await bucket.complete_upload("files/a", upload_id, parts)  # type: ignore[arg-type]

    assert 0 == lag.left
    assert b"contentcontent" == await bucket.get("files/a")


async def test_waiting_has_an_end(bucket: SwiftBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it is an error that can be tried again, nothing is at the key, and later it succeeds."""
    monkeypatch.setattr(_waiting, "SECONDS", 0.2)
    upload_id, parts = await _send(bucket)
    lag = _Lag(bucket, requests=10**6)
    with pytest.raises(StorageUnavailableError, match="don't show"):
        await bucket.complete_upload("files/a", upload_id, parts)  # type: ignore[arg-type]
    lag.left = 0
    await bucket.complete_upload("files/a", upload_id, parts)  # type: ignore[arg-type]

    assert b"contentcontent" == await bucket.get("files/a")


async def test_parts_that_do_not_show_are_looked_for(bucket: SwiftBucket, container: SwiftContainer) -> None:
    """One that isn't listed is asked for by its name; one that is gone isn't waited for."""
    upload_id, parts = await _send(bucket)
    container.delete(container.keys("segments/")[-1])
    with pytest.raises(UnknownUploadError):
        await bucket.complete_upload("files/a", upload_id, parts)  # type: ignore[arg-type]


@pytest.mark.parametrize("use", ["get", "read a range"])
async def test_reading_waits_for_segments(
    bucket: SwiftBucket, container: SwiftContainer, use: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An object that is shorter than its manifest says isn't given to anybody."""
    upload_id, parts = await _send(bucket)
    await bucket.complete_upload("files/a", upload_id, parts)  # type: ignore[arg-type]
    last = container.keys("segments/")[-1]
    container.delete(last)
    assert 14 == (await bucket.head("files/a")).size
    again, looks = _waiting.Looking.again, 0

    async def put_back(self: _waiting.Looking) -> bool:
        nonlocal looks
        looks += 1
        if looks == 2:
            container.put(last, b"content")
        return await again(self)

    monkeypatch.setattr(_waiting.Looking, "again", put_back)
    if use == "get":
        assert b"contentcontent" == await bucket.get("files/a")
    else:
        async with bucket.read("files/a", offset=10, length=3) as opened:
            assert b"ten" == b"".join([chunk async for chunk in opened.chunks])
    assert looks >= 2


async def test_upstreams_are_waited_for_while_none_shows(bucket: SwiftBucket, container: SwiftContainer) -> None:
    """Its manifests don't say how long they are: where a first segment is there, an empty one is taken for a lag."""
    place = "segments/0a1/b2c3d4e5f60718293a4b5c6d7e8f901234567"
    container.put(f"{place}/{1:016}", b"content")
    headers = {"X-Object-Manifest": f"{container.name}/{place}", "Content-Length": "0"}
    container.ask("PUT", "files/a", headers=headers)
    told = await bucket._client.head("files/a")

    assert not await bucket._larges.is_lagging(told, 7)
    assert await bucket._larges.is_lagging(told, 0)
    container.delete(f"{place}/{1:016}")
    assert not await bucket._larges.is_lagging(told, 0)
