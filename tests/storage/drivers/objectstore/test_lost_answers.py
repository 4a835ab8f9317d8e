from typing import Any

import pytest

from holdfast.storage.driver import CreateOnly, MatchVersion, Precondition
from holdfast.storage.drivers._objectstore.bucket import ObjectInfo, Part, UnknownUploadError
from holdfast.storage.drivers._objectstore.retrying import RetryingBucket
from holdfast.storage.errors import PreconditionFailedError, StorageTimeoutError, StorageUnavailableError
from tests.storage.drivers.objectstore.faults import once
from tests.storage.drivers.objectstore.memory_bucket import MemoryBucket, Store

pytestmark = pytest.mark.anyio


def _bucket(*fault: Any) -> tuple[MemoryBucket, RetryingBucket]:
    inner = MemoryBucket(Store())
    inner.keep("a", b"content")
    if fault:
        inner.store.fail = once(*fault)
    return inner, RetryingBucket(inner)


@pytest.mark.parametrize("precondition", [CreateOnly(), MatchVersion("first")])
@pytest.mark.parametrize("told", [True, False], ids=["versions", "no versions"])
async def test_lost_answer_to_a_put_that_happened(precondition: Precondition, *, told: bool) -> None:
    """Our own content is no failed precondition, and its version is told."""
    inner, bucket = _bucket("put", "after")
    if isinstance(precondition, MatchVersion):
        precondition = MatchVersion(inner.keep("b", b"old"))
    if not told:
        head = inner.head

        async def untold(key: str) -> ObjectInfo:
            info = await head(key)
            return ObjectInfo(info.key, info.size, info.modified)

        inner.head = untold  # type: ignore[method-assign]
    version = await bucket.put("b", bytearray(b"ours"), precondition=precondition)

    assert inner.store.objects["b"].content == b"ours"
    assert version == (inner.store.objects["b"].version if told else None)


@pytest.mark.parametrize("another", [b"another", b"ours2", b"OURS", None])
async def test_lost_answer_and_anothers_content(another: bytes | None) -> None:
    """Where another's content lies, or none, the precondition has failed."""
    inner, bucket = _bucket()
    version = inner.keep("b", b"old")

    def replace(_op: str, when: str, _key: str) -> None:
        if when == "before" and inner.store.calls["put"] == 1:
            inner.store.objects.pop("b")
            if another is not None:
                inner.keep("b", another)
            raise StorageTimeoutError

    inner.store.fail = replace
    with pytest.raises(PreconditionFailedError):
        await bucket.put("b", b"ours", precondition=MatchVersion(version))

    assert another == (inner.store.objects["b"].content if another is not None else None)


async def test_failed_precondition_without_a_lost_answer() -> None:
    """Equal content of somebody else is no success where no answer was lost, and isn't read either."""
    inner, bucket = _bucket()
    with pytest.raises(PreconditionFailedError):
        await bucket.put("a", b"content", precondition=CreateOnly())

    assert {"put": 1} == inner.store.calls


async def test_lost_answer_and_a_failing_comparison() -> None:
    """That it can't be compared just now isn't a failed precondition."""
    inner, bucket = _bucket()
    failed: list[str] = []

    def fail(op: str, when: str, _key: str) -> None:
        if op not in failed and (op, when) in {("put", "after"), ("head", "before"), ("get", "before")}:
            failed.append(op)
            raise StorageUnavailableError

    inner.store.fail = fail
    version = await bucket.put("b", b"ours", precondition=CreateOnly())

    assert version == inner.store.objects["b"].version
    assert sorted(failed) == ["get", "head", "put"]


async def test_lost_answer_to_completing() -> None:
    """An upload that is unknown because it has been completed is no failure; the object is what the parts were."""
    inner, bucket = _bucket()
    upload_id = await bucket.begin_upload("b")
    part = await bucket.put_part("b", upload_id, 1, b"part")
    inner.store.fail = once("complete_upload", "after")
    await bucket.complete_upload("b", upload_id, [part])

    assert inner.store.objects["b"].content == b"part"
    assert inner.store.calls["complete_upload"] == 2


@pytest.mark.parametrize("content", [b"another length", None])
async def test_upload_that_is_unknown_after_a_failure(content: bytes | None) -> None:
    """Where the object isn't what the parts would have been, the upload was thrown away."""
    inner, bucket = _bucket()
    if content is not None:
        inner.keep("b", content)
    inner.store.fail = once("complete_upload", "before")
    with pytest.raises(UnknownUploadError):
        await bucket.complete_upload("b", "gone", [Part(1, 4, "t")])


async def test_completed_by_a_request_that_says_unknown() -> None:
    """A store that fails, and then knows the upload no more, may have completed it: what is there tells."""
    inner, bucket = _bucket()
    inner.keep("b", b"part")
    complete = inner.complete_upload

    async def unsure(key: str, upload_id: str, parts: Any) -> None:
        try:
            await complete(key, upload_id, parts)
        except UnknownUploadError:
            raise UnknownUploadError(maybe_completed=True) from None

    inner.complete_upload = unsure  # type: ignore[method-assign]
    await bucket.complete_upload("b", "gone", [Part(1, 4, "t")])
    with pytest.raises(UnknownUploadError):
        await bucket.complete_upload("b", "gone", [Part(1, 5, "t")])


async def test_unknown_upload_without_a_failure() -> None:
    """An object of the same length is no sign of success where no answer was lost."""
    inner, bucket = _bucket()
    inner.keep("b", b"part")
    with pytest.raises(UnknownUploadError):
        await bucket.complete_upload("b", "gone", [Part(1, 4, "t")])

    assert {"complete_upload": 1} == inner.store.calls
