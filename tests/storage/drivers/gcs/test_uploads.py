"""Uploads of parts, which are objects: on the strict storage, which knows when one is missing or was replaced."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest

from holdfast.storage.drivers._objectstore.bucket import OpenUpload, Part, UnknownUploadError
from holdfast.storage.drivers._objectstore.keys import Keys
from holdfast.storage.drivers.gcs.bucket import GCSBucket
from holdfast.storage.drivers.gcs.options import GCSOptions
from holdfast.storage.errors import StorageUnavailableError
from tests.services.loopback import Answer, Proceed, Request, failure
from tests.storage.drivers.gcs.strict_gcs import StrictGCS

pytestmark = pytest.mark.anyio

ROOT = "some/where"
KEYS = Keys(ROOT)


@pytest.fixture
async def bucket(strict_options: Callable[..., GCSOptions]) -> AsyncIterator[GCSBucket]:
    """A bucket with a root directory."""
    bucket = GCSBucket(strict_options(rootdirectory=ROOT))
    yield bucket
    await bucket.aclose()


async def _send(bucket: GCSBucket, key: str, count: int) -> tuple[str, list[Part]]:
    """Begin an upload, and send so many parts, of which each says its number."""
    upload_id = await bucket.begin_upload(key)
    numbers = range(1, count + 1)
    return upload_id, [await bucket.put_part(key, upload_id, number, b"%05d" % number) for number in numbers]


def _keep_parts(strict: StrictGCS, key: str, upload_id: str, count: int) -> list[Part]:
    """Put so many parts into the storage, behind the bucket's back."""
    prefix = KEYS.part_prefix(key, upload_id)
    return [
        Part(number, 5, str(strict.keep(f"{prefix}{number:05}", b"%05d" % number).generation))
        for number in range(1, count + 1)
    ]


async def _uploads(bucket: GCSBucket, prefix: str) -> list[OpenUpload]:
    return [upload async for upload in bucket.list_uploads(prefix)]


def test_as_many_parts_as_two_levels_take(strict_options: Callable[..., GCSOptions]) -> None:
    """A part may be as small as one likes, and parts may be as many as three requests one after the other compose."""
    limits = GCSBucket(strict_options()).limits

    assert (1, 32**3) == (limits.min_part, limits.max_parts)
    assert limits.max_object <= limits.max_parts * limits.max_part
    assert (True, True, None) == (limits.create_only, limits.match_version, limits.copy_part)


@pytest.mark.parametrize(("count", "requests"), [(1, 1), (32, 1), (33, 3), (1024, 33), (1025, 36)])
async def test_parts_are_composed_in_levels(strict: StrictGCS, bucket: GCSBucket, count: int, requests: int) -> None:
    """However many, they end in their order in one object, and nothing else stays."""
    upload_id = await bucket.begin_upload(f"{ROOT}/a")
    parts = _keep_parts(strict, f"{ROOT}/a", upload_id, count)
    await bucket.complete_upload(f"{ROOT}/a", upload_id, parts)
    composed = strict.asked("POST", "/compose")

    assert b"".join(b"%05d" % number for number in range(1, count + 1)) == strict.objects[f"{ROOT}/a"].content
    assert {f"{ROOT}/a"} == strict.objects.keys()
    assert requests == len(composed)
    assert max(len(json.loads(request.body)["sourceObjects"]) for request in composed) <= 32


async def test_part_replaced_while_it_is_completed(strict: StrictGCS, bucket: GCSBucket) -> None:
    """What was looked at and what is composed are the same: a part replaced in between fails the upload."""
    upload_id, parts = await _send(bucket, f"{ROOT}/a", 3)
    second = f"{KEYS.part_prefix(f'{ROOT}/a', upload_id)}00002"

    def replace_before_composing(request: Request, proceed: Proceed) -> Answer:
        if request.path.endswith("/compose"):
            strict.keep(second, b"another")
        return proceed(request)

    strict.instead = replace_before_composing
    with pytest.raises(UnknownUploadError):
        await bucket.complete_upload(f"{ROOT}/a", upload_id, parts)

    assert f"{ROOT}/a" not in strict.objects


async def test_answer_lost(strict: StrictGCS, bucket: GCSBucket) -> None:
    """Completed once more, since the answer got lost, it is the same object."""
    upload_id, parts = await _send(bucket, f"{ROOT}/a", 2)
    lost: list[Request] = []

    def lose_answer(request: Request, proceed: Proceed) -> Answer:
        answer = proceed(request)
        if request.path.endswith("/compose") and not lost:
            lost.append(request)
            return failure(500, "lost")
        return answer

    strict.instead = lose_answer
    with pytest.raises(StorageUnavailableError):
        await bucket.complete_upload(f"{ROOT}/a", upload_id, parts)
    await bucket.complete_upload(f"{ROOT}/a", upload_id, parts)

    assert b"0000100002" == strict.objects[f"{ROOT}/a"].content
    assert {f"{ROOT}/a"} == strict.objects.keys()


async def test_what_can_not_be_deleted_is_found_later(
    strict: StrictGCS, bucket: GCSBucket, capsys: pytest.CaptureFixture[str]
) -> None:
    """The object is there, so the upload is completed; what stays is told in the log, and listed as an upload."""
    upload_id, parts = await _send(bucket, f"{ROOT}/a", 2)
    refused = failure(500, "no")
    strict.instead = lambda request, proceed: refused if request.method == "DELETE" else proceed(request)
    await bucket.complete_upload(f"{ROOT}/a", upload_id, parts)
    strict.instead = lambda request, proceed: proceed(request)

    assert b"0000100002" == strict.objects[f"{ROOT}/a"].content
    assert "parts of a completed upload stay" in capsys.readouterr().out
    assert [(f"{ROOT}/a", upload_id)] == [each[:2] for each in await _uploads(bucket, "")]
    await bucket.abort_upload(f"{ROOT}/a", upload_id)
    assert {f"{ROOT}/a"} == strict.objects.keys()


async def test_late_part_of_an_aborted_upload_goes(strict: StrictGCS, bucket: GCSBucket) -> None:
    """A part that arrives after the upload was aborted doesn't stay."""
    upload_id, _ = await _send(bucket, f"{ROOT}/a", 2)
    await bucket.abort_upload(f"{ROOT}/a", upload_id)
    with pytest.raises(UnknownUploadError):
        await bucket.put_part(f"{ROOT}/a", upload_id, 3, b"late")

    assert {} == strict.objects


async def test_failures_of_sending_a_part_are_told(strict: StrictGCS, bucket: GCSBucket) -> None:
    """Neither a part that fails nor a mark that can't be looked at passes for success."""
    upload_id = await bucket.begin_upload(f"{ROOT}/a")
    for _ in range(2):
        strict.planned.append(failure(500, "whichever comes first"))
        with pytest.raises(StorageUnavailableError):
            await bucket.put_part(f"{ROOT}/a", upload_id, 1, b"x")

    assert 1 == (await bucket.put_part(f"{ROOT}/a", upload_id, 1, b"x")).number


async def test_cancelled_part(strict: StrictGCS, bucket: GCSBucket) -> None:
    """Sending a part can be cancelled at any moment; what the storage makes of it then doesn't hinder other parts."""
    upload_id = await bucket.begin_upload(f"{ROOT}/a")
    for moment in range(20):
        task = asyncio.create_task(bucket.put_part(f"{ROOT}/a", upload_id, 1, bytes(300_000)))
        for _ in range(moment):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
    part = await bucket.put_part(f"{ROOT}/a", upload_id, 2, b"whole")
    await bucket.complete_upload(f"{ROOT}/a", upload_id, [part])

    assert b"whole" == strict.objects[f"{ROOT}/a"].content


async def test_listing_tells_the_oldest_part(strict: StrictGCS, bucket: GCSBucket) -> None:
    """An upload began with its oldest object; records, and what is elsewhere, aren't uploads."""
    now = datetime.now(UTC).replace(microsecond=0)
    upload_id = "0123456789abcdef" * 2
    prefix = KEYS.part_prefix(f"{ROOT}/a/b", upload_id)
    for age, name in ((5, f"{prefix}00001"), (9, f"{prefix}00002"), (1, f"{prefix}1.00001"), (99, KEYS.record("/a/b"))):
        strict.keep(name, b"", created=now - timedelta(minutes=age))
    strict.keep(f".uploads~/{ROOT}/a/b~{upload_id}~00001", b"another root's")

    assert [OpenUpload(f"{ROOT}/a/b", upload_id, now - timedelta(minutes=9))] == await _uploads(bucket, f"{ROOT}/")
    assert [] == await _uploads(bucket, f"{ROOT}/b")
    assert [] == await _uploads(bucket, "elsewhere/")


@pytest.mark.parametrize("marked", [True, False])
async def test_uploads_at_long_keys_are_found(strict: StrictGCS, bucket: GCSBucket, *, marked: bool) -> None:
    """Names of its objects have the beginning of a long key: the mark tells it, and parts without one can go, too."""
    key = f"{ROOT}/{'d' * 100}/{'e' * 100}/{'f' * 700}/a"
    upload_id, _ = await _send(bucket, key, 2)
    if not marked:
        del strict.objects[KEYS.part_prefix(key, upload_id)]
    (found,) = await _uploads(bucket, f"{ROOT}/{'d' * 100}/")
    assert key.startswith(found.key)
    assert not marked or (key, upload_id) == found[:2]
    below = await _uploads(bucket, f"{ROOT}/{'d' * 100}/{'e' * 100}/{'f' * 700}/")
    assert marked == bool(below)
    await bucket.abort_upload(found.key, found.upload_id)

    assert {} == strict.objects
