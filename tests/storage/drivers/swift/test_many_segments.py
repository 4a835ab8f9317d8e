"""Reading large objects of more segments than a cluster sends without delay."""

import secrets
from typing import Any

import pytest

from holdfast.storage.drivers._objectstore.reader import open_chunks
from holdfast.storage.drivers.swift.bucket import SwiftBucket
from holdfast.storage.errors import IncompleteReadError
from tests.services.stores.swift_container import SwiftContainer, SwiftService

pytestmark = pytest.mark.anyio

_MIB = 1024 * 1024
_SEGMENTS = 14
_CONTENT = secrets.token_bytes(_SEGMENTS * _MIB - 5)
_AT_ONCE = 10


@pytest.fixture
def container(swift_dlo: SwiftService) -> SwiftContainer:
    """A cluster that writes dynamic large objects."""
    return swift_dlo.new_bucket()


@pytest.fixture
async def many(bucket: SwiftBucket) -> SwiftBucket:
    """A bucket with an object of many segments at `files/many`."""
    upload_id = await bucket.begin_upload("files/many")
    pieces = [_CONTENT[begin : begin + _MIB] for begin in range(0, len(_CONTENT), _MIB)]
    parts = [await bucket.put_part("files/many", upload_id, number, piece) for number, piece in enumerate(pieces, 1)]
    await bucket.complete_upload("files/many", upload_id, parts)
    return bucket


@pytest.fixture
def asked(many: SwiftBucket, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys of what is got from then on."""
    keys: list[str] = []
    exchange = many._client.exchange

    def noting(method: str, key: str | None, **other: Any) -> Any:
        if method == "GET" and key is not None:
            keys.append(key)
        return exchange(method, key, **other)

    monkeypatch.setattr(many._client, "exchange", noting)
    return keys


async def _read(bucket: SwiftBucket, offset: int = 0, length: int | None = None) -> bytes:
    async with open_chunks(bucket, "files/many", offset=offset, length=length) as chunks:
        return b"".join([chunk async for chunk in chunks])


@pytest.mark.parametrize(
    ("offset", "length"),
    [
        (0, None),
        (1, _SEGMENTS * _MIB - 7),
        (2 * _MIB, None),
        (2 * _MIB + 5, 11 * _MIB),
        (0, _AT_ONCE * _MIB + 1),
        (3 * _MIB - 1, _AT_ONCE * _MIB + 1),
    ],
)
async def test_segments_after_the_tenth_are_asked_for_by_themselves(
    many: SwiftBucket, asked: list[str], offset: int, length: int | None
) -> None:
    """What is read is the range that was asked for, and no answer has more than ten segments."""
    end = len(_CONTENT) if length is None else offset + length
    assert _CONTENT[offset:end] == await _read(many, offset, length)

    spanned = -(-end // _MIB) - offset // _MIB
    manifest, *segments = asked
    assert "files/many" == manifest
    assert spanned - _AT_ONCE == len(segments)
    assert all(key.startswith("segments/") for key in segments)


async def test_few_segments_are_one_answer(many: SwiftBucket, asked: list[str]) -> None:
    """Where nothing is delayed, nothing is asked for beside the object."""
    assert _CONTENT[_MIB : 11 * _MIB] == await _read(many, _MIB, 10 * _MIB)
    assert ["files/many"] == asked


async def test_replaced_object_is_not_mixed(many: SwiftBucket) -> None:
    """Segments that went while an object was read are no end of it, and no other object's follow."""
    async with open_chunks(many, "files/many") as chunks:
        assert _CONTENT.startswith(await anext(chunks))
        await many.put("files/many", b"another")
        with pytest.raises(IncompleteReadError, match="isn't the same any more"):
            [chunk async for chunk in chunks]
    assert b"another" == await _read(many)


async def test_listing_of_others_is_not_believed(
    many: SwiftBucket, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A listing that isn't of what the answer is made of doesn't count; the answer does."""
    listed = many._larges.segments_of

    async def other(headers: Any) -> Any:
        return list(reversed(await listed(headers)))

    monkeypatch.setattr(many._larges, "segments_of", other)
    assert _CONTENT == await _read(many)
    assert ["files/many"] == asked
