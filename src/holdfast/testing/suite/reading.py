"""Reading content: whole, streamed, from an offset, and while something else happens to it."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest
from hypothesis import strategies as st

from holdfast.storage.driver import MAX_CHUNK_BYTES
from holdfast.storage.errors import InvalidOffsetError, PathNotFoundError, StorageError
from holdfast.testing.suite.acts import CONTENTS, MIB, random_bytes, read
from holdfast.testing.suite.base import SuiteBase
from holdfast.testing.suite.examples import try_examples

if TYPE_CHECKING:
    from hypothesis import settings

    from holdfast.storage.driver import StorageDriver
    from holdfast.testing.store import Store

__all__ = ["Reading"]

_SIZES = [32, MIB, 5 * MIB + 1]


class Reading(SuiteBase):
    """`get_content` and `reader`."""

    @pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS.keys())
    async def test_content_comes_back_as_it_was_put(
        self, driver: StorageDriver, store: Store, scratch: str, content: bytes
    ) -> None:
        """What was put is what is read, through the driver and behind its back, whatever the bytes mean."""
        await driver.put_content(f"{scratch}/file", content)

        assert content == await driver.get_content(f"{scratch}/file")
        assert content == await store.read(driver, f"{scratch}/file")

    @pytest.mark.parametrize("size", _SIZES)
    async def test_content_of_any_size_comes_back(self, driver: StorageDriver, scratch: str, size: int) -> None:
        """Small and large content is whole, read at once and streamed."""
        content = random_bytes(size)
        await driver.put_content(f"{scratch}/file", content)

        assert content == await driver.get_content(f"{scratch}/file")
        assert content == await read(driver, f"{scratch}/file")

    async def test_content_seeded_behind_the_driver_is_read(
        self, driver: StorageDriver, store: Store, scratch: str
    ) -> None:
        """A file that another program wrote is a file like any other."""
        await store.seed(driver, f"{scratch}/deep/er/file", b"seeded")

        assert b"seeded" == await driver.get_content(f"{scratch}/deep/er/file")
        assert b"seeded" == await read(driver, f"{scratch}/deep/er/file")
        assert 6 == (await driver.stat(f"{scratch}/deep/er/file")).size
        assert [f"{scratch}/deep/er/file"] == await driver.list(f"{scratch}/deep/er")

    async def test_missing_content_is_not_found(self, driver: StorageDriver, scratch: str) -> None:
        """Reading nothing is `PathNotFoundError`, also beside and below a file."""
        await driver.put_content(f"{scratch}/file", b"x")

        for path in (f"{scratch}/fil", f"{scratch}/file1", f"{scratch}/file/below", "/nowhere/at/all"):
            with pytest.raises(PathNotFoundError):
                await driver.get_content(path)

    @pytest.mark.parametrize(("offset", "length"), [(0, None), (64, None), (0, 0), (5, 5)])
    async def test_missing_stream_is_not_found_on_entering(
        self, driver: StorageDriver, scratch: str, offset: int, length: int | None
    ) -> None:
        """A reader of nothing fails when it is entered, not at its first chunk, also if nothing is to be yielded."""
        entered = False
        with pytest.raises(PathNotFoundError):
            async with driver.reader(f"{scratch}/missing", offset=offset, length=length):
                entered = True

        assert not entered

    async def test_offsets_at_the_boundaries(self, driver: StorageDriver, scratch: str) -> None:
        """A reader starts at its offset; at and past the end it yields nothing."""
        content = random_bytes(96)
        await driver.put_content(f"{scratch}/file", content)

        for offset in (0, 1, 32, 64, 95, 96, 97, 1_000_000):
            assert content[offset:] == await read(driver, f"{scratch}/file", offset=offset), offset

    async def test_lengths_at_the_boundaries(self, driver: StorageDriver, scratch: str) -> None:
        """A reader yields its length, or what there is of it; a length of 0 yields nothing."""
        content = random_bytes(96)
        await driver.put_content(f"{scratch}/file", content)

        for offset, length in (
            (0, 0),
            (0, 1),
            (0, 96),
            (0, 97),
            (32, 32),
            (95, 1),
            (95, 2),
            (96, 1),
            (200, 5),
            (96, 0),
        ):
            expected = content[offset : offset + length]
            assert expected == await read(driver, f"{scratch}/file", offset=offset, length=length), (offset, length)

    async def test_any_range_is_a_slice(self, driver: StorageDriver, scratch: str, examples: settings) -> None:
        """Any range of a file larger than a chunk is the same slice of its content."""
        content = random_bytes(3 * MIB + 17)
        await driver.put_content(f"{scratch}/file", content)
        positions = st.integers(min_value=0, max_value=len(content) + 10)

        async def compare(example: tuple[int, int | None]) -> None:
            offset, length = example
            end = None if length is None else offset + length
            assert content[offset:end] == await read(driver, f"{scratch}/file", offset=offset, length=length)

        await try_examples(examples, st.tuples(positions, positions | st.none()), compare)

    @pytest.mark.parametrize(("offset", "length"), [(-1, None), (0, -1), (-1, -1), (-(2**70), 1)])
    async def test_negative_ranges_are_refused(
        self, driver: StorageDriver, scratch: str, offset: int, length: int | None
    ) -> None:
        """A negative offset or length is `InvalidOffsetError`, naming the path."""
        await driver.put_content(f"{scratch}/file", b"x")
        with pytest.raises(InvalidOffsetError) as caught:
            await read(driver, f"{scratch}/file", offset=offset, length=length)

        assert f"{scratch}/file" == caught.value.path

    async def test_chunks_are_bounded_and_never_empty(self, driver: StorageDriver, scratch: str) -> None:
        """Every chunk is bytes, at least one and at most `MAX_CHUNK_BYTES` of them."""
        content = random_bytes(2 * MAX_CHUNK_BYTES + 3)
        await driver.put_content(f"{scratch}/file", content)
        async with driver.reader(f"{scratch}/file", offset=1) as chunks:
            read_chunks = [chunk async for chunk in chunks]

        assert {bytes} == {type(chunk) for chunk in read_chunks}
        assert all(0 < len(chunk) <= MAX_CHUNK_BYTES for chunk in read_chunks)
        assert content[1:] == b"".join(read_chunks)

    async def test_readers_of_one_file_are_independent(self, driver: StorageDriver, scratch: str) -> None:
        """Two open readers of a file, read in turns, both yield all of it."""
        content = random_bytes(5 * MIB + 1)
        await driver.put_content(f"{scratch}/file", content)
        async with AsyncExitStack() as stack:
            readers = [await stack.enter_async_context(driver.reader(f"{scratch}/file")) for _ in range(2)]
            seen = [bytearray(), bytearray()]
            running = [0, 1]
            while running:
                for number in tuple(running):
                    try:
                        seen[number] += await anext(readers[number])
                    except StopAsyncIteration:
                        running.remove(number)

        assert [content, content] == [bytes(part) for part in seen]

    async def test_content_replaced_while_reading_does_not_mix_in(self, driver: StorageDriver, scratch: str) -> None:
        """A reader goes on with the content it has opened, or fails; it never yields parts of two."""
        old, new = random_bytes(20 * MIB, 1), random_bytes(20 * MIB, 2)
        await driver.put_content(f"{scratch}/file", old)
        seen = bytearray()
        complete = False
        try:
            async with driver.reader(f"{scratch}/file") as chunks:
                seen += await anext(chunks)
                await driver.put_content(f"{scratch}/file", new)
                async for chunk in chunks:
                    seen += chunk
                complete = True
        except StorageError:  # a backend that keeps no old content may say so
            complete = False

        assert old[: len(seen)] == bytes(seen)
        assert not complete or len(old) == len(seen)
        assert new == await driver.get_content(f"{scratch}/file")

    async def test_content_deleted_while_reading_ends_whole_or_with_an_error(
        self, driver: StorageDriver, scratch: str
    ) -> None:
        """A reader whose file is deleted yields all of it, or fails; it never ends early as if that were all."""
        content = random_bytes(20 * MIB, 1)
        await driver.put_content(f"{scratch}/file", content)
        seen = bytearray()
        complete = False
        try:
            async with driver.reader(f"{scratch}/file") as chunks:
                seen += await anext(chunks)
                await driver.delete(f"{scratch}/file")
                async for chunk in chunks:
                    seen += chunk
                complete = True
        except StorageError:
            complete = False

        assert content[: len(seen)] == bytes(seen)
        assert not complete or len(content) == len(seen)
