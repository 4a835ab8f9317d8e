import asyncio
import errno
import os
import threading
from contextlib import suppress
from typing import Any

import pytest

from holdfast.storage.drivers.filesystem import FilesystemDriver
from holdfast.storage.drivers.filesystem._threads import INLINE_BYTES
from holdfast.storage.errors import IncompleteReadError, StorageUnavailableError
from tests.storage.drivers.filesystem.disk import Disk, open_files

pytestmark = pytest.mark.anyio

_MIB = 1024 * 1024


async def _read(driver: FilesystemDriver, path: str, **options: int) -> bytes:
    async with driver.reader(path, **options) as chunks:
        return b"".join([chunk async for chunk in chunks])


@pytest.mark.parametrize("size", [0, 1, INLINE_BYTES - 1, INLINE_BYTES, INLINE_BYTES + 1, 3 * _MIB + 1])
async def test_sizes_around_what_is_read_on_the_loop(driver: FilesystemDriver, disk: Disk, size: int) -> None:
    """Where a file is read, on the loop or in a thread, makes no difference."""
    content = os.urandom(size)
    disk.write("/a", content)

    assert await driver.get_content("/a") == content
    assert await _read(driver, "/a") == content
    assert await _read(driver, "/a", offset=size // 2) == content[size // 2 :]
    assert await _read(driver, "/a", offset=size // 3, length=size // 2) == content[size // 3 : size // 3 + size // 2]


async def test_small_reads_take_no_thread(driver: FilesystemDriver, disk: Disk) -> None:
    """Reading a manifest, describing it and finding it on the disk stay on the event loop."""
    disk.write("/a", b"x" * INLINE_BYTES)
    await driver.get_content("/a")
    await _read(driver, "/a")
    await driver.stat("/a")
    await driver.local_path("/a")

    assert [thread.name for thread in threading.enumerate() if "holdfast" in thread.name] == []


async def test_file_that_shrinks_is_an_incomplete_read(driver: FilesystemDriver, disk: Disk) -> None:
    """Content that ends before the size it had when it was opened isn't taken for whole."""
    file = disk.write("/a", b"x" * 4 * _MIB)
    async with driver.reader("/a") as chunks:
        await anext(chunks)
        os.truncate(file, _MIB)
        with pytest.raises(IncompleteReadError):
            [chunk async for chunk in chunks]


async def test_failing_read_is_told(driver: FilesystemDriver, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails in the midst of a stream is an error, with the system's as its cause."""
    disk.write("/a", b"x" * 4 * _MIB)

    def pread(*_: Any) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    async with driver.reader("/a") as chunks:
        await anext(chunks)
        monkeypatch.setattr(os, "pread", pread)
        with pytest.raises(StorageUnavailableError):
            [chunk async for chunk in chunks]


@pytest.mark.parametrize("how", ["unread", "one chunk", "raising", "cancelled"])
async def test_leaving_early_closes_the_file(driver: FilesystemDriver, disk: Disk, how: str) -> None:
    """However a reader is left, its file is closed, and the read that was under way is waited for."""
    disk.write("/a", b"x" * 8 * _MIB)
    await driver.stat("/a")
    before = open_files()
    started = asyncio.Event()

    async def read() -> None:
        async with driver.reader("/a") as chunks:
            if how != "unread":
                await anext(chunks)
            started.set()
            if how == "raising":
                raise LookupError
            if how == "cancelled":
                await asyncio.Event().wait()

    reading = asyncio.ensure_future(read())
    await started.wait()
    if how == "cancelled":
        reading.cancel()
    with suppress(LookupError, asyncio.CancelledError):
        await reading

    assert before == open_files()


async def test_file_is_not_closed_under_a_running_read(
    driver: FilesystemDriver, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cancelled reader waits for its thread: a closed number could be another file's by the time it is read."""
    disk.write("/a", b"x" * 4 * _MIB)
    entered, gate = threading.Event(), threading.Event()
    results: list[bytes] = []
    real = os.pread

    def pread(*args: Any) -> bytes:
        entered.set()
        gate.wait()
        results.append(real(*args))
        return results[-1]

    monkeypatch.setattr(os, "pread", pread)
    reading = asyncio.ensure_future(_read(driver, "/a"))
    await asyncio.to_thread(entered.wait)
    for _ in range(3):
        reading.cancel()
        await asyncio.sleep(0)
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await reading

    assert [_MIB] == [len(result) for result in results]
