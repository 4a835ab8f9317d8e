"""Continuing a write: in sessions of any length, and from committed content."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import strategies as st

from holdfast.storage.errors import PathNotFoundError
from holdfast.testing.suite.acts import MIB, keep_unfinished, random_bytes, read, write
from holdfast.testing.suite.base import SuiteBase
from holdfast.testing.suite.examples import fresh_directory, try_examples

if TYPE_CHECKING:
    from hypothesis import settings

    from holdfast.storage.driver import StorageDriver

__all__ = ["Appending"]


class Appending(SuiteBase):
    """`writer(append=True)`."""

    @pytest.mark.parametrize("size", [32, 10 * MIB], ids=["32 bytes", "10 MiB"])
    async def test_sessions_continue_one_write(self, driver: StorageDriver, scratch: str, size: int) -> None:
        """Three writers, each closed before the next is opened, make one content; sizes tell how far it is."""
        content = random_bytes(3 * size)
        for session in range(3):
            writer = await driver.writer(f"{scratch}/file", append=session > 0)
            assert session * size == writer.size
            await writer.write(content[session * size : (session + 1) * size])
            assert (session + 1) * size == writer.size
            await (writer.commit if session == 2 else writer.close)()
            assert (session + 1) * size == writer.size

        assert content == await driver.get_content(f"{scratch}/file")

    async def test_sessions_of_any_lengths_continue_one_write(
        self, driver: StorageDriver, scratch: str, examples: settings
    ) -> None:
        """However a stream is cut into sessions and chunks, it is the same stream, also around part sizes."""
        sizes = st.sampled_from([0, 1, 32, 4096, 65537, MIB, MIB + 1])

        async def compare(sessions: list[list[int]]) -> None:
            async with fresh_directory(driver, scratch) as directory:
                content = b""
                await keep_unfinished(driver, f"{directory}/file")
                for number, chunks in enumerate(sessions):
                    parts = [random_bytes(size, number) for size in chunks]
                    await keep_unfinished(driver, f"{directory}/file", *parts, append=True)
                    content += b"".join(parts)
                assert len(content) == await write(driver, f"{directory}/file", [], append=True)
                assert content == await read(driver, f"{directory}/file")

        await try_examples(examples, st.lists(st.lists(sizes, max_size=3), max_size=4), compare)

    @pytest.mark.parametrize("by", ["writer", "put"])
    async def test_append_to_an_empty_file(self, driver: StorageDriver, scratch: str, by: str) -> None:
        """A committed empty file can be appended to."""
        if by == "writer":
            assert 0 == await write(driver, f"{scratch}/file", [])
        else:
            await driver.put_content(f"{scratch}/file", b"")

        assert b"" == await read(driver, f"{scratch}/file")
        assert 32 == await write(driver, f"{scratch}/file", [random_bytes(32)], append=True)
        assert random_bytes(32) == await read(driver, f"{scratch}/file")

    @pytest.mark.parametrize("size", [5, 6 * MIB], ids=["5 bytes", "6 MiB"])
    async def test_append_to_committed_content(self, driver: StorageDriver, scratch: str, size: int) -> None:
        """Content that is appended to stands until the commit, across sessions, and then has grown at its end."""
        content = random_bytes(size)
        await driver.put_content(f"{scratch}/file", content)
        writer = await driver.writer(f"{scratch}/file", append=True)
        assert size == writer.size
        await writer.write(b"one ")
        assert content == await driver.get_content(f"{scratch}/file")
        await writer.close()
        assert content == await driver.get_content(f"{scratch}/file")
        assert size + 7 == await write(driver, f"{scratch}/file", [b"two"], append=True)

        assert content + b"one two" == await driver.get_content(f"{scratch}/file")

    async def test_append_to_nothing_is_not_found(self, driver: StorageDriver, scratch: str) -> None:
        """There must be something to continue: no content, no unfinished write, no writer."""
        await keep_unfinished(driver, f"{scratch}/ab", b"x")
        await driver.put_content(f"{scratch}/a-b", b"x")

        with pytest.raises(PathNotFoundError):
            await driver.writer(f"{scratch}/a", append=True)

    async def test_unfinished_writes_of_many_paths_stay_apart(self, driver: StorageDriver, scratch: str) -> None:
        """Unfinished writes of neighbouring names are each continued from their own bytes."""
        paths = [f"{scratch}/{name}" for name in ("a", "aa", "a.", "a-", "d/a", "d/aa")]
        for path in paths:
            await keep_unfinished(driver, path, f"{path} begun,".encode())
        for path in reversed(paths):
            await write(driver, path, [f"{path} ended".encode()], append=True)

        for path in paths:
            assert f"{path} begun,{path} ended".encode() == await driver.get_content(path)

    async def test_moving_another_file_away_does_not_touch_an_unfinished_write(
        self, driver: StorageDriver, scratch: str
    ) -> None:
        """Work on a neighbour, its deletion included, leaves an unfinished write as it is."""
        await keep_unfinished(driver, f"{scratch}/d/file", b"begun, ")
        await driver.put_content(f"{scratch}/d/other", b"x")
        await driver.move(f"{scratch}/d/other", f"{scratch}/d/moved")
        await driver.delete(f"{scratch}/d/moved")

        assert 12 == await write(driver, f"{scratch}/d/file", [b"ended"], append=True)
        assert b"begun, ended" == await driver.get_content(f"{scratch}/d/file")
