"""The one way in which content reaches a path: whole, durable, or not at all.

A temporary file in the target's own directory is written, synced and closed, then renamed over the path; then the
directory is synced, and the parent of each directory that was made for it. Whatever fails before the rename leaves
the path as it was, and nothing behind. If the sync of a directory fails after the rename, the call fails and the
path shows the new content, whole: whether the name survives a power failure is then unknown to anybody.

The temporary's name begins with `~` and has 128 random bits: no storage path contains a `~`, and nobody can guess
it first. A process that is killed leaves it there; `_uploads.list_unfinished` finds it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import stat
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from holdfast.storage.driver import CreateOnly, MatchVersion
from holdfast.storage.drivers.filesystem._deleting import remove_empty
from holdfast.storage.drivers.filesystem._errors import ABSENT
from holdfast.storage.drivers.filesystem._info import version_of
from holdfast.storage.drivers.filesystem._kernel import RENAME_NOREPLACE_REFUSED, rename_noreplace
from holdfast.storage.drivers.filesystem._root import DESCRIBE, TEMPORARY
from holdfast.storage.errors import PreconditionFailedError, UnsupportedOperationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from holdfast.storage.driver import Buffer, Precondition
    from holdfast.storage.drivers.filesystem._root import Parent, Root

__all__ = [
    "LOCK_PATH",
    "UPLOADS",
    "Temporary",
    "copy_content",
    "move_into_place",
    "place_copy",
    "put",
    "take_lock",
    "temporary",
    "unlink_if_there",
    "write_all",
]

UPLOADS: Final = "/.uploads~"
"""The directory of unfinished writes."""
LOCK_PATH: Final = f"{UPLOADS}/~lock"
"""The file whose lock makes comparing a version and replacing the content one step."""

_BUFFERS: Final = 1024  # IOV_MAX on Linux
_COPY_BYTES: Final = 1024 * 1024
_NO_LOCKS: Final = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF, errno.EINVAL})
_NO_RANGE_COPY: Final = frozenset({
    errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF, errno.ETXTBSY
})  # fmt: skip


def write_all(fd: int, buffers: Sequence[Buffer], offset: int) -> int:
    """Write buffers at an offset, whatever the kernel takes at once. Returns the offset after them."""
    waiting = [memoryview(buffer).cast("B") for buffer in buffers if len(buffer)]
    while waiting:
        written = os.pwritev(fd, waiting[:_BUFFERS], offset)
        offset += written
        done = 0
        while done < len(waiting) and written >= len(waiting[done]):
            written -= len(waiting[done])
            done += 1
        del waiting[:done]
        if written:
            waiting[0] = waiting[0][written:]
    return offset


def copy_content(source: int, destination: int) -> None:
    """Copy a whole file into an empty one: by the filesystem itself, shared blocks if it can, else by reading."""
    size = os.fstat(source).st_size
    offset = 0
    try:
        while offset < size:
            copied = os.copy_file_range(source, destination, size - offset, offset, offset)
            if copied == 0:
                break
            offset += copied
    except OSError as error:
        if error.errno not in _NO_RANGE_COPY:
            raise
    while chunk := os.pread(source, _COPY_BYTES, offset):
        offset = write_all(destination, [chunk], offset)


def take_lock(fd: int, *, wait: bool) -> bool | None:
    """Lock an open file against other processes and other openings of it; the kernel lets go when it is closed.

    Returns:
        `False` if another holds it and `wait` is off; `None` where the filesystem knows no such locks, as some network
        ones. All goes on without them: what is lost is that a second writer is refused at once, and that versions
        are compared between processes; never the content of a file.
    """
    try:
        fcntl.flock(fd, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return None
    return True


@dataclass(slots=True, kw_only=True)
class Temporary:
    """A temporary file in a directory.

    Attributes:
        directory: The open directory.
        name: The file's name.
        fd: The open file, or -1 once it is closed.
        placed: Whether it has another name now, and isn't to be removed.
    """

    directory: int
    name: str
    fd: int
    placed: bool = field(default=False)

    def detach(self) -> int:
        """Hand the open file to the caller, who closes it."""
        fd, self.fd = self.fd, -1
        return fd

    def finish(self) -> os.stat_result:
        """Sync and close it: an error of closing (NFS tells a full disk here) still leaves the path alone."""
        os.fsync(self.fd)
        status = os.fstat(self.fd)
        os.close(self.detach())
        return status


@contextmanager
def temporary(directory: int) -> Iterator[Temporary]:
    """Make a temporary file in an open directory; on leaving it is closed, and removed unless it was placed."""
    name = f"{TEMPORARY}t{secrets.token_hex(16)}"
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    made = Temporary(directory=directory, name=name, fd=os.open(name, flags, 0o666, dir_fd=directory))
    try:
        yield made
    finally:
        if made.fd >= 0:
            os.close(made.fd)
        if not made.placed:
            unlink_if_there(name, directory)


def put(root: Root, path: str, content: Buffer, precondition: Precondition | None) -> str:
    """Make `content` the content of a path, durably. Returns its version."""

    def act(parent: Parent) -> str:
        _check(root, path, parent, precondition)
        with temporary(parent.fd) as file:
            write_all(file.fd, [content], 0)
            now = time.time_ns()
            os.utime(file.fd, ns=(now, now))  # finer than the kernel's own: see `_info.version_of`
            version = version_of(file.finish())
            if isinstance(precondition, CreateOnly):
                _place_new(root, path, parent, file)
            elif isinstance(precondition, MatchVersion):
                with _lock(root):
                    _check(root, path, parent, precondition)
                    move_into_place(root, path, parent, file.name, parent.fd)
            else:
                move_into_place(root, path, parent, file.name, parent.fd)
            file.placed = True
        root.sync(parent)
        return version

    return root.written(path, act)


def place_copy(root: Root, path: str, parent: Parent, source: int) -> None:
    """Make a copy of an open file the content of a path: where a rename would cross filesystems. Doesn't sync names."""
    with temporary(parent.fd) as file:
        copy_content(source, file.fd)
        file.finish()
        move_into_place(root, path, parent, file.name, parent.fd)
        file.placed = True


def move_into_place(root: Root, path: str, parent: Parent, name: str, directory: int) -> None:
    """Rename a file over a path; a directory there without any file below doesn't stand in the way.

    Raises:
        IsADirectoryError: A directory with files is there.
        OutsideRootError: A symbolic link that leads out is there.
    """
    _check_link(root, path, parent)
    try:
        os.rename(name, parent.name, src_dir_fd=directory, dst_dir_fd=parent.fd)
    except IsADirectoryError:
        if not remove_empty(root, path):
            raise
        os.rename(name, parent.name, src_dir_fd=directory, dst_dir_fd=parent.fd)


def _check(root: Root, path: str, parent: Parent, precondition: Precondition | None) -> None:
    """Compare what is there with what is required."""
    if precondition is None:
        return
    there = _regular_at(root, path, parent)
    if isinstance(precondition, CreateOnly):
        if there is not None:
            raise PreconditionFailedError("a file is there", path=path)
    elif there is None:
        raise PreconditionFailedError("nothing is there", path=path)
    elif version_of(there) != precondition.version:
        raise PreconditionFailedError("the content is of another version", path=path)


def _regular_at(root: Root, path: str, parent: Parent) -> os.stat_result | None:
    try:
        status = os.stat(parent.name, dir_fd=parent.fd, follow_symlinks=False)
        if stat.S_ISLNK(status.st_mode):
            with root.opened(path, DESCRIBE) as fd:
                status = os.fstat(fd)
    except FileNotFoundError:
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def _check_link(root: Root, path: str, parent: Parent) -> None:
    """A link at the path itself is replaced, but not one that we may not even follow, nor one to a directory."""
    try:
        status = os.stat(parent.name, dir_fd=parent.fd, follow_symlinks=False)
        if stat.S_ISLNK(status.st_mode):
            with root.opened(path, DESCRIBE) as fd:
                if stat.S_ISDIR(os.fstat(fd).st_mode):
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    except ABSENT:
        return


def _place_new(root: Root, path: str, parent: Parent, file: Temporary) -> None:
    """Give a finished file the path's name, unless something has it."""
    _check_link(root, path, parent)
    try:
        _name_new(parent, file.name)
    except FileExistsError as error:
        status = os.stat(parent.name, dir_fd=parent.fd, follow_symlinks=False)
        if not stat.S_ISDIR(status.st_mode):
            raise PreconditionFailedError("a file is there", path=path) from error
        if not remove_empty(root, path):
            raise
        _name_new(parent, file.name)


def _name_new(parent: Parent, name: str) -> None:
    """Rename without replacing, or link and unlink: NFS has only the second, FAT and some sandboxes only the first."""
    try:
        rename_noreplace(name, parent.name, directory=parent.fd)
    except OSError as error:
        if error.errno not in RENAME_NOREPLACE_REFUSED:
            raise
        try:
            os.link(name, parent.name, src_dir_fd=parent.fd, dst_dir_fd=parent.fd, follow_symlinks=False)
        except OSError as refused:
            if refused.errno not in RENAME_NOREPLACE_REFUSED:
                raise
            message = "this filesystem can neither rename without replacing nor make hard links"
            raise UnsupportedOperationError(message) from refused
        unlink_if_there(name, parent.fd)


@contextmanager
def _lock(root: Root) -> Iterator[None]:
    """Hold the store's lock: short, nothing is synced under it."""

    def act(parent: Parent) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(parent.name, flags, 0o666, dir_fd=parent.fd)

    fd = root.written(LOCK_PATH, act)
    try:
        take_lock(fd, wait=True)
        yield
    finally:
        os.close(fd)


def unlink_if_there(name: str, directory: int) -> None:
    """Remove a file from an open directory, unless it is gone."""
    try:
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        return
