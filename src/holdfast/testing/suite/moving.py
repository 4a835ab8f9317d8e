"""Moving files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from holdfast.storage.errors import PathNotFoundError
from holdfast.testing.suite.acts import MIB, content_or_none, make_files, random_bytes, read
from holdfast.testing.suite.base import SuiteBase

if TYPE_CHECKING:
    from holdfast.storage.driver import StorageDriver
    from holdfast.testing.store import Store

__all__ = ["Moving"]


class Moving(SuiteBase):
    """`move`."""

    @pytest.mark.parametrize("size", [0, 32, 12 * MIB], ids=["empty", "32 bytes", "12 MiB"])
    async def test_move_takes_the_content_along(
        self, driver: StorageDriver, store: Store, scratch: str, size: int
    ) -> None:
        """The destination has the content, its directories are made, the source and its directory are gone."""
        await driver.put_content(f"{scratch}/from/here/file", random_bytes(size))
        await driver.move(f"{scratch}/from/here/file", f"{scratch}/to/there/moved")

        assert random_bytes(size) == await read(driver, f"{scratch}/to/there/moved")
        assert random_bytes(size) == await store.read(driver, f"{scratch}/to/there/moved")
        assert None is await content_or_none(driver, f"{scratch}/from/here/file")
        assert [f"{scratch}/to"] == await driver.list(scratch)

    @pytest.mark.parametrize("sizes", [(32, 64), (64, 32), (0, 5), (5, 0)], ids=str)
    async def test_move_replaces_the_destination(
        self, driver: StorageDriver, scratch: str, sizes: tuple[int, int]
    ) -> None:
        """Nothing of what was at the destination remains."""
        await driver.put_content(f"{scratch}/from", random_bytes(sizes[0], 1))
        await driver.put_content(f"{scratch}/to", random_bytes(sizes[1], 2))
        await driver.move(f"{scratch}/from", f"{scratch}/to")

        assert random_bytes(sizes[0], 1) == await driver.get_content(f"{scratch}/to")
        assert sizes[0] == (await driver.stat(f"{scratch}/to")).size
        assert [f"{scratch}/to"] == await driver.list(scratch)

    async def test_moving_nothing_leaves_the_destination(self, driver: StorageDriver, scratch: str) -> None:
        """A missing source is `PathNotFoundError`, and the destination stands."""
        await driver.put_content(f"{scratch}/to", b"stays")

        with pytest.raises(PathNotFoundError):
            await driver.move(f"{scratch}/missing", f"{scratch}/to")
        with pytest.raises(PathNotFoundError):
            await driver.move(f"{scratch}/missing", f"{scratch}/missing")
        with pytest.raises(PathNotFoundError):
            await driver.move(f"{scratch}/to/below", f"{scratch}/elsewhere")
        assert b"stays" == await driver.get_content(f"{scratch}/to")
        assert [f"{scratch}/to"] == await driver.list(scratch)

    async def test_move_to_itself_changes_nothing(self, driver: StorageDriver, scratch: str) -> None:
        """A file that is moved to where it is is there afterwards."""
        await driver.put_content(f"{scratch}/file", b"content")
        await driver.move(f"{scratch}/file", f"{scratch}/file")

        assert b"content" == await driver.get_content(f"{scratch}/file")

    async def test_move_within_and_across_directories(self, driver: StorageDriver, scratch: str) -> None:
        """Neighbours of the source and of the destination stay where they are."""
        await make_files(driver, [f"{scratch}/{path}" for path in ("a/x", "a/y", "a-/x", "b/y")])
        await driver.move(f"{scratch}/a/x", f"{scratch}/b/x")
        await driver.move(f"{scratch}/b/x", f"{scratch}/b/z")

        assert [f"{scratch}/a/y"] == await driver.list(f"{scratch}/a")
        assert [f"{scratch}/b/y", f"{scratch}/b/z"] == await driver.list(f"{scratch}/b")
        assert [f"{scratch}/a-/x"] == await driver.list(f"{scratch}/a-")
