"""Unfinished writes, each a file in a directory of its path's name: `<root>/.uploads~/<path>/~<id>`.

They lie apart from the committed files, so that a directory never exists only because of an unfinished write, and
nothing that walks the store, the Go registry included, meets them. The path is a directory there, so that `/a` and
`/a/b` can both have one, and a name of 255 characters fits.

The id is random, and nothing else ever gets that name. So a writer that has been replaced learns it when it commits:
the rename finds nothing under its name. The kernel's lock on the file says that a writer has it open, and falls
with its process; a lock on the directory keeps two new writers apart. Where there are no locks (`take_lock`),
appending continues with a copy, and two unfinished writes of one path can come to be: the newer is continued, the
other is listed until it is aborted.

What a killed process leaves of a `put_content` lies in the directory of its target instead, see `_atomic`. It is listed
as well, so that it can be aborted: since its target isn't known any more, under a name of its own in that directory.
"""

from __future__ import annotations

import errno
import os
import posixpath
import re
import secrets
import stat
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from holdfast.storage.driver import UploadInfo
from holdfast.storage.drivers.filesystem._atomic import (
    LOCK_PATH,
    UPLOADS,
    copy_content,
    move_into_place,
    place_copy,
    take_lock,
    temporary,
    unlink_if_there,
)
from holdfast.storage.drivers.filesystem._deleting import remove_tree
from holdfast.storage.drivers.filesystem._errors import ABSENT, OutsideRootError
from holdfast.storage.drivers.filesystem._info import modified
from holdfast.storage.drivers.filesystem._root import DESCRIBE, DIRECTORY, READ, TEMPORARY
from holdfast.storage.drivers.filesystem._scan import FileSearch, joined, names_in
from holdfast.storage.errors import InvalidPathError, InvalidResumeTokenError, PathNotFoundError, WriteConflictError

if TYPE_CHECKING:
    from collections.abc import Generator

    from holdfast.storage.drivers.filesystem._root import Parent, Root

__all__ = [
    "Part",
    "abort_part",
    "commit_part",
    "continue_part",
    "delete_parts",
    "list_parts",
    "list_unfinished",
    "start_part",
]

_ID = re.compile(r"[0-9a-f]{32}\Z").match
_LISTED = re.compile(r"t?[0-9a-f]{32}\Z").match
_LEFT_BY_PUT = re.compile(rf"{TEMPORARY}t[0-9a-f]{{32}}\Z").match
_is_ours = re.compile(r"[A-Za-z0-9._-]{1,255}\Z").match
_LOCK_NAME: Final = posixpath.basename(LOCK_PATH)
_ATTEMPTS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """An unfinished write, open and locked.

    Attributes:
        path: The path it is to be committed to.
        upload_id: Its name, together with the path.
        fd: The open file.
        size: Its length when it was opened.
    """

    path: str
    upload_id: str
    fd: int
    size: int

    def close(self) -> None:
        """Close the file, which unlocks it."""
        os.close(self.fd)


def start_part(root: Root, path: str) -> Part:
    """Begin an unfinished write; what there was for the path is discarded."""
    _require_room(root, path)
    upload_id = secrets.token_hex(16)

    def act(parent: Parent) -> int:
        take_lock(parent.fd, wait=True)
        for name in _names(parent.fd):
            unlink_if_there(name, parent.fd)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(parent.name, flags, 0o666, dir_fd=parent.fd)
        try:
            take_lock(fd, wait=False)
        except BaseException:
            os.close(fd)
            os.unlink(parent.name, dir_fd=parent.fd)
            raise
        return fd

    return Part(path=path, upload_id=upload_id, fd=root.written(_part(path, upload_id), act), size=0)


def continue_part(root: Root, path: str, upload_id: str | None) -> Part:
    """Open the unfinished write of a path, or begin one with a copy of the committed content.

    Raises:
        WriteConflictError: Another writer has it open.
        InvalidResumeTokenError: `upload_id` is given, and isn't the one.
        PathNotFoundError: Neither is there.
    """
    if upload_id is not None and _ID(upload_id) is None:
        raise InvalidResumeTokenError(path=path)
    _require_room(root, path)
    for _ in range(_ATTEMPTS):
        part = _open_part(root, path, upload_id)
        if part is None and upload_id is not None:
            raise InvalidResumeTokenError("there is no unfinished write of that name", path=path)
        part = part or _copy_committed(root, path)
        if part is not None:
            return part
    raise WriteConflictError("other writers keep coming and going", path=path)


def commit_part(root: Root, part: Part) -> None:
    """Sync an unfinished write and make it the content of its path.

    Raises:
        WriteConflictError: It has been replaced or thrown away.
    """
    os.fsync(part.fd)
    unfinished = _directory(part.path)

    def act(parent: Parent) -> None:
        try:
            with root.opened(unfinished, DESCRIBE | os.O_DIRECTORY) as directory:
                _place(root, parent, part, directory)
        except FileNotFoundError as error:
            if os.fstat(part.fd).st_nlink == 0:
                raise WriteConflictError("the unfinished write was replaced or thrown away", path=part.path) from error
            raise
        root.sync(parent)

    try:
        root.written(part.path, act)
    finally:
        root.prune(unfinished)


def list_parts(root: Root, path: str) -> Generator[UploadInfo, None, None]:
    """Yield the unfinished writes at and below a path, and what a crash has left among them."""
    pending = [_directory(path)]
    while pending:
        directory = pending.pop()
        found = []
        try:
            with root.opened(directory, DIRECTORY) as fd:
                for name in names_in(fd):
                    if not name.startswith(TEMPORARY):
                        pending.append(joined(directory, name))
                    elif name != _LOCK_NAME:
                        found += _described(directory, name, fd)
        except ABSENT:
            continue
        yield from found


def list_unfinished(root: Root, path: str) -> Generator[UploadInfo | None, None, None]:
    """Yield as `list_parts`, then the temporary files in the directory and all below it.

    Those are of calls that run, and of killed processes. After each directory comes a `None`: there are many, and who
    takes a number of items at a time can stop between two of them.
    """
    yield from list_parts(root, path)
    pending = [path]
    while pending:
        directory = pending.pop()
        found = []
        try:
            with root.opened(directory, DIRECTORY) as fd, os.scandir(fd) as entries:
                for entry in entries:
                    if _LEFT_BY_PUT(entry.name) and entry.is_file(follow_symlinks=False):
                        found += _described(directory, entry.name, fd)
                    elif _is_ours(entry.name) and entry.is_dir(follow_symlinks=False):
                        pending.append(joined(directory, entry.name))
        except ABSENT:
            continue
        for upload in found:
            yield replace(upload, path=joined(directory, upload.upload_id))
        yield None


def abort_part(root: Root, path: str, upload_id: str) -> None:
    """Throw an unfinished write away, unless it is gone already."""
    if _LISTED(upload_id) is None:
        return  # never one of ours
    above, _, name = path.rpartition("/")
    directory = (above or "/") if name == upload_id and name.startswith("t") else _directory(path)
    try:
        with root.opened(directory, DESCRIBE | os.O_DIRECTORY) as fd:
            unlink_if_there(TEMPORARY + upload_id, fd)
    except ABSENT:
        return
    root.prune(directory)


def delete_parts(root: Root, path: str) -> bool:
    """Throw away the unfinished writes at and below a path. Returns whether there were any."""
    found = next(list_parts(root, path), None) is not None
    directory = _directory(path)
    remove_tree(root, directory, keep=_LOCK_NAME)
    root.prune(directory.rpartition("/")[0] or "/")
    return found


def _directory(path: str) -> str:
    return UPLOADS if path == "/" else UPLOADS + path


def _names(directory: int) -> list[str]:
    return [name for name in names_in(directory) if name.startswith(TEMPORARY) and name != _LOCK_NAME]


def _described(directory: str, name: str, fd: int) -> list[UploadInfo]:
    try:
        status = os.stat(name, dir_fd=fd, follow_symlinks=False)
    except FileNotFoundError:
        return []
    path = directory.removeprefix(UPLOADS)
    return [UploadInfo(path=path, upload_id=name[1:], started=modified(status), size=status.st_size)]


def _require_room(root: Root, path: str) -> None:
    """Refuse early what the commit would refuse."""
    try:
        with root.opened(path, DESCRIBE) as fd:
            is_directory = stat.S_ISDIR(os.fstat(fd).st_mode)
    except FileNotFoundError:
        return
    if is_directory and FileSearch(root).holds_file(path):
        raise InvalidPathError("is a directory", path=path)


def _open_part(root: Root, path: str, upload_id: str | None) -> Part | None:
    try:
        with root.opened(_directory(path), DIRECTORY) as directory:
            found = [name for name in _names(directory) if _ID(name[1:]) and upload_id in {None, name[1:]}]
            if not found:
                return None
            name = max(found, key=lambda name: os.stat(name, dir_fd=directory, follow_symlinks=False).st_mtime_ns)
            fd = os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    except ABSENT:
        return None
    try:
        locked = take_lock(fd, wait=False)
        status = os.fstat(fd)
        if locked is None and status.st_nlink:
            return _copy_unlocked(root, path, fd, name)
    except BaseException:
        os.close(fd)
        raise
    if locked and status.st_nlink:
        return Part(path=path, upload_id=name[1:], fd=fd, size=status.st_size)
    os.close(fd)
    if not status.st_nlink:  # committed, replaced or thrown away before we had the lock
        return None
    raise WriteConflictError("another writer has the unfinished write open", path=path)


def _copy_unlocked(root: Root, path: str, source: int, name: str) -> Part:
    """Continue with a copy, and close the source, where no lock tells whether another writer still has it open.

    Its file loses its name, so it can't commit, and can't write into what we commit: that is another file.
    """
    upload_id = secrets.token_hex(16)

    def act(parent: Parent) -> Part:
        with temporary(parent.fd) as file:
            copy_content(source, file.fd)
            size = os.fstat(file.fd).st_size
            os.rename(file.name, parent.name, src_dir_fd=parent.fd, dst_dir_fd=parent.fd)
            file.placed = True
            unlink_if_there(name, parent.fd)
            return Part(path=path, upload_id=upload_id, fd=file.detach(), size=size)

    part = root.written(_part(path, upload_id), act)
    os.close(source)
    return part


def _copy_committed(root: Root, path: str) -> Part | None:
    """Begin an unfinished write with the committed content; `None` if another has just begun."""
    upload_id = secrets.token_hex(16)

    def act(parent: Parent) -> Part | None:
        with temporary(parent.fd) as file:
            copy_content(source, file.fd)
            size = os.fstat(file.fd).st_size
            take_lock(file.fd, wait=False)
            take_lock(parent.fd, wait=True)
            if any(_ID(name[1:]) for name in _names(parent.fd)):
                return None
            os.rename(file.name, parent.name, src_dir_fd=parent.fd, dst_dir_fd=parent.fd)
            file.placed = True
            return Part(path=path, upload_id=upload_id, fd=file.detach(), size=size)

    try:
        source = root.open(path, READ)
    except ABSENT as error:
        raise PathNotFoundError("neither content nor an unfinished write is there", path=path) from error
    try:
        if not stat.S_ISREG(os.fstat(source).st_mode):
            raise PathNotFoundError("not a file", path=path)
        return root.written(_part(path, upload_id), act)
    finally:
        os.close(source)


def _part(path: str, upload_id: str) -> str:
    return f"{_directory(path)}/{TEMPORARY}{upload_id}"


def _place(root: Root, parent: Parent, part: Part, directory: int) -> None:
    name = TEMPORARY + part.upload_id
    try:
        move_into_place(root, part.path, parent, name, directory)
    except OutsideRootError:
        raise
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _place_across(root, parent, part, directory)


def _place_across(root: Root, parent: Parent, part: Part, directory: int) -> None:
    """Commit to another filesystem, by a copy. Taking the name away first decides against a writer that replaces us."""
    name = TEMPORARY + part.upload_id
    claimed = f"{TEMPORARY}t{part.upload_id}"
    os.rename(name, claimed, src_dir_fd=directory, dst_dir_fd=directory)
    try:
        place_copy(root, part.path, parent, part.fd)
    except BaseException:
        os.rename(claimed, name, src_dir_fd=directory, dst_dir_fd=directory)
        raise
    unlink_if_there(claimed, directory)
