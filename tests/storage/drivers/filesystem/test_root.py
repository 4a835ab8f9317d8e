import errno
import os
from pathlib import Path

import pytest

from holdfast.storage.drivers.filesystem import FilesystemDriver, FilesystemOptions
from holdfast.storage.errors import (
    AccessDeniedError,
    InvalidPathError,
    PathNotFoundError,
    StorageError,
    UnexpectedStorageError,
)
from tests.storage.drivers.filesystem.disk import Disk

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("contained")]


async def test_nothing_is_made_before_the_first_write(driver: FilesystemDriver, disk: Disk) -> None:
    """A missing root is an empty store, and reading doesn't make it."""
    assert await driver.list("/") == []
    assert (await driver.stat("/")).is_dir
    assert [file async for file in driver.walk("/")] == []
    assert [upload async for upload in driver.list_uploads("/")] == []
    await driver.delete("/")
    with pytest.raises(PathNotFoundError):
        await driver.get_content("/a")

    assert not disk.root.exists()


async def test_root_and_those_above_are_made(tmp_path: Path) -> None:
    """The first write makes the root directory, with the directories above."""
    driver = FilesystemDriver(FilesystemOptions(rootdirectory=str(tmp_path / "a" / "b" / "root")))
    await driver.put_content("/x", b"x")
    await driver.aclose()

    assert (tmp_path / "a" / "b" / "root" / "x").read_bytes() == b"x"


async def test_root_that_is_a_file(driver: FilesystemDriver, disk: Disk) -> None:
    """Reading and writing say so, naming the root: it isn't taken for an empty store."""
    disk.root.write_bytes(b"")
    for attempt in (driver.put_content("/a", b"x"), driver.get_content("/a"), driver.list("/"), driver.stat("/")):
        with pytest.raises(UnexpectedStorageError, match=f"the root directory {disk.root}"):
            await attempt


async def test_root_below_a_file(tmp_path: Path) -> None:
    """The first write says what can't be made."""
    (tmp_path / "file").write_bytes(b"")
    driver = FilesystemDriver(FilesystemOptions(rootdirectory=str(tmp_path / "file" / "root")))
    with pytest.raises(StorageError, match="the root directory"):
        await driver.put_content("/a", b"x")
    await driver.aclose()


async def test_root_that_is_a_link_to_nowhere(driver: FilesystemDriver, disk: Disk) -> None:
    """It isn't waited for, and nothing is made in its place."""
    disk.root.symlink_to("nowhere")
    with pytest.raises(StorageError, match="the root directory"):
        await driver.put_content("/a", b"x")

    assert disk.root.is_symlink()


async def test_root_that_may_not_be_made(driver: FilesystemDriver, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the root directory and the reason."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(AccessDeniedError, match=f"the root directory {disk.root}"):
        await driver.put_content("/a", b"x")


async def test_root_replaced_while_running(driver: FilesystemDriver, disk: Disk) -> None:
    """An operator who restores a backup in the root's place needs no restart; nothing goes to the old one."""
    await driver.put_content("/old", b"x")
    disk.root.rename(disk.root.with_name("backup"))
    await driver.put_content("/new", b"x")

    assert disk.names() == ["new"]
    assert await driver.get_content("/new") == b"x"
    with pytest.raises(PathNotFoundError):
        await driver.get_content("/old")


async def test_root_removed_while_running(driver: FilesystemDriver, disk: Disk) -> None:
    """The store is empty then, and the next write makes the root again."""
    file = disk.write("/a")
    assert await driver.get_content("/a") == b"x"
    file.unlink()
    disk.root.rmdir()

    assert await driver.list("/") == []
    await driver.put_content("/b", b"x")
    assert await driver.get_content("/b") == b"x"


@pytest.mark.parametrize("path", ["/a", "/a/b", "/dir/fifo"])
async def test_special_files_are_not_there_and_do_not_block(driver: FilesystemDriver, disk: Disk, path: str) -> None:
    """A FIFO or a link to a device isn't waited for: it isn't there, for any kind of reading."""
    disk.write("/dir/file")
    disk.at(path).parent.mkdir(exist_ok=True)
    os.mkfifo(disk.at(path))
    for attempt in (driver.get_content(path), driver.stat(path), driver.local_path(path), driver.delete(path)):
        with pytest.raises(PathNotFoundError):
            await attempt
    with pytest.raises(PathNotFoundError):
        async with driver.reader(path):
            pass

    assert [file.path async for file in driver.walk("/")] == ["/dir/file"]
    assert await driver.list("/") == ["/dir"]


async def test_too_long_a_name_is_an_invalid_path(driver: FilesystemDriver) -> None:
    """A name of 255 characters can be written, appended to and read; one more is refused."""
    longest = "/" + "n" * 255
    writer = await driver.writer(longest)
    await writer.write(b"1")
    await writer.close()
    writer = await driver.writer(longest, append=True)
    await writer.write(b"2")
    await writer.commit()
    await driver.put_content("/put" + longest, b"x")

    assert await driver.get_content(longest) == b"12"
    with pytest.raises(InvalidPathError):
        await driver.put_content(longest + "n", b"x")


async def test_closed_driver_says_so(disk: Disk) -> None:
    """After `aclose` nothing works, and each call says why."""
    driver = FilesystemDriver(FilesystemOptions(rootdirectory=str(disk.root)))
    await driver.put_content("/a", b"x")
    await driver.aclose()
    await driver.aclose()
    for attempt in (driver.get_content("/a"), driver.put_content("/a", b"x"), driver.list("/"), driver.writer("/a")):
        with pytest.raises(UnexpectedStorageError, match="the driver is closed"):
            await attempt
