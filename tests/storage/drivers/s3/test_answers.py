"""What the bucket makes of answers that real stores don't give on demand; the store is a fake one."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
from aiohttp import web

from holdfast.storage.drivers._objectstore.bucket import ObjectInfo, Part, PastEndError, UnknownUploadError
from holdfast.storage.drivers.s3 import _client
from holdfast.storage.drivers.s3.bucket import S3Bucket
from holdfast.storage.errors import (
    AccessDeniedError,
    IncompleteReadError,
    PathNotFoundError,
    StorageTimeoutError,
    StorageUnavailableError,
    ThrottledError,
    UnexpectedStorageError,
)
from tests.storage.drivers.objectstore.contract_base import read
from tests.storage.drivers.s3.fake_web import FakeWeb, Request, error, fake_web, missing, xml

pytestmark = pytest.mark.anyio

Make = Callable[..., S3Bucket]

_DATE = "Wed, 25 Nov 2026 02:02:43 GMT"


@pytest.fixture
async def store() -> AsyncIterator[FakeWeb]:
    """A store that has nothing."""
    async with fake_web() as fake:
        yield fake


@pytest.fixture
def make(store: FakeWeb, open_bucket: Make) -> Make:
    """Makes buckets on the store."""
    return lambda **options: open_bucket(**store.parameters(**options))


def _content(body: bytes, **headers: str) -> web.Response:
    return web.Response(body=body, headers={"ETag": '"1"', "Last-Modified": _DATE} | headers)


@pytest.mark.parametrize(
    ("code", "kind"), [("InternalError", StorageUnavailableError), ("NoSuchUpload", UnknownUploadError)]
)
async def test_an_error_in_an_answer_of_success(store: FakeWeb, make: Make, code: str, kind: type[Exception]) -> None:
    """Stores begin to answer before they know: completing or copying that fails with status 200 has failed."""

    def answer(request: Request) -> web.Response:
        if request.method == "GET":
            return xml("<ListPartsResult/>")
        return error(code, 200)

    store.answer = answer
    with pytest.raises(kind):
        await make().complete_upload("a", "upload", [Part(1, 1, "tag")])
    with pytest.raises(kind):
        await make().copy(ObjectInfo("a", 1), "b")


async def test_an_upload_that_is_gone_is_no_failing_store(store: FakeWeb, make: Make) -> None:
    """Where a store calls it an error of its own to complete an upload that it hasn't, it is asked for the upload."""
    store.answer = lambda request: missing() if request.method == "GET" else error("InternalError", 500)
    with pytest.raises(UnknownUploadError):
        await make().complete_upload("a", "upload", [Part(1, 1, "tag")])


async def test_content_that_ends_early(store: FakeWeb, make: Make) -> None:
    """Fewer bytes than were announced are an error, never a short content."""

    async def answer(request: Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"ETag": '"1"', "Last-Modified": _DATE, "Content-Length": "10"})
        await response.prepare(request.raw)
        await response.write(b"12345")
        if request.raw.transport is not None:
            request.raw.transport.close()
        return response

    store.answer = answer
    bucket = make()
    with pytest.raises(IncompleteReadError):
        await bucket.get("a")

    assert [False, True] == [request.by_sdk for request in store.requests]
    with pytest.raises((IncompleteReadError, StorageUnavailableError)):
        await read(bucket, "a")


async def test_throttling_says_how_long(store: FakeWeb, make: Make) -> None:
    """Asked to slow down, by any way of asking, the error has the time that the store gave; nothing is repeated."""
    store.answer = lambda _: error("SlowDown", 503, Retry_After="7")
    bucket = make()
    for call in (bucket.get("a"), bucket.head("a"), bucket.put("a", b""), bucket.list_page("")):
        with pytest.raises(ThrottledError) as caught:
            await call

        assert 7 == caught.value.retry_after
    sdk = [request for request in store.requests if request.by_sdk]

    assert 4 == len(sdk)
    assert 2 == len(store.requests) - len(sdk)


async def test_a_missing_object_in_a_bucket_that_may_not_be_asked_for(store: FakeWeb, make: Make) -> None:
    """Who may read objects only isn't told that the bucket is missing."""
    store.answer = lambda request: error("AccessDenied", 403) if request.path == "/b" else missing()
    with pytest.raises(PathNotFoundError):
        await make().get("a")


async def test_the_bucket_is_asked_for_once_in_a_while(store: FakeWeb, make: Make) -> None:
    """Many missing objects in a row cost one question more."""
    store.answer = lambda request: web.Response() if request.path == "/b" else missing()
    bucket = make()
    for key in "abcdef":
        with pytest.raises(PathNotFoundError):
            await bucket.head(key)

    assert 1 == [request.path for request in store.requests].count("/b")
    assert 6 == [request.method for request in store.requests if request.path != "/b"].count("HEAD")


async def test_a_failing_store_has_no_missing_objects(store: FakeWeb, make: Make) -> None:
    """Where it can't be told whether the bucket is there, nothing is said to be missing."""
    store.answer = lambda request: error("InternalError", 500) if request.path == "/b" else missing()
    with pytest.raises(StorageUnavailableError):
        await make().get("a")


async def test_a_store_without_ranges(store: FakeWeb, make: Make) -> None:
    """The whole object in the place of a range is an error; nothing at all is the end."""
    store.answer = lambda _: _content(b"0123456789")
    bucket = make()
    with pytest.raises(UnexpectedStorageError, match="ranges"):
        async with bucket.read("a", offset=3, length=2):
            pass
    store.answer = lambda _: _content(b"")
    with pytest.raises(PastEndError):
        async with bucket.read("a", offset=3, length=2):
            pass


async def test_answers_that_only_the_sdk_understands(store: FakeWeb, make: Make) -> None:
    """A range with status 200 is none to the fast reader; after a few times it isn't asked for a while."""
    store.answer = lambda _: _content(b"34", **{"Content-Range": "bytes 3-4/10"})
    bucket = make()
    for _ in range(8):
        assert b"34" == await read(bucket, "a", offset=3, length=2)
    fast = [request for request in store.requests if not request.by_sdk]

    assert 5 == len(fast)
    assert 8 == len(store.requests) - len(fast)


async def test_silence_ends(store: FakeWeb, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that doesn't answer in time is told so, by every way of asking."""
    monkeypatch.setattr(_client, "READ_SECONDS", 0.2)
    monkeypatch.setattr("holdfast.storage.drivers.s3._fast.READ_SECONDS", 0.2)

    async def wait(_: Request) -> web.Response:
        await asyncio.sleep(30)
        return missing()

    store.answer = wait
    bucket = make()
    for call in (bucket.put("a", b"x"), bucket.get("a"), bucket.head("a")):
        with pytest.raises(StorageTimeoutError):
            await call


async def test_nobody_there(make: Make) -> None:
    """Without a server behind the address, the store is unavailable; nothing is missing."""
    bucket = make(regionendpoint="http://127.0.0.1:1")
    for call in (bucket.put("a", b"x"), bucket.get("a"), bucket.head("a"), bucket.list_page("")):
        with pytest.raises(StorageUnavailableError):
            await call


async def test_stores_without_batches(store: FakeWeb, make: Make) -> None:
    """Where DeleteObjects isn't there, objects are deleted one by one, and it isn't tried again."""
    store.answer = lambda request: (
        error("NotImplemented", 501) if request.method == "POST" else web.Response(status=204)
    )
    bucket = make()

    assert {} == await bucket.delete_many(["a", "b", "c"])
    assert {} == await bucket.delete_many(["d", "e"])
    assert ["DELETE"] * 5 + ["POST"] == sorted(request.method for request in store.requests)


async def test_keys_that_a_batch_could_not_delete(store: FakeWeb, make: Make) -> None:
    """They are told with their errors; missing ones aren't among them. A batch has a thousand at most."""
    failed = "".join(
        f"<Error><Key>{key}</Key><Code>{code}</Code></Error>"
        for key, code in (("1", "AccessDenied"), ("2", "NoSuchKey"), ("3", "InternalError"))
    )
    store.answer = lambda request: xml(
        f"<DeleteResult>{failed if b'<Key>1</Key>' in request.body else ''}</DeleteResult>"
    )
    failures = await make().delete_many([str(number) for number in range(2500)])

    assert {"1": AccessDeniedError, "3": StorageUnavailableError} == {key: type(told) for key, told in failures.items()}
    assert [500, 1000, 1000] == sorted(request.body.count(b"<Key>") for request in store.requests)
    assert all("Content-Md5" in request.headers for request in store.requests)


async def test_what_goes_with_an_object(store: FakeWeb, make: Make) -> None:
    """Class, ACL and encryption go with everything that makes one; the operator's word is in every request."""
    store.answer = lambda request: xml(
        "<R><UploadId>u</UploadId></R>"
        if "uploads" in request.query
        else "<CopyObjectResult><ETag>1</ETag></CopyObjectResult>"
    )
    bucket = make(
        storageclass="standard_ia",
        objectacl="bucket-owner-full-control",
        encrypt=True,
        keyid="key-1",
        useragent="our-mirror",
    )
    await bucket.put("a", b"content")
    await bucket.begin_upload("a")
    await bucket.copy(ObjectInfo("a", 7), "b")

    assert 3 == len(store.requests)
    for request in store.requests:
        assert "STANDARD_IA" == request.headers["x-amz-storage-class"]
        assert "bucket-owner-full-control" == request.headers["x-amz-acl"]
        assert "aws:kms" == request.headers["x-amz-server-side-encryption"]
        assert "key-1" == request.headers["x-amz-server-side-encryption-aws-kms-key-id"]
        assert "our-mirror" in request.headers["User-Agent"]
    assert "UNSIGNED-PAYLOAD" == store.requests[0].headers["X-Amz-Content-SHA256"]
    assert b"content" == store.requests[0].body


async def test_what_does_not_go_with_an_object(store: FakeWeb, make: Make) -> None:
    """`NONE` sends no class, `private` no ACL, and a key without `encrypt` means nothing."""
    store.answer = lambda _: web.Response(headers={"ETag": '"1"'})
    await make(storageclass="NONE", keyid="key-1").put("a", b"content")
    await make(profile="b2", objectacl="public-read").put("a", b"content")

    assert [] == [
        name
        for request in store.requests
        for name in request.headers
        if name.lower().startswith(("x-amz-storage", "x-amz-acl", "x-amz-server", "x-amz-checksum", "x-amz-sdk-check"))
    ]


async def test_the_environment_leads_nobody_elsewhere(
    store: FakeWeb, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variables that name another store, or no signature, are for other programs: the configuration counts."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("AWS_SKIP_SIGNATURE", "AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "AWS_REQUEST_PAYER", "AWS_S3_EXPRESS"):
        monkeypatch.setenv(name, "true")
    monkeypatch.setenv("AWS_REGION", "eu-south-2")
    store.answer = lambda request: _content(b"content" if request.method == "GET" else b"")
    bucket = make()
    await bucket.put("a", b"content")

    assert b"content" == await bucket.get("a")
    assert [True, False] == [request.by_sdk for request in store.requests]
    for request in store.requests:
        assert "AKIAEXAMPLE" == request.access_key
        assert "/us-east-1/s3/aws4_request" in request.headers["Authorization"]
        assert "x-amz-request-payer" not in request.headers


@pytest.mark.parametrize(
    "use",
    [
        lambda bucket: bucket.put("a", b"content"),
        lambda bucket: bucket.copy(ObjectInfo("a", 7), "b"),
        lambda bucket: bucket.delete("a"),
        lambda bucket: bucket.delete_many(["a", "b"]),
        lambda bucket: bucket.complete_upload("a", "upload", [Part(1, 7, "tag")]),
    ],
    ids=["put", "copy", "delete", "delete_many", "complete_upload"],
)
async def test_what_was_sent_is_waited_for(
    store: FakeWeb, make: Make, use: Callable[[S3Bucket], Coroutine[Any, Any, Any]]
) -> None:
    """A change that is cancelled ends when the store has answered: it can't happen any later than that."""
    came, go = asyncio.Event(), asyncio.Event()

    async def answer(_: Request) -> web.Response:
        came.set()
        await go.wait()
        return xml("<CopyObjectResult><ETag>1</ETag></CopyObjectResult>")

    store.answer = answer
    task = asyncio.create_task(use(make()))
    await came.wait()
    task.cancel()
    await asyncio.sleep(0.05)

    assert not task.done()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
