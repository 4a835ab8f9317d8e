import asyncio
import errno
import fcntl
import os
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from holdfast.storage import MatchVersion
from holdfast.storage.drivers.filesystem import FilesystemDriver, FilesystemOptions
from holdfast.storage.errors import PreconditionFailedError, WriteConflictError
from tests.storage.drivers.filesystem.disk import Disk, open_files

pytestmark = pytest.mark.anyio


@pytest.fixture
async def other(disk: Disk) -> AsyncIterator[FilesystemDriver]:
    """A second driver on the same root, as another process has."""
    made = FilesystemDriver(FilesystemOptions(rootdirectory=str(disk.root)))
    yield made
    await made.aclose()


async def test_of_many_that_match_a_version_one_writes(driver: FilesystemDriver, other: FilesystemDriver) -> None:
    """Counting up by compare-and-replace from two drivers at once loses no step."""
    await driver.put_content("/count", b"0")

    async def count(by: FilesystemDriver) -> None:
        for _ in range(20):
            while True:
                version = (await by.stat("/count")).version or ""
                number = int(await by.get_content("/count"))
                try:
                    await by.put_content("/count", str(number + 1).encode(), precondition=MatchVersion(version))
                except PreconditionFailedError:
                    continue
                break

    await asyncio.gather(count(driver), count(other), count(driver), count(other))

    assert await driver.get_content("/count") == b"80"


async def test_filesystem_without_locks(
    driver: FilesystemDriver, other: FilesystemDriver, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where locks are refused all goes on: of two writers at once one commits, and the other can't write into that."""

    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    version = await driver.put_content("/a", b"old")
    await driver.put_content("/a", b"new", precondition=MatchVersion(version or ""))
    first = await driver.writer("/b")
    await first.write(b"beginning")
    await first.close()
    first = await driver.writer("/b", append=True)
    second = await other.writer("/b", append=True)
    await second.commit()
    await first.write(b"x" * 2 * 1024 * 1024)
    with pytest.raises(WriteConflictError):
        await first.commit()
    await first.close()

    assert await driver.get_content("/a") == b"new"
    assert await driver.get_content("/b") == b"beginning"
    assert [".uploads~", ".uploads~/~lock", "a", "b"] == disk.names()


async def test_append_copies_where_the_filesystem_can_not(
    driver: FilesystemDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without copy_file_range, or when it gives up half-way, the rest is read and written."""
    whole = os.urandom(3_000_000)
    await driver.put_content("/a", whole)
    real, calls = os.copy_file_range, 0

    def copy_file_range(*args: Any) -> int:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return real(args[0], args[1], 1_234_567, *args[3:])

    monkeypatch.setattr(os, "copy_file_range", copy_file_range)
    writer = await driver.writer("/a", append=True)
    await writer.write(b"end")
    await writer.commit()

    assert calls == 2
    assert await driver.get_content("/a") == whole + b"end"


async def test_rename_across_filesystems_is_a_copy(
    driver: FilesystemDriver, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Move and commit fall back on copy and rename; as with mounts, for those who may not mount."""
    real = os.rename

    def rename(source: str, destination: str, **kwargs: Any) -> None:
        if destination in {"moved", "committed"} and not source.startswith("~t"):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        real(source, destination, **kwargs)

    await driver.put_content("/a/b", b"content")
    monkeypatch.setattr(os, "rename", rename)
    await driver.move("/a/b", "/x/moved")
    writer = await driver.writer("/x/committed")
    await writer.write(b"content")
    await writer.commit()

    assert await driver.get_content("/x/moved") == b"content"
    assert await driver.get_content("/x/committed") == b"content"
    assert ["x", "x/committed", "x/moved"] == disk.names()


async def test_cancelled_opening_of_a_writer_leaves_nothing_open(
    driver: FilesystemDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that nobody gets is closed, so that the next one finds no other in its way."""
    await driver.put_content("/a", b"x")
    before = open_files()
    entered, gate = threading.Event(), threading.Event()
    real = fcntl.flock

    def flock(*args: Any) -> None:
        entered.set()
        gate.wait()
        real(*args)

    monkeypatch.setattr(fcntl, "flock", flock)
    opening = asyncio.ensure_future(driver.writer("/b"))
    await asyncio.to_thread(entered.wait)
    opening.cancel()
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await opening

    assert before == open_files()
    await (await driver.writer("/b", append=True)).cancel()


async def test_cancelled_put_has_happened(driver: FilesystemDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the cancellation comes through, no thread is left that could write over what is written next."""
    entered, gate = threading.Event(), threading.Event()
    real = os.pwritev

    def pwritev(*args: Any) -> int:
        entered.set()
        gate.wait()
        return real(*args)

    monkeypatch.setattr(os, "pwritev", pwritev)
    putting = asyncio.ensure_future(driver.put_content("/a", b"first"))
    await asyncio.to_thread(entered.wait)
    putting.cancel()
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await putting
    assert await driver.get_content("/a") == b"first"
    await driver.put_content("/a", b"second")

    assert await driver.get_content("/a") == b"second"


async def test_call_cancelled_in_the_queue_never_runs(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that waits for a thread takes its cancellation at once."""
    driver = FilesystemDriver(FilesystemOptions(rootdirectory=str(disk.root), maxthreads=25))
    gate = threading.Event()
    real = os.pwritev

    def pwritev(*args: Any) -> int:
        gate.wait()
        return real(*args)

    monkeypatch.setattr(os, "pwritev", pwritev)
    busy = [asyncio.ensure_future(driver.put_content(f"/busy/{number}", b"x")) for number in range(25)]
    queued = asyncio.ensure_future(driver.put_content("/queued", b"x"))
    for _ in range(3):
        await asyncio.sleep(0)
    queued.cancel()
    with pytest.raises(asyncio.CancelledError):
        await queued
    gate.set()
    await asyncio.gather(*busy)
    children = await driver.list("/")
    await driver.aclose()

    assert children == ["/busy"]
