"""Files where directories are meant, and the other way round."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from holdfast.storage.errors import InvalidPathError, PathNotFoundError
from holdfast.testing.suite.acts import make_files, read, walked
from holdfast.testing.suite.base import SuiteBase, requires

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
