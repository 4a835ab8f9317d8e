"""Many at once: content is always whole, and nobody stands in another's way."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from holdfast.testing.suite.acts import MIB, blocks, make_files, random_bytes, read, walked, write
from holdfast.testing.suite.base import SuiteBase

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from holdfast.storage.driver import StorageDriver

__all__ = ["Concurrency"]

_TURNS = 20


class Concurrency(SuiteBase):
    """Tasks of one process on one driver."""

    @pytest.mark.parametrize("way", ["put", "commit", "move"])
    async def test_readers_see_the_old_or_the_new_whole(self, driver: StorageDriver, scratch: str, way: str) -> None:
        """While content is replaced again and again, every reading of it is one of the contents, never absent."""
        contents = [b"a" * MIB, b"b" * (MIB // 2), b"c"]

        async def replace(number: int) -> None:
            content = contents[number % 3]
            if way == "put":
                await driver.put_content(f"{scratch}/file", content)
            elif way == "commit":
                half = len(content) // 2
                await write(driver, f"{scratch}/file", [content[:half], content[half:]])
            else:
                await driver.put_content(f"{scratch}/next", content)
                await driver.move(f"{scratch}/next", f"{scratch}/file")

        async def look() -> None:
            assert await driver.get_content(f"{scratch}/file") in contents
            assert await read(driver, f"{scratch}/file") in contents
            assert (await driver.stat(f"{scratch}/file")).size in {len(content) for content in contents}

        await replace(0)
        async with _again_and_again(look, tasks=3):
            for number in range(_TURNS):
                await replace(number)

    async def test_last_of_concurrent_writers_wins_whole(self, driver: StorageDriver, scratch: str) -> None:
        """Puts to one path at once leave one of the contents, not a mixture, and no error."""
        contents = [bytes([number]) * (100_000 + number) for number in range(12)]
        for _ in range(3):
            await asyncio.gather(*(driver.put_content(f"{scratch}/file", content) for content in contents))

            assert await driver.get_content(f"{scratch}/file") in contents

    async def test_concurrent_reads_from_anywhere(self, driver: StorageDriver, scratch: str) -> None:
        """Ten readers of a large file, each from its own offset, each get their part."""
        content = b"".join(blocks(16 * MIB))
        await driver.put_content(f"{scratch}/file", content)
        offsets = [number * 1_677_721 % len(content) for number in range(10)]
        parts = await asyncio.gather(*(read(driver, f"{scratch}/file", offset=offset) for offset in offsets))

        assert all(content[offset:] == part for offset, part in zip(offsets, parts, strict=True))

    async def test_concurrent_streams(self, driver: StorageDriver, scratch: str) -> None:
        """Eight streams of eight mebibytes are written and read at once without hanging or mixing."""

        async def stream(number: int) -> bool:
            content = random_bytes(MIB, number) * 8
            parts = [content[start : start + 300_000] for start in range(0, len(content), 300_000)]
            await write(driver, f"{scratch}/{number}", parts)
            return content == await read(driver, f"{scratch}/{number}")

        assert [True] * 8 == await asyncio.gather(*(stream(number) for number in range(8)))

    async def test_many_open_writers_and_readers(self, driver: StorageDriver, scratch: str) -> None:
        """A task that holds a reader and writes, many times over, isn't stopped by a limit on operations."""
        await driver.put_content(f"{scratch}/source", random_bytes(MIB))

        async def copy(number: int) -> None:
            async with driver.reader(f"{scratch}/source") as chunks:
                writer = await driver.writer(f"{scratch}/copy-{number}")
                async for chunk in chunks:
                    await writer.write(chunk)
                    await driver.stat(f"{scratch}/source")
                await writer.commit()

        await asyncio.gather(*(copy(number) for number in range(130)))

        assert 131 == len(await driver.list(scratch))

    async def test_putting_and_deleting_neighbours(self, driver: StorageDriver, scratch: str) -> None:
        """A directory that empties and fills again at the same time loses no file and fails no put."""

        async def come_and_go(number: int) -> None:
            path = f"{scratch}/busy/dir/{number}"
            for turn in range(10):
                await driver.put_content(path, b"%d" % turn)
                assert b"%d" % turn == await driver.get_content(path)
                await driver.delete(path)

        await asyncio.gather(*(come_and_go(number) for number in range(6)))

        assert [] == await driver.list("/")

    async def test_writing_and_deleting_neighbours(self, driver: StorageDriver, scratch: str) -> None:
        """The same with writers and moves: unfinished writes have directories to lose, too."""

        async def come_and_go(number: int) -> None:
            path = f"{scratch}/busy/{number % 2}/{number}"
            for _ in range(6):
                assert 4 == await write(driver, path, [b"c", b"ome"])
                await driver.move(path, f"{path}-gone")
                await driver.delete_files([f"{path}-gone"])

        await asyncio.gather(*(come_and_go(number) for number in range(6)))

        assert [] == await driver.list("/")

    async def test_listing_while_writing(self, driver: StorageDriver, scratch: str) -> None:
        """Files that stay are in every listing and walk, once, whatever comes and goes beside them."""
        stay = [f"{scratch}/{directory}/{number}" for directory in "ac" for number in range(5)]
        await make_files(driver, stay)

        async def look() -> None:
            seen = await walked(driver, scratch)
            assert sorted(set(seen)) == seen
            assert stay == [path for path in seen if path in stay]
            listed = await driver.list(scratch)
            assert sorted(set(listed)) == listed
            assert {f"{scratch}/a", f"{scratch}/c"} <= set(listed)

        async with _again_and_again(look, tasks=2):
            for turn in range(_TURNS):
                await make_files(driver, [f"{scratch}/b/{turn}", f"{scratch}/a/new-{turn % 3}"])
                await driver.delete(f"{scratch}/b")


@asynccontextmanager
async def _again_and_again(look: Callable[[], Awaitable[None]], *, tasks: int) -> AsyncIterator[None]:
    """Look in several tasks, from before the block until after it, at least twice each."""
    done = asyncio.Event()

    async def repeat() -> None:
        await look()
        while not done.is_set():
            await asyncio.sleep(0)
            await look()
        await look()

    async with asyncio.TaskGroup() as group:
        for _ in range(tasks):
            group.create_task(repeat())
        try:
            yield
        finally:
            done.set()
