"""Objects by key."""

import asyncio
import secrets
from datetime import UTC, datetime, timedelta

import pytest

from holdfast.storage import CreateOnly, MatchVersion
from holdfast.storage.driver import MAX_CHUNK_BYTES
from holdfast.storage.drivers._objectstore.bucket import Bucket, PastEndError
from holdfast.storage.errors import PathNotFoundError, PreconditionFailedError
from tests.storage.drivers.objectstore.contract_base import KEYS, MIB, READS, Contract, Use, keys_of, read


class ObjectsContract(Contract):
    """Putting, getting, copying and deleting."""

    @pytest.mark.parametrize("content", [b"", b"x", bytearray(b"array"), memoryview(b"a view")[2:], b"10" * 150_000])
    async def test_put_and_get(self, bucket: Bucket, prefix: str, content: bytes) -> None:
        """What was put is what is got and described, of any kind of buffer."""
        started = datetime.now(UTC)
        version = await bucket.put(f"{prefix}a", content)
        info = await bucket.head(f"{prefix}a")

        assert bytes(content) == await bucket.get(f"{prefix}a")
        assert bytes(content) == await read(bucket, f"{prefix}a")
        assert (f"{prefix}a", len(content), version) == (info.key, info.size, info.version)
        assert info.modified is not None
        assert abs(info.modified - started) < timedelta(minutes=1)
        assert not bucket.limits.match_version or info.version

    @pytest.mark.parametrize("name", KEYS)
    async def test_any_key(self, bucket: Bucket, prefix: str, name: str) -> None:
        """A key arrives as it is by every way, and is listed as it is."""
        key = prefix + name
        await bucket.put(key, b"content")
        await bucket.copy(await bucket.head(key), f"{key}2")

        assert b"content" == await bucket.get(key)
        assert b"te" == await read(bucket, f"{key}2", offset=3, length=2)
        assert [name, f"{name}2"] == await keys_of(bucket, prefix)
        await bucket.delete(key)
        assert [f"{name}2"] == await keys_of(bucket, prefix)
        assert {} == await bucket.delete_many([f"{key}2"])
        assert [] == await keys_of(bucket, prefix)

    async def test_put_replaces(self, bucket: Bucket, prefix: str) -> None:
        """The last content stands, and the version is another one."""
        first = await bucket.put(f"{prefix}a", b"first")
        second = await bucket.put(f"{prefix}a", b"2nd")

        assert b"2nd" == await bucket.get(f"{prefix}a")
        assert first != second or first is None

    @pytest.mark.parametrize("use", READS.values(), ids=READS.keys())
    async def test_missing_object_is_not_found(self, bucket: Bucket, prefix: str, use: Use) -> None:
        """Neither where nothing is, nor where a directory would be."""
        await bucket.put(f"{prefix}a/b", b"x")
        for key in ("a", "a/", "missing", "a/b/c"):
            with pytest.raises(PathNotFoundError):
                await use(bucket, prefix + key)

        assert ["a/b"] == await keys_of(bucket, prefix)

    async def test_ranges(self, bucket: Bucket, prefix: str) -> None:
        """A range is what it says, ends at the end, and comes with the size of the whole."""
        await bucket.put(f"{prefix}a", b"0123456789")
        described = await bucket.head(f"{prefix}a")
        for offset, length in ((0, None), (0, 1), (3, None), (3, 4), (3, 7), (3, 100), (9, None), (9, 1)):
            async with bucket.read(f"{prefix}a", offset=offset, length=length) as opened:
                content = b"".join([chunk async for chunk in opened.chunks])

            assert b"0123456789"[offset : None if length is None else offset + length] == content
            assert described == opened.info
        assert (f"{prefix}a", 10) == (described.key, described.size)

    @pytest.mark.parametrize(
        ("size", "offset", "length"), [(5, 5, None), (5, 5, 1), (5, 99, None), (5, 99, 3), (0, 0, 1), (0, 1, None)]
    )
    async def test_past_the_end(self, bucket: Bucket, prefix: str, size: int, offset: int, length: int | None) -> None:
        """A range that begins at the end or later is told apart from a missing object."""
        await bucket.put(f"{prefix}a", b"x" * size)
        with pytest.raises(PastEndError):
            await read(bucket, f"{prefix}a", offset=offset, length=length)
        with pytest.raises(PathNotFoundError):
            await read(bucket, f"{prefix}b", offset=offset, length=length)

    async def test_chunks_are_bounded(self, bucket: Bucket, prefix: str) -> None:
        """However large the object, no chunk is larger than what a consumer must hold, and none is empty."""
        content = secrets.token_bytes(1024) * (MAX_CHUNK_BYTES // 1024 * 2 + 3)
        await bucket.put(f"{prefix}a", content)
        async with bucket.read(f"{prefix}a") as opened:
            chunks = [chunk async for chunk in opened.chunks]

        assert content == b"".join(chunks)
        assert max(map(len, chunks)) <= MAX_CHUNK_BYTES
        assert min(map(len, chunks)) > 0
        assert content == await bucket.get(f"{prefix}a")

    async def test_reading_can_end_early(self, bucket: Bucket, prefix: str) -> None:
        """Left unread, left in the middle, or cancelled, a read frees what it holds, and the bucket goes on."""
        await bucket.put(f"{prefix}a", bytes(12 * MIB))
        async with bucket.read(f"{prefix}a"):
            pass
        async with bucket.read(f"{prefix}a", offset=1) as opened:
            assert 0 < len(await anext(opened.chunks))
        begun = asyncio.Event()

        async def read_for_ever() -> None:
            async with bucket.read(f"{prefix}a") as opened:
                await anext(opened.chunks)
                begun.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(read_for_ever())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert 12 * MIB == len(await bucket.get(f"{prefix}a"))

    async def test_reading_one_version(self, bucket: Bucket, prefix: str) -> None:
        """A read of a version gives that version, or says that it isn't there any more."""
        version = await bucket.put(f"{prefix}a", b"first")
        if version is None:
            return
        assert b"rst" == await read(bucket, f"{prefix}a", offset=2, version=version)
        await bucket.put(f"{prefix}a", b"second")
        with pytest.raises(PreconditionFailedError):
            await read(bucket, f"{prefix}a", offset=2, version=version)
        await bucket.delete(f"{prefix}a")
        with pytest.raises((PathNotFoundError, PreconditionFailedError)):
            await read(bucket, f"{prefix}a", version=version)

    async def test_create_only(self, bucket: Bucket, prefix: str) -> None:
        """It writes where nothing is, and of many at once exactly one does."""
        if not bucket.limits.create_only:
            return
        contents = [f"{number}".encode() for number in range(8)]
        done = await asyncio.gather(
            *(bucket.put(f"{prefix}a", content, precondition=CreateOnly()) for content in contents),
            return_exceptions=True,
        )
        failures = [result for result in done if isinstance(result, BaseException)]

        assert {PreconditionFailedError} == {type(failure) for failure in failures}
        assert 7 == len(failures)
        assert (await bucket.get(f"{prefix}a")) in contents

    async def test_match_version(self, bucket: Bucket, prefix: str) -> None:
        """It writes over the version it names only; over nothing, it doesn't."""
        if not bucket.limits.match_version:
            return
        first = await bucket.put(f"{prefix}a", b"first")
        assert first
        second = await bucket.put(f"{prefix}a", b"second", precondition=MatchVersion(first))
        assert second
        assert second == (await bucket.head(f"{prefix}a")).version
        with pytest.raises(PreconditionFailedError):
            await bucket.put(f"{prefix}a", b"third", precondition=MatchVersion(first))
        assert b"second" == await bucket.get(f"{prefix}a")
        await bucket.delete(f"{prefix}a")
        with pytest.raises(PreconditionFailedError):
            await bucket.put(f"{prefix}a", b"fourth", precondition=MatchVersion(second))
        assert [] == await keys_of(bucket, prefix)

    async def test_copy_replaces(self, bucket: Bucket, prefix: str) -> None:
        """The copy has the content, whatever was there; the source stays."""
        await bucket.put(f"{prefix}b", b"old and longer")
        for content in (b"", b"content"):
            await bucket.put(f"{prefix}a", content)
            await bucket.copy(await bucket.head(f"{prefix}a"), f"{prefix}b")

            assert [content, content] == [await bucket.get(prefix + name) for name in "ab"]

    async def test_deleting(self, bucket: Bucket, prefix: str) -> None:
        """What is deleted is gone, once and again, one by one and together; the rest stays."""
        names = [f"{number:03}" for number in range(30)]
        await asyncio.gather(*(bucket.put(prefix + name, b"x") for name in names))
        await bucket.delete(f"{prefix}000")
        await bucket.delete(f"{prefix}000")
        missing = [f"{prefix}missing/{number}" for number in range(20)]

        assert names[1:] == await keys_of(bucket, prefix)
        assert {} == await bucket.delete_many([])
        assert {} == await bucket.delete_many([*missing, *(prefix + name for name in names[:29])])
        assert names[29:] == await keys_of(bucket, prefix)

    async def test_many_at_once(self, bucket: Bucket, prefix: str) -> None:
        """The first uses may come all at once."""
        await asyncio.gather(*(bucket.put(f"{prefix}{number}", b"%d" % number) for number in range(20)))

        assert [b"%d" % number for number in range(20)] == list(
            await asyncio.gather(*(bucket.get(f"{prefix}{number}") for number in range(20)))
        )
