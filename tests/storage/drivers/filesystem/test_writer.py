import asyncio
import errno
import gc
import os
import signal
import subprocess
import sys
import threading
import tracemalloc
from typing import Any

import pytest

from holdfast.storage import FileWriter
from holdfast.storage.drivers.filesystem import FilesystemDriver, _scan, _uploads
from holdfast.storage.errors import (
    InvalidResumeTokenError,
    StorageFullError,
    WriteConflictError,
    WriterClosedError,
)
from tests.storage.drivers.filesystem.disk import Disk, open_files

pytestmark = pytest.mark.anyio

_MIB = 1024 * 1024

_CHILD = """
import asyncio, sys
from holdfast import storage

async def main():
    driver = storage.create("filesystem", {"rootdirectory": sys.argv[1]})
    writer = await driver.writer("/a/b", append=sys.argv[2] == "append")
    while True:
        await writer.write(b"0123456789abcdef" * 65536)
        print(writer.size, flush=True)
        if not sys.stdin.readline():
            return

asyncio.run(main())
"""


def _child(disk: Disk, mode: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", _CHILD, str(disk.root), mode]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _step(child: "subprocess.Popen[str]") -> int:
    """Wait until the child has written on; let it go on."""
    assert child.stdout is not None
    assert child.stdin is not None
    size = int(child.stdout.readline())
    child.stdin.write("\n")
    child.stdin.flush()
    return size


def _kill(child: "subprocess.Popen[str]") -> None:
    child.send_signal(signal.SIGKILL)
    child.communicate()


async def _write_batches(writer: FileWriter, count: int) -> None:
    for _ in range(count):
        await writer.write(b"x" * _MIB)


async def test_killed_writer_leaves_a_beginning_to_append_to(driver: FilesystemDriver, disk: Disk) -> None:
    """After kill -9 in the midst of writing, the lock is gone, and what is there is a beginning of what was written."""
    child = _child(disk, "new")
    for _ in range(5):
        await asyncio.to_thread(_step, child)
    await asyncio.to_thread(_kill, child)

    writer = await driver.writer("/a/b", append=True)
    size = writer.size
    await writer.write(b"end")
    await writer.commit()

    content = await driver.get_content("/a/b")
    assert size >= 3 * _MIB
    assert (b"0123456789abcdef" * (size // 16 + 1))[:size] + b"end" == content
    assert [] == disk.litter()


async def test_writer_of_another_process_is_a_conflict(driver: FilesystemDriver, disk: Disk) -> None:
    """An unfinished write that a living process has open isn't continued; with `append=False` it is replaced."""
    child = _child(disk, "new")
    await asyncio.to_thread(_step, child)
    with pytest.raises(WriteConflictError):
        await driver.writer("/a/b", append=True)
    writer = await driver.writer("/a/b")
    await writer.write(b"mine")
    await writer.commit()
    await asyncio.to_thread(_kill, child)

    assert await driver.get_content("/a/b") == b"mine"
    assert ["a", "a/b"] == disk.names()


async def test_replaced_writer_learns_it_and_spoils_nothing(driver: FilesystemDriver, disk: Disk) -> None:
    """Neither its commit nor its cancel touches what the newer writer has."""
    first = await driver.writer("/a")
    await first.write(b"first")
    second = await driver.writer("/a")
    await second.write(b"second")
    with pytest.raises(WriteConflictError):
        await first.commit()
    await first.cancel()
    third_size = second.size
    await second.commit()

    assert third_size == len(b"second")
    assert await driver.get_content("/a") == b"second"
    assert ["a"] == disk.names()


async def test_replaced_writer_learns_it_while_writing(driver: FilesystemDriver) -> None:
    """A long write doesn't go on into a file that has no name any more."""
    first = await driver.writer("/a")
    await first.write(b"x" * 2 * _MIB)
    second = await driver.writer("/a")
    with pytest.raises(WriteConflictError):
        await _write_batches(first, 4)
    with pytest.raises(WriterClosedError):
        await first.write(b"x")
    await first.close()
    await second.cancel()


async def test_many_writers_at_once_leave_one(driver: FilesystemDriver, disk: Disk) -> None:
    """However many start anew at the same time, one unfinished write is there, and one of them commits."""
    writers = await asyncio.gather(*(driver.writer("/a/b") for _ in range(20)))
    uploads = [upload async for upload in driver.list_uploads("/")]
    results = await asyncio.gather(*(writer.commit() for writer in writers), return_exceptions=True)
    for writer in writers:
        await writer.close()

    assert len(uploads) == 1
    assert results.count(None) == 1
    assert all(isinstance(result, WriteConflictError) for result in results if result is not None)
    assert ["a", "a/b"] == disk.names()


async def test_new_writers_of_one_path_begin_one_after_the_other(
    driver: FilesystemDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Finding what is to be discarded and taking its place is one step: two that begin can't miss each other."""
    await (await driver.writer("/a")).close()
    inside = 0
    most = 0
    pause = threading.Event()

    def names_in(directory: int) -> list[str]:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        pause.wait(0.02)
        inside -= 1
        return _scan.names_in(directory)

    monkeypatch.setattr(_uploads, "names_in", names_in)
    writers = await asyncio.gather(*(driver.writer("/a") for _ in range(5)))
    for writer in writers:
        await writer.cancel()

    assert most == 1


async def test_token_of_another_write_is_refused(driver: FilesystemDriver) -> None:
    """A token opens its own path's write and no other, nor anything it could name on the disk."""
    tokens = []
    for path in ("/a", "/b"):
        writer = await driver.writer(path)
        await writer.close()
        tokens.append(writer.resume_token)
    for token in (tokens[1], "../b/~" + (tokens[1] or ""), "", "t" + "0" * 32):
        with pytest.raises(InvalidResumeTokenError):
            await driver.writer("/a", append=True, resume_token=token)

    writer = await driver.writer("/a", append=True, resume_token=tokens[0])
    await writer.commit()
    assert await driver.get_content("/a") == b""


async def test_error_in_the_background_comes_with_the_next_call(
    driver: FilesystemDriver, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that can't be written is told by the next write, close or commit; then only close and cancel work."""

    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for method in ("write", "close", "commit"):
        writer = await driver.writer("/a")
        with monkeypatch.context() as patch:
            patch.setattr(os, "pwritev", full)
            await writer.write(b"x" * _MIB)
            with pytest.raises(StorageFullError):
                await (writer.write(b"x" * _MIB) if method == "write" else getattr(writer, method)())
        if method != "close":
            with pytest.raises(WriterClosedError):
                await writer.commit()
            await writer.cancel()

    assert [] == disk.names()


async def test_append_after_a_full_disk_continues_a_true_beginning(
    driver: FilesystemDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a failed write left is a beginning of what was written, and its size says how much."""
    real = os.pwritev
    limit = 3 * _MIB // 2

    def pwritev(fd: int, buffers: list[memoryview], offset: int) -> int:
        if offset >= limit:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(fd, [buffers[0][: limit - offset]], offset)

    whole = os.urandom(4 * _MIB)
    writer = await driver.writer("/a")
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwritev", pwritev)
        await writer.write(whole[:_MIB])
        await writer.write(whole[_MIB : 2 * _MIB])
        with pytest.raises(StorageFullError):
            await writer.write(whole[2 * _MIB :])
        await writer.close()
    writer = await driver.writer("/a", append=True)
    size = writer.size
    await writer.write(whole[size:])
    await writer.commit()

    assert size == limit
    assert await driver.get_content("/a") == whole


async def test_cancelled_write_has_taken_its_data(driver: FilesystemDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancellation loses neither the chunk nor the batch that a thread is writing: the writer goes on."""
    gate = threading.Event()
    real = os.pwritev

    def pwritev(*args: Any) -> int:
        gate.wait()
        return real(*args)

    whole = os.urandom(3 * _MIB)
    writer = await driver.writer("/a")
    monkeypatch.setattr(os, "pwritev", pwritev)
    await writer.write(whole[:_MIB])
    blocked = asyncio.ensure_future(writer.write(whole[_MIB : 2 * _MIB]))
    await asyncio.sleep(0)
    blocked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await blocked
    gate.set()
    assert writer.size == 2 * _MIB
    await writer.write(whole[2 * _MIB :])
    await writer.commit()

    assert await driver.get_content("/a") == whole


@pytest.mark.parametrize("method", ["commit", "close", "cancel"])
async def test_cancelled_end_has_happened(
    driver: FilesystemDriver, disk: Disk, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """When the cancellation comes through, the commit, close or cancel is done, and all files are closed."""
    gate = threading.Event()
    real = os.pwritev

    def pwritev(*args: Any) -> int:
        gate.wait()
        return real(*args)

    writer = await driver.writer("/a")
    before = len(open_files())
    monkeypatch.setattr(os, "pwritev", pwritev)
    await writer.write(b"x" * _MIB)
    await writer.write(b"y")
    ending = asyncio.ensure_future(getattr(writer, method)())
    for _ in range(3):
        await asyncio.sleep(0)
        ending.cancel()
    assert not ending.done()
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await ending

    assert len(open_files()) < before
    uploads = [upload.size async for upload in driver.list_uploads("/")]
    assert ([_MIB + 1] if method == "close" else []) == uploads
    assert disk.at("/a").exists() == (method == "commit")


async def test_mutable_chunks_are_copied(driver: FilesystemDriver) -> None:
    """A caller may use its buffer again as soon as `write` returns."""
    buffer = bytearray(b"first ")
    writer = await driver.writer("/a")
    await writer.write(buffer)
    buffer[:] = b"second"
    await writer.write(memoryview(buffer))
    buffer[:] = b"......"
    await writer.commit()

    assert await driver.get_content("/a") == b"first second"


async def test_memory_is_two_batches_however_slow_the_disk(
    driver: FilesystemDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that doesn't keep up makes `write` wait: about 2 MiB are held, not what the client sends."""
    real = os.pwritev
    pause = threading.Event()

    def slow(*args: Any) -> int:
        pause.wait(0.01)
        return real(*args)

    monkeypatch.setattr(os, "pwritev", slow)
    writer = await driver.writer("/a")
    gc.collect()
    tracemalloc.start()
    for number in range(1024):
        await writer.write(bytes([number % 256]) * 32_768)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    await writer.cancel()

    assert peak < 4 * _MIB


async def test_aclose_keeps_what_open_writers_hold(driver: FilesystemDriver, disk: Disk) -> None:
    """Closing the driver closes its writers first, so that no byte they accepted is lost."""
    writer = await driver.writer("/a")
    await writer.write(b"kept")
    await driver.aclose()
    await writer.close()

    [part] = disk.at("/.uploads~/a").iterdir()
    assert part.read_bytes() == b"kept"


async def test_leftover_of_a_crash_among_the_unfinished_is_listed_and_goes(
    driver: FilesystemDriver, disk: Disk
) -> None:
    """A copy that a crash broke off isn't continued, and is listed, so that it can be aborted."""
    disk.write("/a", b"whole")
    disk.write("/.uploads~/a/~t" + "0" * 32, b"half")
    writer = await driver.writer("/a", append=True)
    assert writer.size == len(b"whole")
    await writer.cancel()
    [upload] = [upload async for upload in driver.list_uploads("/a")]
    await driver.abort_upload(upload)

    assert ["a"] == disk.names()


async def test_stale_description_does_not_abort_a_newer_write(driver: FilesystemDriver) -> None:
    """An id is never used again, so what was listed before can't be taken for what is there now."""
    writer = await driver.writer("/a")
    [old] = [upload async for upload in driver.list_uploads("/")]
    await writer.cancel()
    newer = await driver.writer("/a")
    await driver.abort_upload(old)
    await newer.commit()

    assert await driver.get_content("/a") == b""
