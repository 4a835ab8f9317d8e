import asyncio
import errno
import os
from typing import Any

import pytest

from holdfast.storage.drivers.filesystem import FilesystemDriver, FilesystemOptions
from holdfast.storage.errors import AccessDeniedError, BatchDeleteError, StorageUnavailableError
from tests.storage.drivers.filesystem.disk import Disk

pytestmark = pytest.mark.anyio


async def test_pruning_and_writing_at_the_same_time_lose_nothing(driver: FilesystemDriver, disk: Disk) -> None:
    """Deleting the last file of a directory removes it; a write into it, by another driver, makes it again."""
    other = FilesystemDriver(FilesystemOptions(rootdirectory=str(disk.root)))

    async def come_and_go(number: int) -> None:
        for turn in range(40):
            path = f"/a/b/c/coming-{number}"
            if turn % 2:
                await driver.put_content(path, b"x")
            else:
                writer = await driver.writer(path)
                await writer.write(b"x")
                await writer.commit()
            await driver.delete(path)

    async def stay(number: int) -> None:
        for turn in range(40):
            await other.put_content(f"/a/b/c/{number}/{turn}", b"x")
            await other.move(f"/a/b/c/{number}/{turn}", f"/a/b/kept/{number}/{turn}")

    await asyncio.gather(*(come_and_go(number) for number in range(4)), *(stay(number) for number in range(4)))
    await other.aclose()

    expected = sorted(f"/a/b/kept/{number}/{turn}" for number in range(4) for turn in range(40))
    assert expected == [file.path async for file in driver.walk("/")]
    assert [] == disk.litter()


async def test_deleting_a_directory_that_is_being_written_to(driver: FilesystemDriver, disk: Disk) -> None:
    """Each write either goes or stays whole; no call fails, and no temporary file stays."""
    done = False

    async def write(number: int) -> None:
        for turn in range(60):
            await driver.put_content(f"/a/{number}/{turn}", b"whole")

    async def delete() -> None:
        while not done:
            await driver.put_content("/a/x", b"x")
            await driver.delete("/a")

    deleting = asyncio.ensure_future(delete())
    await asyncio.gather(*(write(number) for number in range(4)))
    done = True
    await deleting
    await driver.put_content("/a/x", b"x")

    for file in [file async for file in driver.walk("/a")]:
        assert await driver.get_content(file.path) in {b"whole", b"x"}
    assert [] == disk.litter()


async def test_named_directory_goes_with_what_others_put_there(driver: FilesystemDriver, disk: Disk) -> None:
    """Deleting a directory deletes everything below; deleting `/` leaves what the filesystem keeps at its top."""
    disk.write("/a/file")
    disk.write("/a/with space/file")
    disk.write("/lost+found/file")

    await driver.delete("/a")
    assert ["lost+found", "lost+found/file"] == disk.names()
    await driver.put_content("/b/c", b"x")
    await driver.delete("/")
    assert ["lost+found", "lost+found/file"] == disk.names()


async def test_directory_of_temporary_files_goes_when_it_is_deleted(driver: FilesystemDriver, disk: Disk) -> None:
    """A crash's temporary files are removed with the directory they are in."""
    disk.write("/a/b/file")
    disk.write("/a/b/~t0123")

    await driver.delete("/a/b")

    assert [] == disk.names()


async def test_emptying_the_store_keeps_its_lock(driver: FilesystemDriver, disk: Disk) -> None:
    """The lock of compare-and-replace isn't deleted from under those who hold it; unfinished writes go."""
    disk.write("/.uploads~/~lock", b"")
    disk.write("/a")
    writer = await driver.writer("/b/c")
    await writer.close()

    await driver.delete("/")

    assert [".uploads~", ".uploads~/~lock"] == disk.names()


async def test_busy_file_gets_a_moment(driver: FilesystemDriver, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network share may say busy for a moment; one that stays busy is an error to retry, not an absent file."""
    disk.write("/a")
    disk.write("/b")
    real = os.unlink
    refusals = [2, 1_000]

    def unlink(*args: Any, **kwargs: Any) -> None:
        refusals[0] -= 1
        if refusals[0] >= 0:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        real(*args, **kwargs)

    monkeypatch.setattr(os, "unlink", unlink)
    await driver.delete("/a")
    refusals[0] = 1_000
    with pytest.raises(StorageUnavailableError):
        await driver.delete("/b")

    assert ["b"] == disk.names()


async def test_batch_names_what_it_could_not_delete(
    driver: FilesystemDriver, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All others are gone; each failure carries its cause."""
    for path in ("/a/1", "/a/2", "/b/3"):
        disk.write(path)
    real = os.unlink

    def unlink(name: str, **kwargs: Any) -> None:
        if name == "2":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        real(name, **kwargs)

    monkeypatch.setattr(os, "unlink", unlink)
    with pytest.raises(BatchDeleteError) as caught:
        await driver.delete_files(["/a/1", "/a/2", "/b/3", "/missing", "/a", "/a/1/below"])

    assert ["/a/2"] == list(caught.value.failures)
    assert isinstance(caught.value.failures["/a/2"], AccessDeniedError)
    assert isinstance(caught.value.failures["/a/2"].__cause__, PermissionError)
    assert ["a", "a/2"] == disk.names()
