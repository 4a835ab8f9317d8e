"""Blobs of another type, as Distribution has written them; Azure doesn't let ours take their place, Azurite does."""

from collections.abc import Callable

import pytest
from aiohttp import web

from holdfast.storage import CreateOnly, MatchVersion
from holdfast.storage.drivers.azure.bucket import AzureBucket
from holdfast.storage.errors import PathNotFoundError, PreconditionFailedError
from tests.services.stores.azurite import AzuriteContainer
from tests.storage.drivers.azure.between import Between, Seen, refused
from tests.storage.drivers.objectstore.contract_base import keys_of, read, uploads_of
from tests.storage.drivers.objectstore.uploads_contract import send_parts

pytestmark = pytest.mark.anyio


def append_blob(container: AzuriteContainer, key: str, content: bytes) -> None:
    """Write a blob as Distribution did, behind the driver's back."""
    assert 201 == container.ask("PUT", key, headers={"x-ms-blob-type": "AppendBlob"}).status
    assert 201 == container.ask("PUT", key, {"comp": "appendblock"}, body=content).status


def _type(container: AzuriteContainer, key: str) -> str | None:
    return container.ask("HEAD", key).headers.get("x-ms-blob-type")


@pytest.fixture
def strict(between: Between, container: AzuriteContainer) -> Callable[[Seen], web.Response | None]:
    """Refuses to write one type over another, as Azure does."""

    def refuse(seen: Seen) -> web.Response | None:
        writes = seen.method == "PUT" and seen.query.get("comp") in {None, "block", "blocklist"}
        if not writes or _type(container, seen.key) in {None, "BlockBlob"}:
            return None
        if seen.headers.get("if-none-match") == "*":
            return refused(409, "BlobAlreadyExists")
        return refused(409, "InvalidBlobType")

    between.answer = refuse
    return refuse


@pytest.mark.usefixtures("strict")
class TestAppendBlobs:
    """They are read and replaced like others."""

    async def test_reading(self, bucket: AzureBucket, container: AzuriteContainer) -> None:
        """Whole, in ranges and in listings."""
        append_blob(container, "a", b"0123456789")

        assert b"0123456789" == await bucket.get("a")
        assert b"345" == await read(bucket, "a", offset=3, length=3)
        assert ["a"] == await keys_of(bucket, "")
        assert 10 == (await bucket.head("a")).size
        assert [] == await uploads_of(bucket, "")

    async def test_put_replaces(self, bucket: AzureBucket, container: AzuriteContainer) -> None:
        """The old blob goes first, since nothing else is possible."""
        append_blob(container, "a", b"old and longer")
        version = await bucket.put("a", b"new")

        assert (b"new", "BlockBlob") == (container.get("a"), _type(container, "a"))
        assert version == (await bucket.head("a")).version

    async def test_conditions_hold(self, bucket: AzureBucket, container: AzuriteContainer) -> None:
        """Only where nothing is, or this version: an append blob counts."""
        append_blob(container, "a", b"old")
        for condition in (CreateOnly(), MatchVersion("0x1")):
            with pytest.raises(PreconditionFailedError):
                await bucket.put("a", b"new", precondition=condition)
        assert b"old" == container.get("a")
        version = (await bucket.head("a")).version
        assert version
        await bucket.put("a", b"new", precondition=MatchVersion(version))

        assert b"new" == container.get("a")

    async def test_what_was_replaced_meanwhile_is_not_deleted(
        self, bucket: AzureBucket, container: AzuriteContainer, between: Between
    ) -> None:
        """Between the look and the deletion somebody else has written: theirs isn't deleted, only written over."""
        append_blob(container, "a", b"old")
        strict = between.answer

        def replace_first(seen: Seen) -> object:
            if seen.method == "DELETE":
                container.put("a", b"theirs")
            return strict(seen)

        between.answer = replace_first  # type: ignore[assignment] # it passes on what the other one answers
        await bucket.put("a", b"ours")

        assert b"ours" == container.get("a")
        assert ["PUT", "HEAD", "DELETE", "PUT"] == between.requests()

    async def test_copying(self, bucket: AzureBucket, container: AzuriteContainer) -> None:
        """From one, and over one."""
        append_blob(container, "append", b"appended")
        await bucket.put("block", b"block")
        await bucket.copy(await bucket.head("append"), "new")
        await bucket.copy(await bucket.head("block"), "append")

        assert [b"appended", b"block"] == [container.get(key) for key in ("new", "append")]

    async def test_upload(self, bucket: AzureBucket, container: AzuriteContainer) -> None:
        """Its parts are collected at another name; what is there shows until it is completed, and then not any more."""
        append_blob(container, "a", b"old")
        upload_id, parts = await send_parts(bucket, "a", [b"new, ", b"of blocks"])
        assert b"old" == container.get("a")
        assert [("a", upload_id)] == [(upload.key, upload.upload_id) for upload in await uploads_of(bucket, "")]
        await bucket.complete_upload("a", upload_id, parts)

        assert (b"new, of blocks", "BlockBlob") == (container.get("a"), _type(container, "a"))
        assert ["a"] == container.keys()
        assert [] == await uploads_of(bucket, "")

    async def test_aborted_upload(self, bucket: AzureBucket, container: AzuriteContainer) -> None:
        """Nothing of it is left, and what was there stays."""
        append_blob(container, "a", b"old")
        upload_id, _ = await send_parts(bucket, "a", [b"new"])
        await bucket.abort_upload("a", upload_id)

        assert [] == await uploads_of(bucket, "")
        assert ["a"] == container.leftovers()
        assert b"old" == container.get("a")

    async def test_killed_while_completing(
        self, bucket: AzureBucket, container: AzuriteContainer, between: Between
    ) -> None:
        """Blocks that were committed at the other name are found, and completing again goes on from there."""
        append_blob(container, "a", b"old")
        upload_id, parts = await send_parts(bucket, "a", [b"new"])
        strict = between.answer
        between.answer = lambda seen: (
            refused(403, "AuthorizationFailure") if "x-ms-copy-source" in seen.headers else strict(seen)
        )
        with pytest.raises(Exception, match="AuthorizationFailure"):
            await bucket.complete_upload("a", upload_id, parts)
        assert [("a", upload_id)] == [(upload.key, upload.upload_id) for upload in await uploads_of(bucket, "")]
        between.answer = strict
        await bucket.complete_upload("a", upload_id, parts)

        assert (b"new", ["a"]) == (container.get("a"), container.leftovers())

    async def test_gone_while_replacing(
        self, bucket: AzureBucket, container: AzuriteContainer, between: Between
    ) -> None:
        """Somebody has deleted it before we did: a version that was wanted isn't there any more."""
        append_blob(container, "a", b"old")
        version = (await bucket.head("a")).version
        assert version
        strict = between.answer

        def delete_first(seen: Seen) -> object:
            if seen.method == "DELETE":
                container.delete("a")
            return strict(seen)

        between.answer = delete_first  # type: ignore[assignment] # it passes on what the other one answers
        with pytest.raises((PreconditionFailedError, PathNotFoundError)):
            await bucket.put("a", b"new", precondition=MatchVersion(version))

        assert [] == container.keys()
