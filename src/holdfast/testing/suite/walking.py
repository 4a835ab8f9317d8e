"""Walking all files below a directory."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import strategies as st

from holdfast.storage.errors import PathNotFoundError
from holdfast.testing.iteration import closing_iterator, collect
from holdfast.testing.suite.acts import keep_unfinished, make_files, walked
from holdfast.testing.suite.base import SuiteBase
from holdfast.testing.suite.examples import COMPONENTS, fresh_directory, texts_near_paths, trees, try_examples

if TYPE_CHECKING:
    from hypothesis import settings

    from holdfast.storage.driver import StorageDriver
    from holdfast.testing.store import Store

__all__ = ["Walking"]

_MORE_THAN_A_PAGE = 1010
"""A page of the object stores in use has 1,000 names."""


class Walking(SuiteBase):
    """`walk`."""

    async def test_walk_of_an_empty_store_yields_nothing(self, driver: StorageDriver) -> None:
        """`/` is always there."""
        assert [] == await walked(driver, "/")

    async def test_walk_is_in_byte_order_of_full_paths(self, driver: StorageDriver, scratch: str) -> None:
        """`-` and `.` sort before the slash: a directory's files come after its namesakes with those."""
        names = ["a-b", "a.b", "a/b", "a/b-", "a0", "a_", "aa", "b"]
        await make_files(driver, [f"{scratch}/{name}" for name in reversed(names)])

        assert [f"{scratch}/{name}" for name in names] == await walked(driver, scratch)
        assert [f"{scratch}/{name}" for name in names] == await walked(driver, "/")
        assert [f"{scratch}/a/b", f"{scratch}/a/b-"] == await walked(driver, f"{scratch}/a")

    async def test_order_with_file_and_namesakes(self, driver: StorageDriver, scratch: str) -> None:
        """A file `a` comes before `a-b`, `a.b` and the files of a directory `a-c`."""
        names = ["a", "a-b", "a-c/x", "a.b", "ab"]
        await make_files(driver, [f"{scratch}/{name}" for name in reversed(names)])

        assert [f"{scratch}/{name}" for name in names] == await walked(driver, scratch)

    async def test_walk_tells_size_and_time(self, driver: StorageDriver, scratch: str) -> None:
        """What a walk says of a file is what `stat` says; directories aren't among them."""
        for size in (0, 1, 70_000):
            await driver.put_content(f"{scratch}/d/{size}", b"x" * size)
        files = await collect(driver.walk(scratch))

        assert [0, 1, 70_000] == [file.size for file in files]
        assert not any(file.is_dir for file in files)
        for file in files:
            described = await driver.stat(file.path)
            assert (described.path, described.size, described.modified) == (file.path, file.size, file.modified)

    async def test_walking_nothing_or_a_file_is_not_found(self, driver: StorageDriver, scratch: str) -> None:
        """An error, never an empty walk, also with something to start after."""
        await make_files(driver, [f"{scratch}/file", f"{scratch}/dir1/x"])

        for path in (f"{scratch}/file", f"{scratch}/file/below", f"{scratch}/dir", "/nowhere"):
            for start_after in (None, "/zzz"):
                with pytest.raises(PathNotFoundError):
                    await walked(driver, path, start_after=start_after)

    async def test_unfinished_writes_are_not_walked(self, driver: StorageDriver, scratch: str) -> None:
        """Only committed files are files."""
        await keep_unfinished(driver, f"{scratch}/a/b", b"x")
        await make_files(driver, [f"{scratch}/a/c"])
        await keep_unfinished(driver, f"{scratch}/a/c", b"x")

        assert [f"{scratch}/a/c"] == await walked(driver, "/")

    async def test_walk_from_anywhere_in_any_tree(
        self, driver: StorageDriver, scratch: str, examples: settings
    ) -> None:
        """Whatever the tree and the string to start after, a walk is the sorted files with greater paths."""

        async def compare(example: tuple[list[str], list[str]]) -> None:
            tree, texts = example
            async with fresh_directory(driver, scratch) as directory:
                paths = [f"{directory}/{path}" for path in tree]
                await make_files(driver, [*paths, f"{directory}-/x"])
                starts = [*(f"{directory}/{text}" for text in (*COMPONENTS, *texts)), *paths, *texts]
                for start in [None, *starts] if tree else []:
                    expected = [path for path in paths if start is None or path > start]
                    assert expected == await walked(driver, directory, start_after=start), start

        await try_examples(examples, st.tuples(trees(), st.lists(texts_near_paths(), max_size=2)), compare)

    async def test_changes_while_walking(self, driver: StorageDriver, scratch: str) -> None:
        """Files that stay are seen once each and in order, whatever comes and goes meanwhile."""
        stay = [f"{scratch}/{directory}/{name}" for directory in "bdf" for name in "246"]
        go = [f"{scratch}/c/{name}" for name in "13579"]
        await make_files(driver, [*stay, *go])
        seen: list[str] = []
        async with closing_iterator(driver.walk(scratch)) as files:
            async for file in files:
                if not seen:
                    await driver.delete(f"{scratch}/c")
                    await make_files(driver, [f"{scratch}/{new}" for new in ("a/1", "b/3", "e/1", "g/1")])
                seen.append(file.path)

        assert sorted(set(seen)) == seen
        assert stay == [path for path in seen if path in stay]

    async def test_walk_left_early_can_be_taken_up_again(self, driver: StorageDriver, scratch: str) -> None:
        """A walk that stops anywhere is continued by another one that starts after the last path."""
        paths = sorted(f"{scratch}/{directory}/{name}" for directory in ("a", "a-b", "b") for name in "123")
        await make_files(driver, paths)
        seen: list[str] = []
        while len(seen) < len(paths):
            async with closing_iterator(driver.walk(scratch, start_after=seen[-1] if seen else None)) as files:
                seen += [(await anext(files)).path]

        assert paths == seen

    async def test_more_files_than_a_page(self, driver: StorageDriver, store: Store, scratch: str) -> None:
        """Listing, walking and deleting go on past the thousand names that a backend hands out at once."""
        paths = [f"{scratch}/many/{number:05}" for number in range(_MORE_THAN_A_PAGE)]
        waiting = iter(paths)

        async def seed() -> None:
            for path in waiting:
                await store.seed(driver, path, b"x")

        async with asyncio.TaskGroup() as tasks:
            for _ in range(16):
                tasks.create_task(seed())

        assert paths == await driver.list(f"{scratch}/many")
        assert paths == await walked(driver, f"{scratch}/many")
        assert paths[1001:] == await driver.list(f"{scratch}/many", start_after=paths[1000])
        await driver.delete_files(paths[:1005])
        assert paths[1005:] == await driver.list(f"{scratch}/many")
