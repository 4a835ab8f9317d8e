"""What is sent, and what is made of odd answers: on the strict storage, as the emulator gives no odd ones."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable

import pytest

import holdfast
from holdfast.storage import CreateOnly, MatchVersion
from holdfast.storage.drivers._objectstore.bucket import ObjectInfo
from holdfast.storage.drivers.gcs import bucket as bucket_module
from holdfast.storage.drivers.gcs.bucket import GCSBucket
from holdfast.storage.drivers.gcs.options import GCSOptions
from holdfast.storage.errors import (
    AccessDeniedError,
    IncompleteReadError,
    PathNotFoundError,
    PreconditionFailedError,
    StorageError,
    StorageTimeoutError,
    StorageUnavailableError,
    ThrottledError,
    UnexpectedStorageError,
)
from tests.services.loopback import Answer, failure
from tests.storage.drivers.gcs.strict_gcs import StrictGCS

pytestmark = pytest.mark.anyio

MakeOptions = Callable[..., GCSOptions]


@pytest.fixture
async def bucket(strict_options: MakeOptions) -> AsyncIterator[GCSBucket]:
    """A bucket."""
    bucket = GCSBucket(strict_options())
    yield bucket
    await bucket.aclose()


async def _read(bucket: GCSBucket, key: str, *, offset: int = 0, version: str | None = None) -> bytes:
    async with bucket.read(key, offset=offset, version=version) as opened:
        return b"".join([chunk async for chunk in opened.chunks])


@pytest.mark.parametrize(
    ("useragent", "sent"),
    [(None, f"holdfast/{holdfast.__version__}"), ("registry.example.com", "registry.example.com")],
)
async def test_user_agent(strict: StrictGCS, strict_options: MakeOptions, useragent: str | None, sent: str) -> None:
    """It is ours, or the configured one."""
    bucket = GCSBucket(strict_options(useragent=useragent))
    await bucket.put("a", b"")
    await bucket.aclose()

    assert [sent] == [request.headers["user-agent"] for request in strict.requests]


async def test_answers_are_kept_small(strict: StrictGCS, bucket: GCSBucket) -> None:
    """Of an object only what is used is asked for."""
    await bucket.put("a", b"")
    await bucket.head("a")
    await bucket.list_page("")
    asked = [request.query["fields"] for request in strict.requests]

    assert ["name,size,generation,timeCreated"] * 2 == asked[:2]
    assert "items(name,size,generation,timeCreated),prefixes,nextPageToken" == asked[2]


async def test_damaged_upload_is_refused(strict: StrictGCS, bucket: GCSBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checksum goes with the content: what arrives otherwise isn't stored."""
    monkeypatch.setattr("holdfast.storage.drivers.gcs._objects.checksum", lambda _: "AAAAAA==")
    with pytest.raises(UnexpectedStorageError, match="CRC32C"):
        await bucket.put("a", b"content")

    assert {} == strict.objects


async def test_damaged_download_is_noticed(strict: StrictGCS, bucket: GCSBucket) -> None:
    """What came isn't what the service says it has: that is worth another try."""
    strict.planned.append(Answer(body=b"cOntent", headers={"X-Goog-Hash": "crc32c=ftyreQ==,md5=x"}))
    with pytest.raises(StorageUnavailableError, match="damaged"):
        await bucket.get("a")


@pytest.mark.parametrize("precondition", [MatchVersion(""), MatchVersion("0"), MatchVersion("-1"), MatchVersion("x")])
async def test_what_was_never_a_version_matches_nothing(
    strict: StrictGCS, bucket: GCSBucket, precondition: MatchVersion
) -> None:
    """Least of all 0, by which the service means that nothing is there."""
    with pytest.raises(PreconditionFailedError):
        await bucket.put("a", b"", precondition=precondition)
    with pytest.raises(PreconditionFailedError):
        await _read(bucket, "a", version=precondition.version)

    assert [] == strict.requests


async def test_conditions_are_the_services_own(strict: StrictGCS, bucket: GCSBucket) -> None:
    """Nothing is looked at before: the condition goes with the content."""
    version = await bucket.put("a", b"", precondition=CreateOnly())
    assert version is not None
    await bucket.put("a", b"", precondition=MatchVersion(version))

    assert ["0", version] == [request.query["ifGenerationMatch"] for request in strict.requests]


@pytest.mark.parametrize("cut", [1, 70_000])
async def test_content_that_ends_early(strict: StrictGCS, bucket: GCSBucket, cut: int) -> None:
    """Fewer bytes than announced are never taken for the whole, and the next request isn't affected."""
    content = bytes(100_000)
    for read in (bucket.get, lambda key: _read(bucket, key)):
        strict.planned.append(Answer(body=content, cut=cut))
        with pytest.raises(IncompleteReadError):
            await read("a")
    strict.keep("a", content)

    assert content == await bucket.get("a")


async def test_packed_content_is_not_unpacked(strict: StrictGCS, bucket: GCSBucket) -> None:
    """An object stored with the content encoding gzip is read as it is stored, a range of it too."""
    packed = gzip.compress(b"content" * 100)
    strict.keep("a", packed, encoding="gzip")

    assert packed == await bucket.get("a")
    assert packed == await _read(bucket, "a")
    assert packed[5:] == await _read(bucket, "a", offset=5)
    assert len(packed) == (await bucket.head("a")).size


async def test_content_in_another_encoding_is_refused(strict: StrictGCS, bucket: GCSBucket) -> None:
    """Content that somebody on the way has changed isn't taken for what is stored."""
    strict.planned.append(Answer(body=b"unpacked", headers={"X-Goog-Stored-Content-Encoding": "gzip"}))
    with pytest.raises(UnexpectedStorageError, match="stored as gzip"):
        await bucket.get("a")


async def test_range_that_is_ignored_is_refused(strict: StrictGCS, bucket: GCSBucket) -> None:
    """The beginning of an object isn't taken for its middle."""
    strict.planned.append(Answer(body=b"from the beginning"))
    with pytest.raises(UnexpectedStorageError, match="where a range was asked for"):
        await _read(bucket, "a", offset=5)


async def test_condition_that_is_ignored_is_noticed(strict: StrictGCS, bucket: GCSBucket) -> None:
    """The answer says which version it is of."""
    strict.planned.append(Answer(body=b"another", headers={"X-Goog-Generation": "2"}))
    with pytest.raises(PreconditionFailedError, match="the generation is 2"):
        await _read(bucket, "a", version="1")


async def test_answers_that_are_not_the_services(strict: StrictGCS, bucket: GCSBucket) -> None:
    """A page of a proxy, say, is no object and no empty listing."""
    for body in (b"<html>Log in</html>", b"", b"[]", b'{"name": "a"}'):
        strict.planned.append(Answer(body=body))
        with pytest.raises(UnexpectedStorageError):
            await bucket.head("a")
    strict.planned.append(Answer(body=b"<html>Log in</html>"))
    with pytest.raises(UnexpectedStorageError):
        await bucket.list_page("")


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (failure(403, "No.", "forbidden"), AccessDeniedError, "HTTP 403: No."),
        (failure(403, "Slower.", "rateLimitExceeded", Retry_After="3"), ThrottledError, "HTTP 403: Slower."),
        (
            failure(404, "The specified bucket does not exist."),
            UnexpectedStorageError,
            "the bucket bucket does not exist",
        ),
        (failure(429, "Slower.", Retry_After="3"), ThrottledError, "HTTP 429: Slower."),
        (failure(503, "Later."), ThrottledError, "HTTP 503: Later."),
        (failure(500, "Oops."), StorageUnavailableError, "HTTP 500: Oops."),
        (Answer(status=0), StorageUnavailableError, "RemoteProtocolError"),
    ],
    ids=["denied", "throttled", "no-bucket", "too-many", "overloaded", "failing", "hangs-up"],
)
async def test_failures(
    strict: StrictGCS, bucket: GCSBucket, answer: Answer, kind: type[StorageError], message: str
) -> None:
    """Each is told as what it is, by every way to ask."""
    for use in (bucket.get, bucket.head, bucket.delete, bucket.list_page, lambda key: bucket.put(key, b"x")):
        strict.planned.append(answer)
        with pytest.raises(kind, match=message) as caught:
            await use("a")
        assert getattr(caught.value, "retry_after", None) == (3 if "Slower" in message else None)


async def test_emulators_do_not_say_what_is_missing(strict: StrictGCS, bucket: GCSBucket) -> None:
    """Where the answer doesn't tell whether bucket or object is missing, the bucket is looked at, once."""
    vague = failure(404, "Not Found", "Not Found")
    strict.planned.extend([vague, vague])
    with pytest.raises(UnexpectedStorageError, match="the bucket bucket does not exist"):
        await bucket.head("a")
    for requests in (2, 1, 1):
        begun = len(strict.requests)
        strict.planned.append(vague)
        with pytest.raises(PathNotFoundError):
            await bucket.head("a")
        assert requests == len(strict.requests) - begun


async def test_empty_pages_are_passed_over(strict: StrictGCS, bucket: GCSBucket) -> None:
    """The service may answer a page with nothing but where to go on."""
    strict.planned.extend([Answer(body={"nextPageToken": "0"}), Answer(body={"nextPageToken": "0"})])
    strict.keep("a", b"")
    page = await bucket.list_page("")

    assert (["a"], None) == ([info.key for info in page.objects], page.cursor)
    assert [None, "0", "0"] == [request.query.get("pageToken") for request in strict.requests]


async def test_where_a_listing_begins(strict: StrictGCS, bucket: GCSBucket) -> None:
    """The service would include the name itself."""
    for key in ("a", "b", "c"):
        strict.keep(key, b"")
    page = await bucket.list_page("", start_after="b", limit=1)

    assert (["c"], None) == ([info.key for info in page.objects], page.cursor)


async def test_copy_that_takes_several_requests(strict: StrictGCS, bucket: GCSBucket) -> None:
    """It is asked for until it is done, each time with where it stands."""
    strict.rewrites = 4
    strict.keep("a", b"content")
    await bucket.copy(await bucket.head("a"), "b")

    assert b"content" == strict.objects["b"].content
    assert [None, "1", "2", "3"] == [
        request.query.get("rewriteToken") for request in strict.asked("POST", "/rewriteTo/")
    ]


async def test_copy_that_takes_too_long(strict: StrictGCS, bucket: GCSBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is an end to waiting, the later the larger the object is; nothing shows then."""
    monkeypatch.setattr(bucket_module, "_COPY_SECONDS", 0.05)
    monkeypatch.setattr(bucket_module, "_COPY_BYTES_PER_SECOND", 1000)
    strict.rewrites = 1_000_000
    strict.keep("a", b"content")
    loop = asyncio.get_running_loop()
    begun = loop.time()
    with pytest.raises(StorageTimeoutError, match="copying 200 bytes"):
        await bucket.copy(ObjectInfo("a", 200), "b")

    assert loop.time() - begun >= 0.25
    assert {"a"} == strict.objects.keys()


async def test_deletes_run_side_by_side(strict: StrictGCS, bucket: GCSBucket) -> None:
    """Some that fail don't keep the others from being done, and are told."""
    for number in range(40):
        strict.keep(f"{number:02}", b"")
    refused = failure(403, "Object is under active retention policy.", "retentionPolicyNotMet")
    strict.instead = lambda request, proceed: refused if request.path.endswith("7") else proceed(request)
    failures = await bucket.delete_many([f"{number:02}" for number in range(40)])

    assert {"07", "17", "27", "37"} == failures.keys() == strict.objects.keys()
    assert {AccessDeniedError} == {type(error) for error in failures.values()}


async def test_closed_bucket_opens_nothing(bucket: GCSBucket) -> None:
    """After it was closed, a use is an error."""
    await bucket.aclose()
    with pytest.raises(UnexpectedStorageError, match="closed"):
        await bucket.get("a")
