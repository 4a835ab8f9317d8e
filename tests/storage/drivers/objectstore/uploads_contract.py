"""Uploads of parts."""

import asyncio
import secrets
from datetime import UTC, datetime, timedelta

import pytest

from holdfast.storage.drivers._objectstore.bucket import Bucket, Part, UnknownUploadError
from holdfast.storage.errors import PathNotFoundError, PreconditionFailedError
from tests.storage.drivers.objectstore.contract_base import Contract, keys_of, uploads_of


async def send_parts(bucket: Bucket, key: str, contents: list[bytes]) -> tuple[str, list[Part]]:
    """Begin an upload, and send its parts."""
    upload_id = await bucket.begin_upload(key)
    return upload_id, [
        await bucket.put_part(key, upload_id, number, content) for number, content in enumerate(contents, 1)
    ]


async def _list_uploads(bucket: Bucket, key: str) -> None:
    await uploads_of(bucket, key)


class UploadsContract(Contract):
    """From `begin_upload` to its end, whichever."""

    async def test_parts_become_the_object(self, bucket: Bucket, prefix: str) -> None:
        """Nothing shows before they are completed, in the order of their numbers; then the upload is gone."""
        least = bucket.limits.min_part
        contents = [secrets.token_bytes(least), secrets.token_bytes(least), b"the last is short"]
        upload_id, parts = await send_parts(bucket, f"{prefix}a", contents)

        assert [(1, least), (2, least), (3, 17)] == [(part.number, part.size) for part in parts]
        assert upload_id.isascii()
        assert upload_id.isprintable()
        with pytest.raises(PathNotFoundError):
            await bucket.head(f"{prefix}a")
        assert [] == await keys_of(bucket, f"{prefix}a")
        await bucket.complete_upload(f"{prefix}a", upload_id, parts)
        assert b"".join(contents) == await bucket.get(f"{prefix}a")
        assert 2 * least + 17 == (await bucket.head(f"{prefix}a")).size
        assert ["a"] == await keys_of(bucket, prefix)
        assert [] == await uploads_of(bucket, prefix)

    async def test_one_short_part(self, bucket: Bucket, prefix: str) -> None:
        """An upload of one part may be of any size, and replaces what was there."""
        await bucket.put(f"{prefix}a", b"old and longer")
        upload_id, parts = await send_parts(bucket, f"{prefix}a", [b"short"])
        assert b"old and longer" == await bucket.get(f"{prefix}a")
        await bucket.complete_upload(f"{prefix}a", upload_id, parts)

        assert b"short" == await bucket.get(f"{prefix}a")

    async def test_parts_at_once(self, bucket: Bucket, prefix: str) -> None:
        """Parts may be sent at once and arrive in any order."""
        if bucket.limits.max_parts < 5:
            return
        contents = [bytes([number]) * bucket.limits.min_part for number in range(1, 5)]
        upload_id = await bucket.begin_upload(f"{prefix}a")
        parts = await asyncio.gather(
            *(bucket.put_part(f"{prefix}a", upload_id, number, contents[number - 1]) for number in (4, 2, 3, 1))
        )
        await bucket.complete_upload(f"{prefix}a", upload_id, sorted(parts, key=lambda part: part.number))

        assert b"".join(contents) == await bucket.get(f"{prefix}a")

    async def test_part_replaces_an_earlier_one(self, bucket: Bucket, prefix: str) -> None:
        """Sent again under its number, the later part counts; naming the earlier one doesn't complete the upload."""
        upload_id, (first,) = await send_parts(bucket, f"{prefix}a", [b"first"])
        second = await bucket.put_part(f"{prefix}a", upload_id, 1, b"second")
        if first.tag != second.tag:
            with pytest.raises(UnknownUploadError):
                await bucket.complete_upload(f"{prefix}a", upload_id, [first])
        await bucket.complete_upload(f"{prefix}a", upload_id, [second])

        assert b"second" == await bucket.get(f"{prefix}a")

    async def test_parts_left_out_are_dropped(self, bucket: Bucket, prefix: str) -> None:
        """The object has what completing names, and the rest takes no space any more."""
        upload_id, parts = await send_parts(bucket, f"{prefix}a", [bytes(bucket.limits.min_part), b"two"])
        await bucket.complete_upload(f"{prefix}a", upload_id, parts[:1])

        assert bytes(bucket.limits.min_part) == await bucket.get(f"{prefix}a")
        assert [] == await uploads_of(bucket, prefix)
        assert ["a"] == await keys_of(bucket, prefix)

    async def test_an_upload_ends_once(self, bucket: Bucket, prefix: str) -> None:
        """After it was aborted or completed, the upload isn't known any more; aborting it again is no error."""
        for end in ("abort", "complete"):
            upload_id, parts = await send_parts(bucket, f"{prefix}a", [b"part"])
            if end == "complete":
                await bucket.complete_upload(f"{prefix}a", upload_id, parts)
            await bucket.abort_upload(f"{prefix}a", upload_id)
            await bucket.abort_upload(f"{prefix}a", upload_id)
            with pytest.raises(UnknownUploadError):
                await bucket.put_part(f"{prefix}a", upload_id, 2, b"late")
            with pytest.raises(UnknownUploadError):
                await bucket.complete_upload(f"{prefix}a", upload_id, [Part(2, 4, parts[0].tag)])

        assert b"part" == await bucket.get(f"{prefix}a")

    async def test_abort_leaves_content(self, bucket: Bucket, prefix: str) -> None:
        """Content at the key stands, and nothing of the upload is left."""
        await bucket.put(f"{prefix}a", b"content")
        upload_id, _ = await send_parts(bucket, f"{prefix}a", [bytes(bucket.limits.min_part), b"part"])
        await bucket.abort_upload(f"{prefix}a", upload_id)

        assert b"content" == await bucket.get(f"{prefix}a")
        assert [] == await uploads_of(bucket, prefix)
        assert ["a"] == await keys_of(bucket, prefix)

    async def test_open_uploads_are_listed(self, bucket: Bucket, prefix: str) -> None:
        """Where the store tells, each open upload is listed with its key and when it began, below the prefix only."""
        begun = {(key, await bucket.begin_upload(prefix + key)) for key in ("a", "b/c", "b/c", "b~")}
        for key, upload_id in begun:
            await bucket.put_part(prefix + key, upload_id, 1, b"part")
        listed = await uploads_of(bucket, prefix)
        if not listed:
            return

        assert begun == {(upload.key.removeprefix(prefix), upload.upload_id) for upload in listed}
        for upload in listed:
            assert upload.started is None or abs(datetime.now(UTC) - upload.started) < timedelta(minutes=1)
        assert {"b/c"} == {upload.key.removeprefix(prefix) for upload in await uploads_of(bucket, f"{prefix}b/")}

    async def test_copied_parts(self, bucket: Bucket, prefix: str) -> None:
        """A range of an object can be a part, of the version that was described only."""
        if bucket.limits.copy_part is None:
            return
        least = bucket.limits.min_part
        content = secrets.token_bytes(2 * least + 10)
        await bucket.put(f"{prefix}a", content)
        source = await bucket.head(f"{prefix}a")
        upload_id = await bucket.begin_upload(f"{prefix}b")
        first = await bucket.copy_part(f"{prefix}b", upload_id, 1, source, offset=5, length=least)
        second = await bucket.copy_part(f"{prefix}b", upload_id, 2, source, offset=2 * least, length=10)
        assert [(1, least), (2, 10)] == [(part.number, part.size) for part in (first, second)]
        await bucket.put(f"{prefix}a", bytes(len(content)))
        if source.version is not None:
            with pytest.raises(PreconditionFailedError):
                await bucket.copy_part(f"{prefix}b", upload_id, 3, source, offset=0, length=least)
        await bucket.delete(f"{prefix}a")
        with pytest.raises((PathNotFoundError, PreconditionFailedError)):
            await bucket.copy_part(f"{prefix}b", upload_id, 3, source, offset=0, length=least)
        await bucket.complete_upload(f"{prefix}b", upload_id, [first, second])

        assert content[5 : 5 + least] + content[-10:] == await bucket.get(f"{prefix}b")
        with pytest.raises(UnknownUploadError):
            await bucket.copy_part(f"{prefix}b", upload_id, 3, await bucket.head(f"{prefix}b"), offset=0, length=least)
