"""What goes wrong between us and the service, and how little is asked of it."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from azure.storage.blob import UserDelegationKey

from holdfast.storage.drivers.azure import _listing, _service
from holdfast.storage.drivers.azure._answers import read_listing
from holdfast.storage.drivers.azure._service import Service
from holdfast.storage.drivers.azure._signing import Signer
from holdfast.storage.drivers.azure.bucket import AzureBucket
from holdfast.storage.drivers.azure.options import AzureOptions
from holdfast.storage.errors import (
    AccessDeniedError,
    IncompleteReadError,
    StorageTimeoutError,
    StorageUnavailableError,
    ThrottledError,
    UnexpectedStorageError,
)
from holdfast.storage.options import parse
from holdfast.testing.census import Census
from tests.services.server import free_port
from tests.services.stores.azurite import AzuriteContainer
from tests.storage.drivers.azure.between import Between, Seen, refused
from tests.storage.drivers.azure.conftest import MakeBucket
from tests.storage.drivers.objectstore.contract_base import keys_of, read

pytestmark = pytest.mark.anyio


async def test_how_many_requests(bucket: AzureBucket, between: Between) -> None:
    """Each call is as few as its documentation says, the first one included."""
    await bucket.put("a", b"content")
    await bucket.get("a")
    await bucket.head("a")
    await bucket.list_page("")
    upload_id = await bucket.begin_upload("b")
    part = await bucket.put_part("b", upload_id, 1, b"content")
    await bucket.complete_upload("b", upload_id, [part])
    await bucket.sign("a", method="GET")
    await bucket.identify()
    await bucket.delete("a")
    await bucket.delete_many(["a", "b"])

    assert [
        *("PUT", "GET", "HEAD", "GET list"),
        *("HEAD", "PUT block", "GET blocklist", "PUT blocklist"),
        *("DELETE", "POST batch"),
    ] == between.requests()


async def test_throttling_is_told_once(bucket: AzureBucket, between: Between) -> None:
    """The SDK doesn't try again by itself, and how long to wait is passed on."""
    between.answer = lambda _: refused(503, "ServerBusy", Retry_After="7")
    for use in (bucket.get("a"), bucket.put("a", b"x"), bucket.list_page(""), bucket.delete_many(["a"])):
        between.seen.clear()
        with pytest.raises(ThrottledError) as caught:
            await use

        assert 7 == caught.value.retry_after
        assert 1 == len(between.seen)


async def test_no_answer_in_time(
    make_azure: MakeBucket, container: AzuriteContainer, between: Between, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a timeout, whether nothing comes or not all of it."""
    monkeypatch.setattr(_service, "_READ_SECONDS", 0.1)
    bucket = make_azure(**container.parameters(serviceurl=between.url))

    async def hang(_: Seen) -> None:
        await asyncio.sleep(5)

    async def hang_within(seen: Seen) -> web.StreamResponse:
        response = web.StreamResponse(headers={"ETag": '"0x1"', "Content-Length": "100"})
        await response.prepare(seen.request)
        await response.write(b"some")
        await asyncio.sleep(5)
        return response

    try:
        for answer in (hang, hang_within):
            between.answer = answer
            with pytest.raises(StorageTimeoutError):
                await bucket.get("a")
        between.answer = hang
        with pytest.raises(StorageTimeoutError):
            await bucket.put("a", b"x")
    finally:
        await bucket.aclose()


async def test_broken_off(bucket: AzureBucket, between: Between) -> None:
    """Content that ends before its length is an error that says so, whole or in pieces."""

    async def break_off(seen: Seen) -> web.StreamResponse:
        response = web.StreamResponse(headers={"ETag": '"0x1"', "Content-Length": "100"})
        await response.prepare(seen.request)
        await response.write(b"some")
        if seen.request.transport is not None:
            seen.request.transport.abort()
        return response

    between.answer = break_off
    with pytest.raises(IncompleteReadError):
        await bucket.get("a")
    with pytest.raises(IncompleteReadError):
        await read(bucket, "a", offset=3)


async def test_nobody_there(make_azure: MakeBucket, container: AzuriteContainer) -> None:
    """A service that can't be reached is unavailable, which may pass."""
    bucket = make_azure(**container.parameters(serviceurl=f"http://127.0.0.1:{free_port()}/devstoreaccount1"))
    with pytest.raises(StorageUnavailableError):
        await bucket.get("a")
    await bucket.aclose()


async def test_redirects_are_not_followed(bucket: AzureBucket, between: Between) -> None:
    """Our credentials go nowhere but to the service."""
    between.answer = lambda _: web.Response(status=307, headers={"Location": f"{between.url}/elsewhere"})
    with pytest.raises(UnexpectedStorageError):
        await bucket.get("a")

    assert 1 == len(between.seen)


async def test_a_proxy_that_finds_nothing(bucket: AzureBucket, between: Between) -> None:
    """Not found, without the service's own word for it, doesn't mean that a blob is absent."""
    between.answer = lambda _: web.Response(status=404, text="<html>no such page</html>")
    for use in (bucket.get("a"), bucket.head("a"), bucket.delete("a")):
        with pytest.raises(UnexpectedStorageError):
            await use


async def test_after_closing(bucket: AzureBucket) -> None:
    """Nothing works, and nothing is opened again."""
    await bucket.put("a", b"x")
    await bucket.aclose()
    census = Census.take()
    with pytest.raises(UnexpectedStorageError, match="closed"):
        await bucket.get("a")

    assert [] == await census.leaks()


async def test_listing_that_can_not_begin_anywhere(
    bucket: AzureBucket, between: Between, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that doesn't know the parameter, or doesn't heed it, is read from the beginning, once it said so."""
    monkeypatch.setattr(_listing, "_PAGE", 2)
    for key in ("a", "b", "c", "d"):
        await bucket.put(key, b"x")
    assert ["c", "d"] == await keys_of(bucket, "", start_after="b")
    between.seen.clear()
    between.answer = lambda seen: refused(400, "InvalidQueryParameterValue") if "startFrom" in seen.query else None

    assert ["c", "d"] == await keys_of(bucket, "", start_after="b")
    assert 1 == sum("startFrom" in seen.query for seen in between.seen)


async def test_listing_refused_for_another_reason(bucket: AzureBucket, between: Between) -> None:
    """It is an error, and isn't asked for otherwise."""
    between.answer = lambda _: refused(403, "AuthorizationPermissionMismatch")
    with pytest.raises(AccessDeniedError):
        await bucket.list_page("", start_after="b")

    assert 1 == len(between.seen)


def test_names_that_documents_can_not_have() -> None:
    """They come escaped; others don't, whatever they look like."""
    listing = read_listing(
        b"<?xml version='1.0' encoding='utf-8'?><EnumerationResults><Blobs>"
        b"<Blob><Name Encoded='true'>a%EF%BF%BE%2Fb</Name><Properties/></Blob>"
        b"<Blob><Name>a%2Fb</Name><Properties/></Blob>"
        b"<BlobPrefix><Name>p/</Name></BlobPrefix></Blobs><NextMarker/></EnumerationResults>"
    )

    assert ["a\ufffe/b", "a%2Fb"] == [found.info.key for found in listing.blobs]
    assert (["p/"], None) == (listing.prefixes, listing.marker)


@pytest.mark.parametrize("document", [b"", b"<html>", b"<Results><Blobs><Blob/></Blobs></Results>"])
def test_listings_that_can_not_be_understood(document: bytes) -> None:
    """They are errors, never empty."""
    with pytest.raises(UnexpectedStorageError):
        read_listing(document)


async def test_batch_of_which_one_fails(bucket: AzureBucket, between: Between) -> None:
    """Each is deleted by itself then, and told by itself."""
    for key in ("a", "b"):
        await bucket.put(key, b"x")
    between.answer = lambda seen: (
        refused(500, "InternalError")
        if seen.what == "POST batch"
        else refused(412, "LeaseIdMissing")
        if (seen.method, seen.key) == ("DELETE", "b")
        else None
    )
    failures = await bucket.delete_many(["a", "b", "missing"])

    assert {"b": AccessDeniedError} == {key: type(error) for key, error in failures.items()}
    assert ["b"] == await keys_of(bucket, "")


async def test_more_than_a_batch(bucket: AzureBucket, container: AzuriteContainer, between: Between) -> None:
    """Any number, 256 at a time."""
    for key in ("000", "299"):
        container.put(key, b"x")

    assert {} == await bucket.delete_many([f"{number:03}" for number in range(300)])
    assert ["POST batch"] * 2 == between.requests()
    assert [] == container.keys()


async def test_key_to_sign_with_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that the service gives serves until shortly before it ends, however many want it at once."""
    options = parse("azure", AzureOptions, {"accountname": "myaccount", "container": "images"})
    signer = Signer(Service(options), None)
    given = []

    async def ask(starts: datetime, ends: datetime) -> UserDelegationKey:
        given.append(ends - starts)
        key = UserDelegationKey()  # type: ignore[no-untyped-call] # the SDK leaves it without types
        key.value = "c2VjcmV0"
        return key

    monkeypatch.setattr(signer, "_ask_for_key", ask)
    urls = await asyncio.gather(*(signer.sign(f"blob-{number}") for number in range(5)))
    assert 1 == len(given)
    assert all(url.startswith("https://myaccount.blob.core.windows.net/images/blob-") for url in urls)
    signer._key_ends = datetime.now(UTC) + timedelta(minutes=29)
    await signer.sign("another")

    assert [timedelta(hours=48, minutes=15)] * 2 == given
