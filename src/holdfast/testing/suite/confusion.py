"""Files where directories are meant, and the other way round."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from holdfast.storage.errors import InvalidPathError, PathNotFoundError
from holdfast.testing.suite.acts import make_files, read, walked, write
from holdfast.testing.suite.base import SuiteBase, requires, requires_lack

if TYPE_CHECKING:
    from holdfast.storage.driver import StorageDriver

__all__ = ["Confusion"]


class Confusion(SuiteBase):
    """A method that wants a file treats a directory as absent, and the other way round; writing says why it can't."""

    async def test_directory_has_no_content(self, driver: StorageDriver, scratch: str) -> None:
        """Reading a directory, whole or streamed, is `PathNotFoundError`."""
        await make_files(driver, [f"{scratch}/dir/file"])

        with pytest.raises(PathNotFoundError):
            await driver.get_content(f"{scratch}/dir")
        with pytest.raises(PathNotFoundError):
            await read(driver, f"{scratch}/dir")
        with pytest.raises(PathNotFoundError):
            await read(driver, f"{scratch}/dir", length=0)

    @requires("local_path")
    async def test_directory_is_no_local_file(self, driver: StorageDriver, scratch: str) -> None:
        """A directory is nothing to hand to the kernel."""
        await make_files(driver, [f"{scratch}/dir/file"])

        with pytest.raises(PathNotFoundError):
            await driver.local_path(f"{scratch}/dir")

    @requires("exclusive_names")
    @pytest.mark.parametrize("below", ["below", "far/below"])
    async def test_nothing_is_written_below_a_file(self, driver: StorageDriver, scratch: str, below: str) -> None:
        """A file is no directory: putting, writing and moving below one is `InvalidPathError`."""
        await make_files(driver, [f"{scratch}/file", f"{scratch}/other"])

        with pytest.raises(InvalidPathError):
            await driver.put_content(f"{scratch}/file/{below}", b"y")
        with pytest.raises(InvalidPathError):
            await driver.writer(f"{scratch}/file/{below}")
        with pytest.raises(InvalidPathError):
            await driver.move(f"{scratch}/other", f"{scratch}/file/{below}")
        assert [f"{scratch}/file", f"{scratch}/other"] == await walked(driver, scratch)
        assert b"x" == await driver.get_content(f"{scratch}/file")

    @requires("exclusive_names")
    async def test_nothing_is_written_over_a_directory(self, driver: StorageDriver, scratch: str) -> None:
        """A directory isn't replaced by a file: putting, writing and moving onto one is `InvalidPathError`."""
        await make_files(driver, [f"{scratch}/dir/file", f"{scratch}/other"])

        with pytest.raises(InvalidPathError):
            await driver.put_content(f"{scratch}/dir", b"y")
        with pytest.raises(InvalidPathError):
            await driver.writer(f"{scratch}/dir")
        with pytest.raises(InvalidPathError):
            await driver.move(f"{scratch}/other", f"{scratch}/dir")
        assert [f"{scratch}/dir/file", f"{scratch}/other"] == await walked(driver, scratch)

    @requires_lack("exclusive_names")
    async def test_path_can_be_a_file_and_a_directory(self, driver: StorageDriver, scratch: str) -> None:
        """Both have all that is theirs: content, description, children, and they are in listings and walks once."""
        await make_files(driver, [f"{scratch}/both/below", f"{scratch}/both-x"])
        await driver.put_content(f"{scratch}/both", b"content")
        await write(driver, f"{scratch}/both/below/far", [b"x"])

        assert b"content" == await driver.get_content(f"{scratch}/both")
        assert (7, False) == ((info := await driver.stat(f"{scratch}/both")).size, info.is_dir)
        assert [f"{scratch}/both", f"{scratch}/both-x"] == await driver.list(scratch)
        assert [f"{scratch}/both/below"] == await driver.list(f"{scratch}/both")
        assert [f"{scratch}/both/below", f"{scratch}/both/below/far"] == await walked(driver, f"{scratch}/both")

    @requires_lack("exclusive_names")
    async def test_the_two_kinds_of_one_path_go_together_or_apart(self, driver: StorageDriver, scratch: str) -> None:
        """`delete_files` and `move` take the file alone, `delete` takes all."""
        await make_files(driver, [f"{scratch}/both", f"{scratch}/both/below"])
        await driver.delete_files([f"{scratch}/both"])
        assert [f"{scratch}/both/below"] == await walked(driver, scratch)
        await driver.put_content(f"{scratch}/both", b"content")
        await driver.move(f"{scratch}/both", f"{scratch}/moved")
        assert [f"{scratch}/both/below", f"{scratch}/moved"] == await walked(driver, scratch)
        await driver.move(f"{scratch}/moved", f"{scratch}/both")
        await driver.delete(f"{scratch}/both")

        assert [] == await driver.list("/")

    async def test_directory_can_not_be_moved(self, driver: StorageDriver, scratch: str) -> None:
        """As a source a directory is absent, and stays."""
        await make_files(driver, [f"{scratch}/dir/file"])

        with pytest.raises(PathNotFoundError):
            await driver.move(f"{scratch}/dir", f"{scratch}/moved")
        with pytest.raises(PathNotFoundError):
            await driver.move(f"{scratch}/dir", f"{scratch}/dir")
        assert [f"{scratch}/dir/file"] == await walked(driver, scratch)

    async def test_file_is_no_directory(self, driver: StorageDriver, scratch: str) -> None:
        """Listing and walking a file, or reading below it, finds nothing."""
        await make_files(driver, [f"{scratch}/file"])

        with pytest.raises(PathNotFoundError):
            await driver.list(f"{scratch}/file")
        with pytest.raises(PathNotFoundError):
            await walked(driver, f"{scratch}/file")
        with pytest.raises(PathNotFoundError):
            await driver.get_content(f"{scratch}/file/below")

    async def test_kinds_can_change(self, driver: StorageDriver, scratch: str) -> None:
        """Once a file is deleted its name can be a directory's, and once that is empty a file's again."""
        await make_files(driver, [f"{scratch}/name"])
        await driver.delete(f"{scratch}/name")
        await make_files(driver, [f"{scratch}/name/below"])
        await driver.delete(f"{scratch}/name/below")
        await make_files(driver, [f"{scratch}/name"])

        assert [f"{scratch}/name"] == await walked(driver, scratch)
