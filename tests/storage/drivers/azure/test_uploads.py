"""Blocks as parts, where the service knows no uploads."""

import base64

import pytest

from holdfast.storage.drivers._objectstore.bucket import Part, UnknownUploadError
from holdfast.storage.drivers.azure.bucket import AzureBucket
from holdfast.storage.errors import PathNotFoundError
from tests.services.stores.azurite import AzuriteContainer
from tests.storage.drivers.azure.between import Between, Seen, refused
from tests.storage.drivers.azure.conftest import MakeBucket
from tests.storage.drivers.objectstore.contract_base import uploads_of
from tests.storage.drivers.objectstore.uploads_contract import send_parts

pytestmark = pytest.mark.anyio


def _blocks(container: AzuriteContainer, key: str) -> int:
    """How many uncommitted blocks are at a name, behind the driver's back."""
    answer = container.ask("GET", key, {"comp": "blocklist", "blocklisttype": "uncommitted"})
    return answer.body.count(b"<Block>") if answer.status == 200 else 0


async def test_limits_are_azures(bucket: AzureBucket) -> None:
    """50,000 blocks of 4,000 MiB, which make 190.7 TiB."""
    limits = bucket.limits
    mib = 1024**2

    assert (1, 4000 * mib, 50_000, 5000 * mib) == (limits.min_part, limits.max_part, limits.max_parts, limits.max_put)
    assert 190.7 == round(limits.max_object / 1024**4, 1)
    assert (True, True, True, True) == (limits.create_only, limits.match_version, limits.sign_get, limits.sign_head)


async def test_block_ids_have_one_length(bucket: AzureBucket) -> None:
    """The service wants it so; the upload and the number are in them."""
    upload_id, parts = await send_parts(bucket, "a", [b"1", b"2"])
    last = await bucket.put_part("a", upload_id, 50_000, b"3")

    assert [f"{upload_id}-{number:05}" for number in (1, 2, 50_000)] == [
        base64.b64decode(part.tag).decode() for part in (*parts, last)
    ]


async def test_aborted_blocks_are_discarded(bucket: AzureBucket, container: AzuriteContainer) -> None:
    """Where nothing else is at the name, no block stays, and nothing was ever seen there."""
    upload_id, _ = await send_parts(bucket, "a", [b"1", b"2"])
    assert 2 == _blocks(container, "a")
    await bucket.abort_upload("a", upload_id)

    assert 0 == _blocks(container, "a")
    assert [] == container.keys()


async def test_aborting_hits_no_content(bucket: AzureBucket, container: AzuriteContainer, between: Between) -> None:
    """Content that is committed while an upload is aborted stays, even in between its requests."""
    upload_id, _ = await send_parts(bucket, "a", [b"1"])

    def commit_first(seen: Seen) -> None:
        if seen.method == "DELETE":
            container.put("a", b"content")

    between.answer = commit_first
    await bucket.abort_upload("a", upload_id)

    assert "DELETE" in between.requests()
    assert b"content" == container.get("a")


async def test_aborting_spares_other_uploads(bucket: AzureBucket, container: AzuriteContainer) -> None:
    """Two uploads to one name, one aborted: the other one is completed."""
    first, _ = await send_parts(bucket, "a", [b"first"])
    second, parts = await send_parts(bucket, "a", [b"second"])
    await bucket.abort_upload("a", first)

    assert [second] == [upload.upload_id for upload in await uploads_of(bucket, "")]
    await bucket.complete_upload("a", second, parts)
    assert b"second" == container.get("a")


async def test_the_last_upload_aborted_takes_the_others_with_it(
    bucket: AzureBucket, container: AzuriteContainer
) -> None:
    """Of several at one name that were all aborted no block stays; those of others do."""
    first, _ = await send_parts(bucket, "a", [b"first"])
    second, _ = await send_parts(bucket, "a", [b"second"])
    await bucket.abort_upload("a", first)
    assert 3 == _blocks(container, "a")
    await bucket.abort_upload("a", second)
    assert 0 == _blocks(container, "a")
    third, _ = await send_parts(bucket, "b", [b"third"])
    foreign = base64.b64encode(b"somebody else's, long".ljust(23)).decode()
    assert 201 == container.ask("PUT", "b", {"comp": "block", "blockid": foreign}, body=b"x").status
    await bucket.abort_upload("b", third)

    assert 3 == _blocks(container, "b")


@pytest.mark.parametrize("content", [None, b"content"])
async def test_aborted_elsewhere(
    make_azure: MakeBucket, container: AzuriteContainer, bucket: AzureBucket, content: bytes | None
) -> None:
    """What another process aborted can't be completed here, whether its blocks could be discarded or not."""
    if content is not None:
        container.put("a", content)
    upload_id, parts = await send_parts(bucket, "a", [b"1"])
    other = make_azure(**container.parameters())
    await other.abort_upload("a", upload_id)
    await other.abort_upload("a", upload_id)
    await other.aclose()

    with pytest.raises(UnknownUploadError):
        await bucket.complete_upload("a", upload_id, parts)
    assert [] == await uploads_of(bucket, "")
    assert ([] if content is None else ["a"]) == container.keys()


async def test_blocks_that_the_service_has_dropped(
    bucket: AzureBucket, container: AzuriteContainer, between: Between
) -> None:
    """As by a put at the name in the last moment, which Azurite doesn't do: the upload isn't known any more."""
    upload_id, parts = await send_parts(bucket, "a", [b"1"])
    container.put("a", b"content")
    between.answer = lambda seen: refused(400, "InvalidBlockList") if seen.what == "PUT blocklist" else None

    with pytest.raises(UnknownUploadError):
        await bucket.complete_upload("a", upload_id, parts)
    assert b"content" == container.get("a")


async def test_deleting_drops_no_blocks(bucket: AzureBucket) -> None:
    """A name that has blocks only isn't there to be deleted, alone or with others."""
    upload_id, parts = await send_parts(bucket, "a", [b"1"])
    await bucket.delete("a")
    assert {} == await bucket.delete_many(["a", "b"])
    await bucket.complete_upload("a", upload_id, parts)

    assert b"1" == await bucket.get("a")


async def test_missing_or_other_blocks(bucket: AzureBucket) -> None:
    """Completing names what isn't there, or has another size: nothing is committed."""
    upload_id, (part,) = await send_parts(bucket, "a", [b"1"])
    other_id = await bucket.begin_upload("a")
    for wrong in (
        [part, Part(2, 1, part.tag.replace("MDAwMDE", "MDAwMDI"))],
        [Part(1, 2, part.tag)],
    ):
        with pytest.raises(UnknownUploadError):
            await bucket.complete_upload("a", upload_id, wrong)
    with pytest.raises(UnknownUploadError):
        await bucket.complete_upload("a", other_id, [Part(1, 1, "bm9uZQ==")])
    with pytest.raises(PathNotFoundError):
        await bucket.head("a")


async def test_an_empty_part(bucket: AzureBucket) -> None:
    """The service takes no empty blocks; alone or at the end, an empty part adds nothing."""
    for contents in ([b""], [b"1", b""]):
        upload_id, parts = await send_parts(bucket, "a", contents)
        await bucket.complete_upload("a", upload_id, parts)

        assert b"".join(contents) == await bucket.get("a")


async def test_uploads_are_found_by_their_blocks(bucket: AzureBucket, container: AzuriteContainer) -> None:
    """Those of killed processes too; empty blobs and blocks of others aren't taken for uploads."""
    upload_id, _ = await send_parts(bucket, "a/b", [b"1"])
    container.put("a/empty", b"")
    container.ask("PUT", "a/foreign", {"comp": "block", "blockid": base64.b64encode(b"\xff" * 6).decode()}, body=b"x")

    assert [("a/b", upload_id)] == [(upload.key, upload.upload_id) for upload in await uploads_of(bucket, "a/")]
