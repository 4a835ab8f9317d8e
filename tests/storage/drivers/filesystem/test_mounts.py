import errno
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.storage import CreateOnly
from holdfast.storage.drivers.filesystem import FilesystemDriver, FilesystemOptions
from holdfast.storage.errors import ReadOnlyStorageError, StorageError, StorageFullError
from tests.storage.drivers.filesystem.disk import Disk, open_files
from tests.storage.drivers.filesystem.mounts import mounted, remount

pytestmark = pytest.mark.anyio

_TOO_MUCH = b"x" * 2 * 1024 * 1024


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A root of one megabyte."""
    with mounted(tmp_path / "root") as root:
        yield Disk(root)


@pytest.fixture
async def driver(disk: Disk) -> AsyncIterator[FilesystemDriver]:
    """A driver on it, closed before it is unmounted."""
    made = FilesystemDriver(FilesystemOptions(rootdirectory=str(disk.root)))
    yield made
    await made.aclose()


@pytest.mark.parametrize("precondition", [None, CreateOnly()])
async def test_full_disk_leaves_nothing_of_a_put(
    driver: FilesystemDriver, disk: Disk, precondition: CreateOnly | None
) -> None:
    """What doesn't fit is refused, the old content stands, and the space is free again."""
    await driver.put_content("/old", b"old")
    path = "/new/file" if precondition else "/old"
    with pytest.raises(StorageFullError):
        await driver.put_content(path, _TOO_MUCH, precondition=precondition)

    assert ["old"] == disk.names()
    assert await driver.get_content("/old") == b"old"
    await driver.put_content("/half", _TOO_MUCH[: 512 * 1024])


async def test_full_disk_leaves_nothing_of_a_cancelled_write(driver: FilesystemDriver, disk: Disk) -> None:
    """A writer tells it at the latest on commit; cancelled, it gives the space back."""
    await driver.put_content("/old", b"old")
    writer = await driver.writer("/old")
    with pytest.raises(StorageFullError):
        await _write_and_commit(writer.write, writer.commit)
    await writer.cancel()

    assert ["old"] == disk.names()
    assert await driver.get_content("/old") == b"old"
    await driver.put_content("/half", _TOO_MUCH[: 512 * 1024])


async def _write_and_commit(write: Any, commit: Any) -> None:
    await write(_TOO_MUCH)
    await commit()


async def test_no_inodes_left(tmp_path: Path) -> None:
    """A disk without room for a directory leaves none of those that it had room for."""
    with mounted(tmp_path / "root", "nr_inodes=4") as root:
        driver = FilesystemDriver(FilesystemOptions(rootdirectory=str(root)))
        with pytest.raises(StorageFullError):
            await driver.put_content("/a/b/c/d/e/f", b"x")
        names = Disk(root).names()
        await driver.aclose()

    assert [] == names


async def test_read_only_filesystem(driver: FilesystemDriver, disk: Disk) -> None:
    """Reading goes on, writing says why it doesn't."""
    await driver.put_content("/a/b", b"x")
    writer = await driver.writer("/a/c")
    await writer.close()
    remount(disk.root, "ro")
    before = disk.names()
    for attempt in (
        driver.put_content("/a/b", b"y"),
        driver.put_content("/n/e/w", b"y"),
        driver.writer("/a/d"),
        driver.move("/a/b", "/a/e"),
        driver.delete("/a/b"),
        driver.delete("/a"),
    ):
        with pytest.raises(ReadOnlyStorageError):
            await attempt

    assert before == disk.names()
    assert await driver.get_content("/a/b") == b"x"
    assert [file.path async for file in driver.walk("/")] == ["/a/b"]


async def test_move_across_filesystems(driver: FilesystemDriver, disk: Disk) -> None:
    """A filesystem mounted inside the root is part of it: content is copied, and replaces what is there at once."""
    with mounted(disk.at("/other")):
        await driver.put_content("/a/b", b"new")
        await driver.put_content("/other/x/y", b"old")
        before = open_files()
        await driver.move("/a/b", "/other/x/y")
        names = disk.names()
        content = await driver.get_content("/other/x/y")
        await driver.move("/other/x/y", "/back")
        after = open_files()

        assert ["other", "other/x", "other/x/y"] == names
        assert content == b"new"
        assert await driver.get_content("/back") == b"new"
        assert before == after


async def test_commit_across_filesystems(driver: FilesystemDriver, disk: Disk) -> None:
    """An unfinished write is copied to where its path lies; nothing stays among the unfinished."""
    with mounted(disk.at("/other")):
        for content in (b"first", b"second"):
            writer = await driver.writer("/other/x/y")
            await writer.write(content)
            await writer.commit()
            assert await driver.get_content("/other/x/y") == content
            assert ["other", "other/x", "other/x/y"] == disk.names()


async def test_commit_to_a_full_filesystem_can_be_tried_again(driver: FilesystemDriver, disk: Disk) -> None:
    """A copy that doesn't fit leaves the unfinished write to be continued, and the old content where it is."""
    with mounted(disk.at("/other"), "size=64k"):
        await driver.put_content("/other/x", b"old")
        writer = await driver.writer("/other/x")
        await writer.write(_TOO_MUCH[: 256 * 1024])
        with pytest.raises(StorageFullError):
            await writer.commit()
        await writer.close()
        kept = disk.names()
        remount(disk.at("/other"), "size=512k")
        writer = await driver.writer("/other/x", append=True)
        size = writer.size
        await writer.commit()

        assert [name for name in kept if "~t" in name] == []
        assert size == 256 * 1024
        assert (await driver.stat("/other/x")).size == size
        assert ["other", "other/x"] == disk.names()


@pytest.mark.parametrize("call", ["copy_file_range", "pread", "fsync", "rename", "unlink", "open"])
async def test_move_across_filesystems_that_fails(
    driver: FilesystemDriver, disk: Disk, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Whatever fails, the source or the destination has the content, whole, and no temporary file is left."""
    with mounted(disk.at("/other")):
        for index in range(12):
            await driver.put_content("/a/b", b"new")
            await driver.put_content("/other/x", b"old")
            with monkeypatch.context() as patch:
                patch.setattr(os, call, _failing(getattr(os, call), index))
                try:
                    await driver.move("/a/b", "/other/x")
                except StorageError:
                    has_source = disk.at("/a/b").exists()
                else:
                    has_source = False
            shown = await driver.get_content("/other/x")

            assert (shown == b"new") or (shown == b"old" and has_source)
            assert [] == disk.litter()


def _failing(real: Any, index: int) -> Any:
    calls = 0

    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == index + 1:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(*args, **kwargs)

    return call
