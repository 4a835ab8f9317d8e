"""Deleting files, directories and batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from holdfast.storage.errors import PathNotFoundError
from holdfast.testing.suite.acts import content_or_none, keep_unfinished, make_files, walked, write
from holdfast.testing.suite.base import SuiteBase

if TYPE_CHECKING:
    from holdfast.storage.driver import StorageDriver

__all__ = ["Deleting"]


class Deleting(SuiteBase):
    """`delete` and `delete_files`."""

    async def test_deleted_file_is_gone(self, driver: StorageDriver, scratch: str) -> None:
        """In every way, its directory included when it was the last."""
        await make_files(driver, [f"{scratch}/dir/file", f"{scratch}/other"])
        await driver.delete(f"{scratch}/dir/file")

        assert None is await content_or_none(driver, f"{scratch}/dir/file")
        for path in (f"{scratch}/dir/file", f"{scratch}/dir"):
            with pytest.raises(PathNotFoundError):
                await driver.stat(path)
        assert [f"{scratch}/other"] == await driver.list(scratch)

    async def test_deleting_nothing_is_not_found(self, driver: StorageDriver, scratch: str) -> None:
        """Neither a file, nor a directory, nor what is below a file; a second time isn't a first."""
        await make_files(driver, [f"{scratch}/file", f"{scratch}/dir1/x"])
        await driver.delete(f"{scratch}/dir1")

        for path in (f"{scratch}/missing", f"{scratch}/file/below", f"{scratch}/dir", f"{scratch}/dir1", "/nowhere"):
            with pytest.raises(PathNotFoundError):
                await driver.delete(path)
        assert [f"{scratch}/file"] == await walked(driver, "/")

    async def test_deleting_a_directory_deletes_all_below(self, driver: StorageDriver, scratch: str) -> None:
        """Files at any depth go, first one of them alone, then all."""
        paths = [f"{scratch}/dir/{name}" for name in ("1", "2", "3/4/5", "3/4/6")]
        await make_files(driver, paths)
        await driver.delete(paths[0])
        assert paths[1:] == await walked(driver, f"{scratch}/dir")
        await driver.delete(f"{scratch}/dir")

        assert [None] * 4 == [await content_or_none(driver, path) for path in paths]
        with pytest.raises(PathNotFoundError):
            await driver.list(f"{scratch}/dir")

    async def test_delete_spares_namesakes(self, driver: StorageDriver, scratch: str) -> None:
        """Deleting `/a` leaves `/ab`, `/a-b` and `/a.b`, whether they are files or directories."""
        spared = [f"{scratch}/{name}" for name in ("a-", "a-b/x", "a.b", "a0/x", "aa", "d-x", "d.x/x", "dx/x")]
        await make_files(driver, [*spared, f"{scratch}/a", f"{scratch}/d/x", f"{scratch}/d/y"])
        await driver.delete(f"{scratch}/a")
        await driver.delete(f"{scratch}/d")

        assert spared == await walked(driver, scratch)

    async def test_delete_of_the_root_empties_the_store(self, driver: StorageDriver, scratch: str) -> None:
        """Everything goes, unfinished writes too, and `/` is still there."""
        await make_files(driver, [f"{scratch}/a", "/top/b"])
        await keep_unfinished(driver, "/unfinished", b"x")
        await driver.delete("/")

        assert [] == await driver.list("/")
        with pytest.raises(PathNotFoundError):
            await driver.writer("/unfinished", append=True)
        await driver.put_content(f"{scratch}/again", b"x")
        assert [f"{scratch}/again"] == await walked(driver, "/")

    async def test_delete_removes_unfinished_writes_at_and_below(self, driver: StorageDriver, scratch: str) -> None:
        """Unfinished writes go with what they were to become, and those of namesakes stay."""
        gone = [f"{scratch}/{name}" for name in ("d", "d/a", "d/b/c", "file")]
        spared = [f"{scratch}/{name}" for name in ("d-a", "dd/a", "file-")]
        await make_files(driver, [f"{scratch}/file"])
        for path in [*gone, *spared]:
            await keep_unfinished(driver, path, b"x")
        await driver.delete(f"{scratch}/d")
        await driver.delete(f"{scratch}/file")

        for path in gone:
            with pytest.raises(PathNotFoundError):
                await driver.writer(path, append=True)
        for path in spared:
            assert 1 == await write(driver, path, [], append=True)

    async def test_unfinished_write_alone_can_be_deleted(self, driver: StorageDriver, scratch: str) -> None:
        """What nobody sees is still something to delete, once."""
        await keep_unfinished(driver, f"{scratch}/d/file", b"x")
        await driver.delete(f"{scratch}/d/file")

        with pytest.raises(PathNotFoundError):
            await driver.delete(f"{scratch}/d/file")

    async def test_batch_deletes_its_files(self, driver: StorageDriver, scratch: str) -> None:
        """Files of a batch are gone, others stay, directories left empty disappear."""
        paths = [f"{scratch}/{name}" for name in ("a/1", "a/2", "b/1", "b/2", "c")]
        await make_files(driver, [*paths, f"{scratch}/cc"])
        await driver.delete_files([paths[0], paths[1], paths[2], paths[4]])

        assert [f"{scratch}/b/2", f"{scratch}/cc"] == await walked(driver, scratch)
        assert [f"{scratch}/b", f"{scratch}/cc"] == await driver.list(scratch)

    async def test_batch_ignores_what_is_missing(self, driver: StorageDriver, scratch: str) -> None:
        """Missing files, repeated ones, and an empty batch are no errors."""
        await make_files(driver, [f"{scratch}/file"])
        await driver.delete_files([])
        await driver.delete_files([f"{scratch}/missing", "/nowhere/at/all", f"{scratch}/file/below"])
        assert [f"{scratch}/file"] == await walked(driver, "/")
        await driver.delete_files([f"{scratch}/file", f"{scratch}/missing", f"{scratch}/file"])

        assert [] == await walked(driver, "/")

    async def test_batch_deletes_no_directories(self, driver: StorageDriver, scratch: str) -> None:
        """A directory's path counts as missing."""
        await make_files(driver, [f"{scratch}/d/file"])
        await driver.delete_files([f"{scratch}/d", scratch])

        assert [f"{scratch}/d/file"] == await walked(driver, "/")

    async def test_batch_leaves_unfinished_writes(self, driver: StorageDriver, scratch: str) -> None:
        """A batch deletes content, and what is being written goes on."""
        await make_files(driver, [f"{scratch}/d/file"])
        await keep_unfinished(driver, f"{scratch}/d/file", b"going on")
        await driver.delete_files([f"{scratch}/d/file"])

        assert None is await content_or_none(driver, f"{scratch}/d/file")
        assert 8 == await write(driver, f"{scratch}/d/file", [], append=True)
