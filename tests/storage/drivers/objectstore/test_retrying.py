import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import pytest
from structlog.testing import capture_logs

from holdfast.storage import errors
from holdfast.storage.drivers._objectstore import retrying
from holdfast.storage.drivers._objectstore.bucket import Bucket, ObjectInfo, OpenUpload, Part, UnknownUploadError
from holdfast.storage.drivers._objectstore.retrying import RetryingBucket, is_retryable, pause
from holdfast.storage.errors import (
    AccessDeniedError,
    PathNotFoundError,
    StorageError,
    StorageTimeoutError,
    StorageUnavailableError,
    ThrottledError,
)
from tests.storage.drivers.objectstore.memory_bucket import MemoryBucket, Store, limits_without

pytestmark = pytest.mark.anyio

_RETRYABLE = {"ThrottledError", "StorageTimeoutError", "StorageUnavailableError", "IncompleteReadError"}

Use = Callable[[Bucket], Coroutine[Any, Any, Any]]


async def _read(bucket: Bucket) -> bytes:
    async with bucket.read("a") as opened:
        return b"".join([chunk async for chunk in opened.chunks])


async def _uploads(bucket: Bucket) -> list[OpenUpload]:
    return [upload async for upload in bucket.list_uploads("")]


_USES: dict[str, Use] = {
    "get": lambda bucket: bucket.get("a"),
    "read": _read,
    "head": lambda bucket: bucket.head("a"),
    "put": lambda bucket: bucket.put("a", b"new"),
    "copy": lambda bucket: bucket.copy(ObjectInfo("a", 7), "b"),
    "delete": lambda bucket: bucket.delete("a"),
    "delete_many": lambda bucket: bucket.delete_many(["a", "b"]),
    "list_page": lambda bucket: bucket.list_page(""),
    "begin_upload": lambda bucket: bucket.begin_upload("a"),
    "put_part": lambda bucket: bucket.put_part("a", "u", 1, b"part"),
    "copy_part": lambda bucket: bucket.copy_part("a", "u", 1, ObjectInfo("a", 7, version="v"), offset=0, length=7),
    "complete_upload": lambda bucket: bucket.complete_upload("a", "u", [Part(1, 5, "t")]),
    "abort_upload": lambda bucket: bucket.abort_upload("a", "u"),
    "list_uploads": _uploads,
}

_uses = pytest.mark.parametrize("use", _USES.values(), ids=_USES)


class _Clock:
    """Time that passes only where somebody sleeps or says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        real = asyncio.sleep

        async def sleep(seconds: float, result: Any = None) -> Any:
            if seconds > 0:
                self.slept.append(seconds)
                self.now += seconds
            return await real(0, result)

        monkeypatch.setattr(asyncio, "sleep", sleep)
        monkeypatch.setattr("time.monotonic", lambda: self.now)
        monkeypatch.setattr(retrying, "pause", pause)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    """A clock of one's own."""
    return _Clock(monkeypatch)


def _bucket(failures: Iterator[StorageError | None], when: str = "before") -> tuple[MemoryBucket, RetryingBucket]:
    """A bucket with an object and an upload, whose next requests fail so."""
    inner = MemoryBucket(Store())
    inner.keep("a", b"content")

    def fail(_op: str, now: str, _key: str) -> None:
        if now == when and (error := next(failures, None)) is not None:
            raise error

    inner.store.fail = fail
    return inner, RetryingBucket(inner)


def _storage_errors() -> list[type[StorageError]]:
    found = [getattr(errors, name) for name in errors.__all__]
    return [found for found in found if issubclass(found, StorageError) and found is not errors.BatchDeleteError]


@pytest.mark.parametrize("error", [*_storage_errors(), UnknownUploadError], ids=lambda error: error.__name__)
async def test_what_is_tried_again(error: type[StorageError]) -> None:
    """The error's class decides, nothing else."""
    inner, bucket = _bucket(iter([error()]))
    if error.__name__ in _RETRYABLE:
        assert await bucket.get("a") == b"content"
    else:
        with pytest.raises(error):
            await bucket.get("a")

    assert is_retryable(error()) == (inner.store.calls["get"] == 2)
    assert not is_retryable(TimeoutError())


@_uses
async def test_every_call_is_tried_again_and_gives_up(use: Use) -> None:
    """Each method is tried six times, and then raises what the last time brought."""
    failures = [StorageUnavailableError(str(number)) for number in range(10)]
    inner, bucket = _bucket(iter(failures))
    with pytest.raises(StorageUnavailableError, match="5"):
        await use(bucket)

    assert inner.store.calls.total() == 6


@_uses
async def test_every_call_takes_a_refusal_at_once(use: Use) -> None:
    """What won't succeed isn't asked twice."""
    inner, bucket = _bucket(iter([AccessDeniedError()]))
    with pytest.raises(AccessDeniedError):
        await use(bucket)

    assert inner.store.calls.total() == 1


def test_every_method_is_there() -> None:
    """A method that was added to `Bucket` would have to be added to these tests."""
    methods = {name for name, member in vars(Bucket).items() if inspect.isfunction(member)}

    assert methods - {"identify", "sign", "aclose"} == _USES.keys()


async def test_each_time_is_told(clock: _Clock) -> None:
    """Whoever finds the store slow reads why: each wait, its cause and its length; what goes well says nothing."""
    _, bucket = _bucket(iter([ThrottledError("slow down", retry_after=3), StorageUnavailableError("away")]))
    with capture_logs() as lines:
        await bucket.get("a")
        await bucket.get("a")

    told = [(line["attempt"], line["error"], line["wait"]) for line in lines]
    waits = [round(seconds, 2) for seconds in clock.slept]
    assert [(1, "ThrottledError: slow down", waits[0]), (2, "StorageUnavailableError: away", waits[1])] == told


async def test_success_costs_one_request_and_no_wait(clock: _Clock) -> None:
    """Nothing is added to what goes well."""
    inner, bucket = _bucket(iter([]))

    assert await bucket.get("a") == b"content"
    assert (inner.store.calls.total(), clock.slept) == (1, [])


@pytest.mark.parametrize(("asked", "least"), [(3.0, 3.0), (0.5, 0.5), (None, 0.0), (-7.0, 0.0), (3600.0, 10.0)])
async def test_asked_to_wait(clock: _Clock, asked: float | None, least: float) -> None:
    """`Retry-After` is waited for, up to ten seconds, and a little longer at random."""
    _, bucket = _bucket(iter([ThrottledError(retry_after=asked)]))
    await bucket.get("a")

    assert len(clock.slept) <= 1
    assert least <= sum(clock.slept) <= least + 0.2


def test_pauses_spread_and_grow() -> None:
    """Each is a random part of a bound that doubles, up to ten seconds."""
    error = StorageUnavailableError()
    longest = [max(pause(error, attempt) for _ in range(300)) for attempt in (1, 2, 3, 10, 100)]
    shortest = [min(pause(error, attempt) for _ in range(300)) for attempt in (1, 2, 3, 10, 100)]

    for bound, low, high in zip((0.2, 0.4, 0.8, 10, 10), shortest, longest, strict=True):
        assert low < bound / 4
        assert bound / 2 < high <= bound


async def test_nothing_is_begun_after_90_seconds(clock: _Clock) -> None:
    """The time counts from the first request on, pauses included; a client waits behind it."""
    begun: list[float] = []

    def slow() -> Iterator[StorageError]:
        while True:
            begun.append(clock.now)
            clock.now += 40
            yield StorageTimeoutError()

    _, bucket = _bucket(slow())
    with pytest.raises(StorageTimeoutError):
        await bucket.get("a")

    assert len(begun) == 3
    assert begun[-1] - begun[0] <= 90


async def test_cancelled_while_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancellation ends trying again at once."""
    monkeypatch.setattr(retrying, "pause", lambda _error, _attempt: 60.0)
    inner, bucket = _bucket(iter([StorageUnavailableError()]))
    task = asyncio.ensure_future(bucket.get("a"))
    for _ in range(10):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert inner.store.calls["get"] == 1


class _Refusing(MemoryBucket):
    """Some keys can't be deleted for a while, or ever."""

    def __init__(self, until: dict[str, int], error: type[StorageError] = ThrottledError) -> None:
        super().__init__(Store())
        self.batches: list[list[str]] = []
        self._until = until
        self._error = error

    async def delete_many(self, keys: Sequence[str]) -> Mapping[str, StorageError]:
        """Tell which couldn't be deleted."""
        self.batches.append(list(keys))
        failed = {key: self._error() for key in keys if self._until.get(key, 0) >= len(self.batches)}
        return dict(await super().delete_many([key for key in keys if key not in failed])) | failed


async def test_some_of_many_are_deleted_later() -> None:
    """Only those that failed are tried again, together."""
    inner = _Refusing({"b": 1, "c": 2, "e": 2})

    assert await RetryingBucket(inner).delete_many("abcde") == {}
    assert inner.batches == [["a", "b", "c", "d", "e"], ["b", "c", "e"], ["c", "e"]]
    assert {"delete_many": 3} == inner.store.calls


async def test_some_of_many_are_never_deleted() -> None:
    """What can't be deleted is told, with its error, after a bounded number of requests, however many there are."""
    inner = _Refusing(dict.fromkeys(map(str, range(1000)), 99))
    failures = await RetryingBucket(inner).delete_many([*map(str, range(2000))])

    assert failures.keys() == set(map(str, range(1000)))
    assert {ThrottledError} == {type(error) for error in failures.values()}
    assert len(inner.batches) == 6


async def test_refused_deletes_are_not_tried_again() -> None:
    """A key that may not be deleted is told at once."""
    inner = _Refusing({"a": 99}, AccessDeniedError)
    failures = await RetryingBucket(inner).delete_many(["a", "b"])

    assert [("a", AccessDeniedError)] == [(key, type(error)) for key, error in failures.items()]
    assert len(inner.batches) == 1


async def test_refused_deletes_keep_others_from_nothing() -> None:
    """A key that may not be deleted doesn't end trying the others."""

    class Mixed(_Refusing):
        async def delete_many(self, keys: Sequence[str]) -> Mapping[str, StorageError]:
            refused = {key: AccessDeniedError() for key in keys if key == "a"}
            return refused | dict(await super().delete_many([key for key in keys if key != "a"]))

    inner = Mixed({"b": 2})
    failures = await RetryingBucket(inner).delete_many(["a", "b", "c"])

    assert [("a", AccessDeniedError)] == [(key, type(error)) for key, error in failures.items()]
    assert inner.batches == [["b", "c"], ["b"], ["b"]]


async def test_batch_that_fails_later_as_a_whole() -> None:
    """What was told of some keys before isn't forgotten when the request for the others fails."""
    inner = _Refusing({"a": 99, "b": 99})
    inner.store.fail = lambda _op, when, _key: _raise_later(when, inner)
    failures = await RetryingBucket(inner).delete_many(["a", "b", "c"])

    assert failures.keys() == {"a", "b"}


def _raise_later(when: str, inner: _Refusing) -> None:
    if when == "before" and len(inner.batches) > 1:
        raise StorageUnavailableError


class _Listing(MemoryBucket):
    """Lists uploads one by one, and fails between them."""

    def __init__(self, failures: Iterator[StorageError | None]) -> None:
        super().__init__(Store())
        self.open = 0
        self._failures = failures

    async def list_uploads(self, prefix: str) -> AsyncIterator[OpenUpload]:
        """As always, with failures."""
        self.open += 1
        try:
            async for upload in super().list_uploads(prefix):
                if (error := next(self._failures, None)) is not None:
                    raise error
                yield upload
        finally:
            self.open -= 1


async def test_listing_of_uploads_goes_on_after_a_failure() -> None:
    """Each upload is yielded once, wherever the listing broke off."""
    inner = _Listing(iter([None, StorageTimeoutError(), None, None, StorageTimeoutError()]))
    begun = {await inner.begin_upload(key) for key in "aab"}

    assert sorted(begun) == sorted(upload.upload_id for upload in await _uploads(RetryingBucket(inner)))


async def test_left_listing_of_uploads_is_closed() -> None:
    """Who leaves early leaves nothing open behind."""
    inner = _Listing(iter([]))
    await inner.begin_upload("a")
    async with aclosing(RetryingBucket(inner).list_uploads("")) as uploads:
        async for _ in uploads:
            break

    assert inner.open == 0


async def test_missing_object_is_not_asked_for_again() -> None:
    """Absence is an answer."""
    inner, bucket = _bucket(iter([]))
    for use in (bucket.get, bucket.head):
        with pytest.raises(PathNotFoundError):
            await use("b")

    assert inner.store.calls.total() == 2


async def test_closed_with_what_it_is_around() -> None:
    """Closing and identity are the inner bucket's."""
    inner = MemoryBucket(Store(), limits_without(create_only=False))
    bucket = RetryingBucket(inner)

    assert (inner.limits, "nobody") == (bucket.limits, await bucket.identify())
    await bucket.aclose()
    assert inner.closed
