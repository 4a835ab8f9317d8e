"""Listing a directory's direct children."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import strategies as st

from holdfast.storage.errors import InvalidOffsetError, PathNotFoundError
from holdfast.testing.suite.acts import keep_unfinished, make_files
from holdfast.testing.suite.base import SuiteBase
from holdfast.testing.suite.examples import fresh_directory, texts_near_paths, trees, try_examples

if TYPE_CHECKING:
    from hypothesis import settings

    from holdfast.storage.driver import StorageDriver

__all__ = ["Listing"]


def _children(paths: list[str], directory: str) -> list[str]:
    """What a listing of the directory has to be, given all files."""
    below = [path[len(directory) + 1 :] for path in paths if path.startswith(f"{directory}/")]
    return sorted({f"{directory}/{rest.partition('/')[0]}" for rest in below})


class Listing(SuiteBase):
    """`list`."""

    async def test_root_of_an_empty_store_is_an_empty_list(self, driver: StorageDriver) -> None:
        """`/` exists always."""
        assert [] == await driver.list("/")
        assert [] == await driver.list("/", limit=10)

    async def test_root_lists_top_level_names(self, driver: StorageDriver, scratch: str) -> None:
        """Children of `/` are full paths, files and directories."""
        await make_files(driver, [f"{scratch}/a/b", "/top-level-file"])
        listed = await driver.list("/")
        await driver.delete("/top-level-file")

        assert [scratch, "/top-level-file"] == listed

    async def test_children_are_direct_and_in_byte_order(self, driver: StorageDriver, scratch: str) -> None:
        """Files and directories by full path, each once, none from deeper down or from a namesake."""
        names = ["a", "a-b", "a.b", "ab", "b/a", "b/b/c", "B", "_", "0", "c-d/x", "c/x"]
        await make_files(driver, [*(f"{scratch}/d/{name}" for name in names), f"{scratch}/da/x", f"{scratch}/d-/x"])

        assert [f"{scratch}/d", f"{scratch}/d-", f"{scratch}/da"] == await driver.list(scratch)
        assert [
            f"{scratch}/d/{name}" for name in ("0", "B", "_", "a", "a-b", "a.b", "ab", "b", "c", "c-d")
        ] == await driver.list(f"{scratch}/d")

    async def test_many_children_are_all_listed(self, driver: StorageDriver, scratch: str) -> None:
        """Fifty random-looking names come back, sorted."""
        paths = [f"{scratch}/dir/{number * 7919 % 1009:x}-{number}" for number in range(50)]
        await make_files(driver, paths)

        assert [f"{scratch}/dir"] == await driver.list(scratch)
        assert sorted(paths) == await driver.list(f"{scratch}/dir")

    async def test_listing_nothing_or_a_file_is_not_found(self, driver: StorageDriver, scratch: str) -> None:
        """An error, never an empty list, also where a longer name exists."""
        await make_files(driver, [f"{scratch}/file", f"{scratch}/dir1/x"])

        for path in (f"{scratch}/file", f"{scratch}/file/below", f"{scratch}/dir", f"{scratch}/missing", "/nowhere"):
            with pytest.raises(PathNotFoundError):
                await driver.list(path)

    async def test_unfinished_writes_are_not_listed(self, driver: StorageDriver, scratch: str) -> None:
        """A directory that has unfinished writes alone doesn't exist."""
        await keep_unfinished(driver, f"{scratch}/dir/file", b"x")
        await keep_unfinished(driver, "/scratch-of-a-namesake", b"x")
        listed = await driver.list("/")
        await driver.delete("/scratch-of-a-namesake")

        assert [] == listed
        with pytest.raises(PathNotFoundError):
            await driver.list(f"{scratch}/dir")

    async def test_start_after_and_limit_cut_the_list(self, driver: StorageDriver, scratch: str) -> None:
        """Only greater paths, at most so many; a directory is one child however many files it has."""
        await make_files(driver, [f"{scratch}/{name}" for name in ("a", "b/1", "b/2", "b/3", "b-c", "c", "d")])
        a, b, b_c, c, d = (f"{scratch}/{name}" for name in ("a", "b", "b-c", "c", "d"))

        assert [a, b] == await driver.list(scratch, limit=2)
        assert [b_c, c] == await driver.list(scratch, start_after=b, limit=2)
        assert [b, b_c, c, d] == await driver.list(scratch, start_after=a)
        assert [c, d] == await driver.list(scratch, start_after=f"{scratch}/bb")
        assert [d] == await driver.list(scratch, start_after=c, limit=100)
        assert [] == await driver.list(scratch, start_after=d)
        assert [] == await driver.list(scratch, start_after=f"{scratch}/zzz")
        assert [] == await driver.list(scratch, limit=0)

    async def test_negative_limit_is_refused(self, driver: StorageDriver, scratch: str) -> None:
        """A limit isn't negative."""
        await make_files(driver, [f"{scratch}/a"])

        with pytest.raises(InvalidOffsetError):
            await driver.list(scratch, limit=-1)

    async def test_pages_concatenate_to_the_whole(
        self, driver: StorageDriver, scratch: str, examples: settings
    ) -> None:
        """Whatever the tree and the page's size, the pages together are the sorted children."""

        async def compare(example: tuple[list[str], int]) -> None:
            tree, limit = example
            async with fresh_directory(driver, scratch) as directory:
                await make_files(driver, [f"{directory}/d/{path}" for path in tree] + [f"{directory}/d-/x"])
                pages: list[str] = []
                while tree:
                    page = await driver.list(f"{directory}/d", start_after=pages[-1] if pages else None, limit=limit)
                    assert len(page) <= limit
                    pages += page
                    if not page:
                        break
                assert _children([f"{directory}/d/{path}" for path in tree], f"{directory}/d") == pages

        await try_examples(examples, st.tuples(trees(), st.integers(min_value=1, max_value=4)), compare)

    async def test_start_after_any_name(self, driver: StorageDriver, scratch: str, examples: settings) -> None:
        """A child to start after needn't exist."""

        async def compare(example: tuple[list[str], list[str]]) -> None:
            tree, names = example
            async with fresh_directory(driver, scratch) as directory:
                paths = [f"{directory}/{path}" for path in tree]
                await make_files(driver, paths)
                for start in [f"{directory}/{name}" for name in names] if tree else []:
                    expected = [child for child in _children(paths, directory) if child > start]
                    assert expected == await driver.list(directory, start_after=start)

        await try_examples(examples, st.tuples(trees(), st.lists(texts_near_paths(), max_size=3)), compare)
