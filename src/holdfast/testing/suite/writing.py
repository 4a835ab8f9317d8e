"""Writing content: at once, and by a writer that is committed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from holdfast.storage.errors import PathNotFoundError
from holdfast.testing.suite.acts import CONTENTS, KIB, MIB, blocks, keep_unfinished, random_bytes, read, walked, write
from holdfast.testing.suite.base import SuiteBase, requires_lack

if TYPE_CHECKING:
    from holdfast.storage.driver import StorageDriver
    from holdfast.testing.store import Store

__all__ = ["Writing"]

_PATTERNS = {
    "nothing": [],
    "one empty chunk": [0],
    "tiny, tiny, large, empty": [32, 32, 10 * MIB, 0],
    "large, tiny": [6 * MIB, 1],
    "bytes": [1] * 300,
    "just around a mebibyte": [MIB - 1, 1, 1, MIB, MIB + 1],
    "empty between": [0, 5, 0, 0, 5, 0],
}


class Writing(SuiteBase):
    """`put_content` and a writer that is opened anew and committed."""

    @pytest.mark.parametrize("sizes", [(MIB, KIB), (4 * KIB, 2 * KIB), (10, 0), (0, 10), (KIB, MIB), (64, 64)], ids=str)
    async def test_put_replaces_all_of_the_content(
        self, driver: StorageDriver, scratch: str, sizes: tuple[int, int]
    ) -> None:
        """Nothing of longer, shorter or equally long earlier content remains."""
        for seed, size in enumerate(sizes):
            await driver.put_content(f"{scratch}/file", random_bytes(size, seed))

        assert random_bytes(sizes[1], 1) == await driver.get_content(f"{scratch}/file")
        assert sizes[1] == (await driver.stat(f"{scratch}/file")).size

    async def test_put_takes_any_buffer_and_keeps_its_own_copy(self, driver: StorageDriver, scratch: str) -> None:
        """A buffer that is reused after the call doesn't change what was put."""
        buffer = bytearray(b"0123456789")
        await driver.put_content(f"{scratch}/bytearray", buffer)
        await driver.put_content(f"{scratch}/view", memoryview(buffer)[2:5])
        buffer[:] = b"##########"

        assert b"0123456789" == await driver.get_content(f"{scratch}/bytearray")
        assert b"234" == await driver.get_content(f"{scratch}/view")

    async def test_put_makes_missing_parents(self, driver: StorageDriver, scratch: str) -> None:
        """Directories come into being with the file, at any depth."""
        await driver.put_content(f"{scratch}/a/b/c/d/e/f", b"deep")

        assert b"deep" == await driver.get_content(f"{scratch}/a/b/c/d/e/f")
        assert (await driver.stat(f"{scratch}/a/b/c")).is_dir

    @requires_lack("put_match_version")
    async def test_put_tells_no_version_without_the_capability(self, driver: StorageDriver, scratch: str) -> None:
        """A version is told only where it can be matched."""
        assert None is await driver.put_content(f"{scratch}/file", b"x")
        assert None is (await driver.stat(f"{scratch}/file")).version

    async def test_put_leaves_unfinished_writes_alone(self, driver: StorageDriver, scratch: str) -> None:
        """An unfinished write goes on after a put to its path, and replaces that content when it is committed."""
        await keep_unfinished(driver, f"{scratch}/file", b"begun, ")
        await driver.put_content(f"{scratch}/file", b"put between")

        assert b"put between" == await driver.get_content(f"{scratch}/file")
        assert 14 == await write(driver, f"{scratch}/file", [b"ended #"], append=True)
        assert b"begun, ended #" == await driver.get_content(f"{scratch}/file")

    @pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS.keys())
    async def test_stream_comes_back_as_it_was_written(
        self, driver: StorageDriver, store: Store, scratch: str, content: bytes
    ) -> None:
        """What a writer committed is what is read, through the driver and behind its back."""
        assert len(content) == await write(driver, f"{scratch}/file", [content])

        assert content == await read(driver, f"{scratch}/file")
        assert content == await store.read(driver, f"{scratch}/file")

    @pytest.mark.parametrize("pattern", _PATTERNS.values(), ids=_PATTERNS.keys())
    async def test_chunks_of_any_pattern_make_one_content(
        self, driver: StorageDriver, scratch: str, pattern: list[int]
    ) -> None:
        """How the bytes arrive doesn't show in what they become."""
        chunks = [random_bytes(size, seed) for seed, size in enumerate(pattern)]
        writer = await driver.writer(f"{scratch}/file")
        for number, chunk in enumerate(chunks, 1):
            await writer.write(chunk)
            assert sum(pattern[:number]) == writer.size
        await writer.commit()
        await writer.close()

        assert sum(pattern) == writer.size
        assert b"".join(chunks) == await read(driver, f"{scratch}/file")

    async def test_writer_keeps_its_own_copy(self, driver: StorageDriver, scratch: str) -> None:
        """A buffer that is reused between writes, as a socket's is, doesn't change what was written."""
        buffer = bytearray(4)
        writer = await driver.writer(f"{scratch}/file")
        for number in range(300):
            buffer[:] = number.to_bytes(4, "big")
            await writer.write(memoryview(buffer) if number % 2 else buffer)
        await writer.commit()

        assert b"".join(number.to_bytes(4, "big") for number in range(300)) == await read(driver, f"{scratch}/file")

    async def test_nothing_shows_before_commit(self, driver: StorageDriver, scratch: str) -> None:
        """A path that is being written, or was left unfinished, is absent in every way, and so is its directory."""
        await driver.put_content(f"{scratch}/other", b"x")
        writer = await driver.writer(f"{scratch}/dir/file")
        await writer.write(random_bytes(6 * MIB))
        for _ in range(2):
            for path in (f"{scratch}/dir/file", f"{scratch}/dir"):
                with pytest.raises(PathNotFoundError):
                    await driver.get_content(path)
                with pytest.raises(PathNotFoundError):
                    await driver.stat(path)
            with pytest.raises(PathNotFoundError):
                await driver.list(f"{scratch}/dir")
            with pytest.raises(PathNotFoundError):
                await driver.move(f"{scratch}/dir/file", f"{scratch}/moved")

            assert [f"{scratch}/other"] == await driver.list(scratch)
            assert [f"{scratch}/other"] == await walked(driver, scratch)
            await writer.close()

    async def test_commit_replaces_what_stood_until_then(self, driver: StorageDriver, scratch: str) -> None:
        """Old content is whole until the commit, the new one from then on."""
        old, new = random_bytes(MIB, 1), random_bytes(2 * MIB, 2)
        await driver.put_content(f"{scratch}/file", old)
        writer = await driver.writer(f"{scratch}/file")
        await writer.write(new)
        before = await driver.get_content(f"{scratch}/file")
        await writer.commit()
        after = await driver.get_content(f"{scratch}/file")
        await writer.close()

        assert old == before
        assert new == after

    async def test_writers_to_different_paths_do_not_meet(self, driver: StorageDriver, scratch: str) -> None:
        """Writers that are open at once, one path below another's namesake, keep their bytes apart."""
        paths = [f"{scratch}/a", f"{scratch}/ab", f"{scratch}/b/a", f"{scratch}/a-b"]
        writers = [await driver.writer(path) for path in paths]
        for number in range(10):
            for path, writer in zip(paths, writers, strict=True):
                await writer.write(f"{path} {number};".encode())
        for writer in writers:
            await writer.commit()

        for path in paths:
            assert "".join(f"{path} {number};" for number in range(10)).encode() == await read(driver, path)

    @pytest.mark.slow
    @pytest.mark.timeout(3600)
    async def test_very_large_stream(self, driver: StorageDriver, scratch: str, large_bytes: int) -> None:
        """A stream beyond every limit of 32 bits, and of a single request to most object stores, comes back."""
        written, seen, size = hashlib.sha256(), hashlib.sha256(), 0
        writer = await driver.writer(f"{scratch}/large")
        try:
            for block in blocks(large_bytes, block=4 * MIB):
                written.update(block)
                await writer.write(block)
            await writer.commit()
        finally:
            await writer.close()
        async with driver.reader(f"{scratch}/large") as chunks:
            async for chunk in chunks:
                seen.update(chunk)
                size += len(chunk)

        assert large_bytes == size == (await driver.stat(f"{scratch}/large")).size
        assert written.hexdigest() == seen.hexdigest()
