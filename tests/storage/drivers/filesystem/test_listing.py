import asyncio
import os
import threading
from typing import Any

import pytest

from holdfast.storage.drivers.filesystem import FilesystemDriver, _scan
from holdfast.storage.errors import PathNotFoundError
from tests.storage.drivers.filesystem.disk import Disk, open_files

pytestmark = pytest.mark.anyio


async def test_foreign_names_are_not_there(driver: FilesystemDriver, disk: Disk) -> None:
    """A name that no storage path can have isn't listed, and a directory with nothing else isn't there."""
    for name in ("with space", "tilde~", "\N{SNOWMAN}", "plus+plus", os.fsdecode(b"\xff")):
        disk.write(f"/a/{name}")
        disk.write(f"/only/{name}/below")
    disk.write("/a/ours")

    assert await driver.list("/") == ["/a"]
    assert await driver.list("/a") == ["/a/ours"]
    assert [file.path async for file in driver.walk("/")] == ["/a/ours"]
    for attempt in (driver.list("/only"), driver.stat("/only"), driver.delete("/only")):
        with pytest.raises(PathNotFoundError):
            await attempt


async def test_empty_directories_are_not_there(driver: FilesystemDriver, disk: Disk) -> None:
    """Directories without a file anywhere below, as a crash leaves them, aren't listed, described or walked."""
    disk.at("/a/b/c").mkdir(parents=True)
    disk.at("/full/empty/empty").mkdir(parents=True)
    disk.write("/full/x/file")

    assert await driver.list("/") == ["/full"]
    assert await driver.list("/full") == ["/full/x"]
    for attempt in (driver.list("/a"), driver.stat("/a/b"), driver.list("/full/empty")):
        with pytest.raises(PathNotFoundError):
            await attempt
    with pytest.raises(PathNotFoundError):
        await anext(driver.walk("/a"))


async def test_siblings_that_look_alike_and_one_that_does_not(driver: FilesystemDriver, disk: Disk) -> None:
    """Where the last directory had its file is only a guess for the next one."""
    for number in range(20):
        disk.write(f"/tags/v{number:02}/current/link")
    disk.write("/tags/v20/elsewhere/deep/down/link")
    disk.at("/tags/v21/current").mkdir(parents=True)
    disk.at("/tags/v22/current/link").mkdir(parents=True)

    expected = [f"/tags/v{number:02}" for number in range(21)]
    assert expected == await driver.list("/tags")


async def test_links_inside_the_root_are_followed_but_not_for_ever(driver: FilesystemDriver, disk: Disk) -> None:
    """A link inside the root is what it leads to; one to a directory above doesn't make a walk endless."""
    disk.write("/a/file", b"content")
    disk.at("/link").symlink_to("a/file")
    disk.at("/linked").symlink_to("a")
    disk.at("/nowhere").symlink_to("missing")

    assert await driver.list("/") == ["/a", "/link", "/linked"]
    assert await driver.get_content("/linked/file") == b"content"
    assert [file.path async for file in driver.walk("/")] == ["/a/file", "/link", "/linked/file"]
    disk.at("/a/self").symlink_to("../a")
    paths = [file.path async for file in driver.walk("/a")]
    assert {"/a/file", "/a/self/file"} <= set(paths)
    assert paths == sorted(paths)
    await driver.delete("/a")
    assert await driver.list("/") == []


async def test_large_directory_is_described_in_pieces(
    driver: FilesystemDriver, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thousands of files of one directory are walked in order, with no more than some hundred described ahead."""
    disk.write("/a/d0000/inner")
    for number in range(5_000):
        disk.at(f"/a/f{number:04}").touch()
    counted: list[str] = []
    real = os.stat

    def noted(path: Any, **kwargs: Any) -> os.stat_result:
        counted.append(path)
        return real(path, **kwargs)

    monkeypatch.setattr(os, "stat", noted)
    walk = driver.walk("/a")
    first = await anext(walk)
    ahead = len(counted)
    rest = [file.path async for file in walk]

    assert first.path == "/a/d0000/inner"
    assert ahead <= 600
    assert [f"/a/f{number:04}" for number in range(5_000)] == rest


async def test_names_come_in_order_however_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sorting in steps sorts."""
    monkeypatch.setattr(_scan, "_RUN", 10)
    names = [str(number * 7919 % 1000) for number in range(1000)]

    assert sorted(names) == list(_scan.in_order(names))


async def test_walk_left_early_leaves_nothing_open(driver: FilesystemDriver, disk: Disk) -> None:
    """No directory stays open between two results, and none after leaving."""
    for number in range(1_000):
        disk.write(f"/a/d{number}/file")
    before = len(open_files())
    walk = driver.walk("/")
    await anext(walk)
    during = len(open_files())
    await walk.aclose()  # type: ignore[attr-defined]

    assert during <= before + 1  # the root's own
    assert len(open_files()) <= before + 1


async def test_cancelled_listing_waits_for_its_thread(
    driver: FilesystemDriver, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cancelled call ends when its thread has, and holds nothing open."""
    disk.write("/a/file")
    await driver.stat("/a/file")
    before = open_files()
    entered, gate = threading.Event(), threading.Event()
    real = os.scandir

    def scandir(*args: Any) -> Any:
        entered.set()
        gate.wait()
        return real(*args)

    monkeypatch.setattr(os, "scandir", scandir)
    listing = asyncio.ensure_future(driver.list("/a"))
    await asyncio.to_thread(entered.wait)
    listing.cancel()
    await asyncio.sleep(0)
    assert not listing.done()
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await listing

    monkeypatch.undo()
    assert before == open_files()


async def test_deepest_path(driver: FilesystemDriver, disk: Disk) -> None:
    """511 components: nothing recurses, and everything that was made goes again."""
    deepest = "/a" * 511
    await driver.put_content(deepest, b"x")
    writer = await driver.writer(deepest, append=True)
    await writer.write(b"y")
    await writer.commit()

    assert await driver.get_content(deepest) == b"xy"
    assert await driver.list("/") == ["/a"]
    assert [file.path async for file in driver.walk("/")] == [deepest]
    await driver.delete("/a")
    assert disk.names() == []
