import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.storage.drivers._objectstore.bucket import Part
from holdfast.storage.drivers._objectstore.keys import Keys
from holdfast.storage.drivers._objectstore.retrying import RetryingBucket
from holdfast.storage.drivers._objectstore.sessions import (
    Session,
    Sessions,
    new_holder,
    new_session,
    read_token,
    token_of,
)
from holdfast.storage.errors import InvalidResumeTokenError, StorageUnavailableError, WriteConflictError
from holdfast.testing.suite.examples import example_settings
from tests.storage.drivers.objectstore.faults import once
from tests.storage.drivers.objectstore.memory_bucket import MemoryBucket, Store, limits_without

pytestmark = pytest.mark.anyio

_PATH = "/a/b"
_KEY = ".uploads~/a/b~"
_PARTS = (Part(1, 5, "t1"), Part(2, 7, "t2"))


def _sessions(bucket: MemoryBucket) -> Sessions:
    return Sessions(RetryingBucket(bucket), Keys(""))


def _session(**changes: Any) -> Session:
    return msgspec.structs.replace(new_session(_PATH), upload_id="u", parts=_PARTS, **changes)


async def test_record_comes_back() -> None:
    """What was saved is what is loaded, whatever bytes the tail has."""
    bucket = MemoryBucket(Store())
    session, tail = _session(), b"\n\n\x00{}\xff\n"
    version = await _sessions(bucket).save(session, tail, replaces=None, is_new=True)
    stored = await _sessions(bucket).load(_PATH)

    assert stored is not None
    assert (session, tail, version) == (stored.session, stored.tail, stored.version)
    assert stored.is_readable
    assert session.size == 12


async def test_record_is_as_described() -> None:
    """A record is a line of JSON, then the tail."""
    bucket = MemoryBucket(Store())
    session = _session()
    await _sessions(bucket).save(session, b"tail", replaces=None, is_new=True)
    line, _, tail = bucket.store.objects[_KEY].content.partition(b"\n")

    assert tail == b"tail"
    assert json.loads(line) == {
        "id": session.id,
        "path": _PATH,
        "upload_id": "u",
        "parts": [[1, 5, "t1"], [2, 7, "t2"]],
        "began": None,
        "holder": "",
    }


async def test_record_that_arrives_in_part_is_never_taken_for_whole() -> None:
    """Where the connection ends within the tail, reading goes on: a shorter tail would be content that is lost."""

    class Short(MemoryBucket):
        async def _chunks(self, key: str, pieces: Any) -> Any:
            async for chunk in super()._chunks(key, pieces):
                yield chunk[: len(chunk) // 2 or 1]
                return

    bucket = Short(Store())
    session, tail = _session(), b"0123456789" * 10
    await _sessions(bucket).save(session, tail, replaces=None, is_new=True)
    stored = await _sessions(bucket).load(_PATH)

    assert stored is not None
    assert tail == stored.tail
    assert bucket.store.calls["read"] > 1


async def test_no_record() -> None:
    """Where no write is, none is loaded, with one request."""
    bucket = MemoryBucket(Store())

    assert await _sessions(bucket).load(_PATH) is None
    assert {"read": 1} == bucket.store.calls


_GOOD = {"id": "0" * 32, "path": _PATH, "upload_id": "u", "parts": [[1, 5, "t"], [2, 7, "t"]]}

_FOREIGN = [b"", b"\n", b"tail without a header", b"\xff\xfe\n", b"null\n", b"[]\n", b"{}\n"]

_WRONG: list[dict[str, Any]] = [
    {"id": ""},
    {"id": "zz" * 16},
    {"id": "00"},
    {"path": "/another"},
    {"path": "xa/b"},
    {"path": None},
    {"path": "/é"},
    {"upload_id": None},
    {"upload_id": 5},
    {"parts": [[2, 5, "t"]]},
    {"parts": [[1, 5, "t"], [3, 5, "t"]]},
    {"parts": [[1, -5, "t"]]},
    {"parts": [[1, 5]]},
    {"parts": None},
]


@pytest.mark.parametrize(
    "content", [*_FOREIGN, *(json.dumps(_GOOD | wrong).encode() + b"\ntail" for wrong in _WRONG)], ids=repr
)
async def test_damaged_record(content: bytes) -> None:
    """A record that isn't ours, or not whole, is there to be thrown away; nothing that it says is believed."""
    bucket = MemoryBucket(Store())
    bucket.keep(_KEY, content)
    stored = await _sessions(bucket).load(_PATH)

    assert stored is not None
    assert not stored.is_readable
    assert (_PATH, None, (), b"") == (stored.session.path, stored.session.upload_id, stored.session.parts, stored.tail)
    await _sessions(bucket).discard(stored.session)
    assert {} == bucket.store.objects


async def test_record_of_a_later_release() -> None:
    """Fields that we don't know are no damage."""
    bucket = MemoryBucket(Store())
    bucket.keep(_KEY, json.dumps(_GOOD | {"more": {}}).encode() + b"\ntail")
    stored = await _sessions(bucket).load(_PATH)

    assert stored is not None
    assert stored.is_readable


@pytest.mark.parametrize("is_new", [True, False])
async def test_another_process_was_faster(*, is_new: bool) -> None:
    """A record that another process has made or gone on with meanwhile isn't written over."""
    bucket = MemoryBucket(Store())
    version = None if is_new else await _sessions(bucket).save(_session(), b"", replaces=None, is_new=True)
    bucket.keep(_KEY, b"another's")
    with pytest.raises(WriteConflictError):
        await _sessions(bucket).save(_session(), b"ours", replaces=version, is_new=is_new)

    assert bucket.store.objects[_KEY].content == b"another's"


async def test_record_that_is_gone_is_not_made_again() -> None:
    """A write that was thrown away stays so."""
    bucket = MemoryBucket(Store())
    session = _session()
    version = await _sessions(bucket).save(session, b"", replaces=None, is_new=True)
    await _sessions(bucket).forget(session)
    with pytest.raises(WriteConflictError):
        await _sessions(bucket).save(session, b"", replaces=version, is_new=False)
    assert not await _sessions(bucket).is_current(session, version)


async def test_store_without_preconditions() -> None:
    """Where the store can't write under conditions, the last one that writes wins."""
    bucket = MemoryBucket(Store(), limits_without(create_only=False, match_version=False))
    bucket.keep(_KEY, b"another's")
    session = _session()
    await _sessions(bucket).save(session, b"ours", replaces="v", is_new=True)
    stored = await _sessions(bucket).load(_PATH)

    assert stored is not None
    assert (session, b"ours") == (stored.session, stored.tail)


async def test_lost_answer_of_saving() -> None:
    """A save whose answer was lost is no conflict with itself."""
    bucket = MemoryBucket(Store())

    bucket.store.fail = once("put", "after")
    version = await _sessions(bucket).save(_session(), b"x" * 1000, replaces=None, is_new=True)

    assert version == bucket.store.objects[_KEY].version


async def test_lost_answer_of_claiming() -> None:
    """Of two that claim one write a single one gets it, also where the other one's request got lost on its way."""
    bucket = MemoryBucket(Store())
    sessions = _sessions(bucket)
    await sessions.save(_session(), b"tail", replaces=None, is_new=True)
    stored = await sessions.load(_PATH)
    assert stored is not None
    version = await sessions.claim(stored, new_holder())
    bucket.store.fail = once("put", "before")
    with pytest.raises(WriteConflictError):
        await sessions.claim(stored, new_holder())

    claimed = await sessions.load(_PATH)
    assert claimed is not None
    assert version == claimed.version
    assert (stored.tail, stored.session.parts) == (claimed.tail, claimed.session.parts)


async def test_discarded_in_an_order_that_can_be_repeated() -> None:
    """Parts go before the record: while they can't be freed, the record says that they are there."""
    bucket = MemoryBucket(Store())
    upload_id = await bucket.begin_upload("a/b")
    session = _session()
    session = msgspec.structs.replace(session, upload_id=upload_id, parts=())
    await _sessions(bucket).save(session, b"", replaces=None, is_new=True)

    def fail(op: str, _when: str, _key: str) -> None:
        if op == "abort_upload":
            raise StorageUnavailableError

    bucket.store.fail, nothing = fail, bucket.store.fail
    with pytest.raises(StorageUnavailableError):
        await _sessions(bucket).discard(session)
    kept = [*bucket.store.objects]
    bucket.store.fail = nothing
    await _sessions(bucket).discard(session)

    assert kept == [_KEY]
    assert ({}, {}) == (bucket.store.objects, bucket.store.uploads)


@example_settings(100)
@given(st.binary(min_size=16, max_size=16))
def test_token_is_the_identity(raw: bytes) -> None:
    """A token leads to the identity that it was made of, and is short."""
    token = token_of(Session(raw.hex(), _PATH))

    assert read_token(token) == raw.hex()
    assert token.isascii()
    assert len(token) == 22


@example_settings(100)
@given(st.text(max_size=30) | st.text("ABCabc012-_", max_size=30))
def test_any_token(token: str) -> None:
    """A token is ours or refused; nothing else happens."""
    try:
        identity = read_token(token)
    except InvalidResumeTokenError:
        return

    assert len(bytes.fromhex(identity)) == 16


def test_sessions_have_identities_of_their_own() -> None:
    """Two writes to one path are told apart."""
    assert new_session(_PATH).id != new_session(_PATH).id
