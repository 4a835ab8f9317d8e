import errno
import os
import stat
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from holdfast.storage import CreateOnly, MatchVersion, StorageError
from holdfast.storage.drivers.filesystem import FilesystemDriver, _atomic
from holdfast.storage.errors import (
    InvalidPathError,
    PreconditionFailedError,
    StorageFullError,
    StorageUnavailableError,
    UnsupportedOperationError,
)
from tests.storage.drivers.filesystem.disk import Disk, open_files
from tests.storage.drivers.filesystem.faults import fail_at

pytestmark = pytest.mark.anyio

_PATH = "/deep/down/file"
_CALLS = ("open", "mkdir", "pwritev", "fsync", "fstat", "stat", "utime", "rename", "copy_file_range", "pread")


async def _put(driver: FilesystemDriver) -> None:
    await driver.put_content(_PATH, b"new")


async def _put_new(driver: FilesystemDriver) -> None:
    await driver.put_content(_PATH, b"new", precondition=CreateOnly())


async def _put_matching(driver: FilesystemDriver) -> None:
    version = (await driver.stat(_PATH)).version or ""
    await driver.put_content(_PATH, b"new", precondition=MatchVersion(version))


async def _write(driver: FilesystemDriver) -> None:
    writer = await driver.writer(_PATH)
    try:
        await writer.write(b"new")
        await writer.commit()
    except StorageError:
        await writer.cancel()
        raise


async def _move(driver: FilesystemDriver) -> None:
    await driver.move("/source/new", _PATH)


_OPERATIONS: list[tuple[Callable[[FilesystemDriver], Awaitable[None]], bool]] = [
    (_put, False),
    (_put, True),
    (_put_new, False),
    (_put_matching, True),
    (_write, False),
    (_write, True),
    (_move, False),
    (_move, True),
]


@pytest.mark.parametrize("call", _CALLS)
@pytest.mark.parametrize("case", _OPERATIONS, ids=lambda case: f"{case[0].__name__}-{case[1]}")
async def test_whatever_fails_old_content_stands_and_nothing_is_left(
    driver: FilesystemDriver,
    disk: Disk,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    case: tuple[Callable[[FilesystemDriver], Awaitable[None]], bool],
) -> None:
    """A system call fails, each in turn: the path shows the old content, or after the rename the new, and no litter."""
    operation, replaces = case
    index = 0
    while True:
        await driver.delete("/")
        if replaces:
            await driver.put_content(_PATH, b"old")
        await driver.put_content("/source/new", b"new")
        before = open_files()

        with monkeypatch.context() as patch:
            failing = fail_at(patch, call, index)
            error = await _failure(operation(driver))

        shown = disk.at(_PATH).read_bytes() if disk.at(_PATH).exists() else None
        placed = "file" in failing.renamed or (operation is _put_new and shown is not None)
        assert (b"new" if placed else b"old" if replaces else None) == shown
        assert [] == disk.litter()
        assert before == open_files()
        if error is None and not failing.failed:
            return  # one more than there are calls
        if operation is _move and not placed:
            assert disk.at("/source/new").read_bytes() == b"new"
        index += 1


async def _failure(done: Awaitable[None]) -> StorageError | None:
    try:
        await done
    except StorageError as error:
        return error
    return None


async def test_failing_close_of_the_temporary_is_a_failure(
    driver: FilesystemDriver, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network share may tell a full disk on close: the old content stands."""
    await driver.put_content(_PATH, b"old")
    real_close = os.close

    def close(fd: int) -> None:
        is_file = stat.S_ISREG(os.fstat(fd).st_mode)
        real_close(fd)
        if is_file:
            raise OSError(errno.EDQUOT, "over quota")

    with monkeypatch.context() as patch:
        patch.setattr(os, "close", close)
        with pytest.raises(StorageFullError):
            await driver.put_content(_PATH, b"new")

    assert await driver.get_content(_PATH) == b"old"
    assert [] == disk.litter()


async def test_everything_is_synced_in_order(
    driver: FilesystemDriver, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is synced and closed before it gets its name; then its directory, and each above one that was made."""
    disk.root.mkdir()
    events: list[tuple[str, str]] = []
    for name in ("fsync", "close", "rename"):
        monkeypatch.setattr(os, name, _noted(events, name, getattr(os, name), disk))

    await driver.put_content("/a/b/c", b"x")

    monkeypatch.undo()
    steps = [(name, what) for name, what in events if name != "close" or what == "file"]
    expected = [("fsync", "file"), ("close", "file"), ("rename", "c"), ("fsync", "a/b"), ("fsync", "a"), ("fsync", ".")]
    assert expected == steps


async def test_commit_syncs_in_order(driver: FilesystemDriver, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for `put_content`; the unfinished write's own directories need no sync."""
    disk.root.mkdir()
    writer = await driver.writer("/a/b")
    await writer.write(b"x")
    events: list[tuple[str, str]] = []
    for name in ("fsync", "rename"):
        monkeypatch.setattr(os, name, _noted(events, name, getattr(os, name), disk))

    await writer.commit()

    monkeypatch.undo()
    assert [("fsync", "file"), ("rename", "b"), ("fsync", "a"), ("fsync", ".")] == events


async def test_move_syncs_both_directories(
    driver: FilesystemDriver, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new name is synced, with the directory made for it, and so is the directory that lost the old name."""
    await driver.put_content("/from/x", b"x")
    await driver.put_content("/from/stays", b"x")
    events: list[tuple[str, str]] = []
    for name in ("fsync", "rename"):
        monkeypatch.setattr(os, name, _noted(events, name, getattr(os, name), disk))

    await driver.move("/from/x", "/to/y")

    monkeypatch.undo()
    assert [("rename", "y"), ("fsync", "to"), ("fsync", "."), ("fsync", "from")] == events


async def test_directory_that_another_call_has_just_made_is_synced_too(
    driver: FilesystemDriver, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever finishes first makes the shared directory durable: it doesn't rely on the one who made it."""
    disk.root.mkdir()
    with driver._root.parent("/shared/first"):  # made, and not synced yet
        events: list[tuple[str, str]] = []
        monkeypatch.setattr(os, "fsync", _noted(events, "fsync", os.fsync, disk))

        await driver.put_content("/shared/second", b"x")

        monkeypatch.undo()
    assert [("fsync", "file"), ("fsync", "shared"), ("fsync", ".")] == events


def _noted(events: list[tuple[str, str]], name: str, real: Callable[..., Any], disk: Disk) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        if name == "rename":
            what = str(args[1])
        else:
            is_file = stat.S_ISREG(os.fstat(args[0]).st_mode)
            where = os.readlink(f"/proc/self/fd/{args[0]}")  # noqa: PTH115 - Path would call close
            what = "file" if is_file else os.path.relpath(where, disk.root)
        done = real(*args, **kwargs)
        events.append((name, what))
        return done

    return call


async def test_nothing_is_remembered_of_directories(driver: FilesystemDriver) -> None:
    """Once all is durable or gone, what was to be synced is forgotten: a long-running server doesn't grow by it."""
    await driver.put_content("/a/b/c", b"x")
    writer = await driver.writer("/d/e/f")
    await writer.commit()
    writer = await driver.writer("/g/h/i")
    await writer.close()
    await driver.move("/a/b/c", "/j/k/l")
    await driver.delete("/d")

    assert driver._root._unsynced == set()


async def test_directory_sync_that_the_filesystem_refuses_is_done_without(
    driver: FilesystemDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some network filesystems answer EINVAL to the sync of a directory: the write is good."""
    real = os.fsync

    def fsync(fd: int) -> None:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "not for directories")
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    await driver.put_content(_PATH, b"new")

    assert await driver.get_content(_PATH) == b"new"


async def test_short_writes_are_continued(driver: FilesystemDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel may take any part of what it is given."""
    real = os.pwritev

    def pwritev(fd: int, buffers: list[memoryview], offset: int) -> int:
        return real(fd, [buffers[0][:3]], offset)

    monkeypatch.setattr(os, "pwritev", pwritev)
    await driver.put_content("/put", b"0123456789")
    writer = await driver.writer("/written")
    for chunk in (b"01", b"2345678", b"9"):
        await writer.write(chunk)
    await writer.commit()

    assert await driver.get_content("/put") == b"0123456789"
    assert await driver.get_content("/written") == b"0123456789"


async def test_modes_follow_the_umask(driver: FilesystemDriver, disk: Disk) -> None:
    """Files are 0666 and directories 0777 less the umask, as the Docker Registry makes them."""
    before = os.umask(0o027)
    try:
        await driver.put_content("/a/b", b"x")
        writer = await driver.writer("/a/c")
        await writer.commit()
    finally:
        os.umask(before)

    modes = [stat.S_IMODE(disk.at(path).stat().st_mode) for path in ("/a", "/a/b", "/a/c")]
    assert [0o750, 0o640, 0o640] == modes


@pytest.mark.parametrize("refusal", [errno.EINVAL, errno.ENOSYS])
async def test_create_only_by_hard_link(
    driver: FilesystemDriver, disk: Disk, monkeypatch: pytest.MonkeyPatch, refusal: int
) -> None:
    """Where nothing renames without replacing, as on NFS, a hard link decides who creates."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(refusal, os.strerror(refusal))

    monkeypatch.setattr(_atomic, "rename_noreplace", refuse)
    await driver.put_content("/a", b"first", precondition=CreateOnly())
    with pytest.raises(PreconditionFailedError):
        await driver.put_content("/a", b"second", precondition=CreateOnly())

    assert await driver.get_content("/a") == b"first"
    assert [] == disk.litter()


async def test_create_only_where_nothing_can_do_it(
    driver: FilesystemDriver, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A filesystem with neither way is told so; nothing is written under the hope that nobody else does."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.EPERM, "no")

    monkeypatch.setattr(_atomic, "rename_noreplace", refuse)
    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(UnsupportedOperationError):
        await driver.put_content("/a", b"x", precondition=CreateOnly())

    assert [] == disk.names()


async def test_versions_of_equal_length_in_one_moment_differ(
    driver: FilesystemDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reused inode and a clock that ticks seldom don't make two contents one version."""
    real = os.pwritev
    tick = (1_700_000_000_000_000_000, 1_700_000_000_000_000_000)
    set_time = os.utime

    def pwritev(fd: int, *args: Any) -> int:
        written = real(fd, *args)
        set_time(fd, ns=tick)
        return written

    monkeypatch.setattr(os, "pwritev", pwritev)
    versions = [await driver.put_content("/a", bytes([number])) for number in range(50)]

    assert len(set(versions)) == len(versions)


async def test_version_told_by_put_is_that_of_stat(driver: FilesystemDriver) -> None:
    """What `put_content` returns can be matched, as what `stat` tells."""
    version = await driver.put_content("/a", b"x")

    assert (await driver.stat("/a")).version == version


@pytest.mark.parametrize("precondition", [None, CreateOnly()])
async def test_what_a_crash_leaves_does_not_hinder(
    driver: FilesystemDriver, disk: Disk, precondition: CreateOnly | None
) -> None:
    """Empty directories and a temporary file, at a path and around it, aren't listed and don't stand in the way."""
    disk.write("/a/b/~t0123456789abcdef")
    disk.at("/a/b/c/d").mkdir(parents=True)
    assert await driver.list("/") == []

    await driver.put_content("/a/b", b"x", precondition=precondition)

    assert await driver.get_content("/a/b") == b"x"
    assert ["a", "a/b"] == disk.names()


async def test_directory_with_a_file_is_not_replaced(driver: FilesystemDriver, disk: Disk) -> None:
    """A path is a file or a directory, and what is below a directory isn't lost by a write to it."""
    await driver.put_content("/a/b", b"x")
    await driver.put_content("/source", b"x")
    for attempt in (driver.put_content("/a", b"y"), driver.move("/source", "/a"), driver.writer("/a")):
        with pytest.raises(InvalidPathError):
            await attempt

    assert ["a", "a/b", "source"] == disk.names()


async def test_input_output_error_is_retryable(driver: FilesystemDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failing disk is told as such, with the system's error as the cause."""
    fail_at(monkeypatch, "fsync", 0, errno.EIO)
    with pytest.raises(StorageUnavailableError) as caught:
        await driver.put_content("/a", b"x")

    assert isinstance(caught.value.__cause__, OSError)
