"""Removing files and whole directories, while others write into them.

Deletes aren't synced: after a power failure a deleted file may be back, whole. Nothing in the contract promises
more, and what deletes for good, such as a garbage collector, looks again anyway.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from typing import TYPE_CHECKING, Final

from holdfast.storage.drivers.filesystem._errors import ABSENT, BUSY, reading_error
from holdfast.storage.drivers.filesystem._root import DESCRIBE, DIRECTORY, TEMPORARY
from holdfast.storage.drivers.filesystem._scan import FileSearch, Kind, follow, joined, names_in, scan_path
from holdfast.storage.errors import BatchDeleteError, StorageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from holdfast.storage.drivers.filesystem._root import Root

__all__ = ["delete_files", "delete_path", "empty_root", "remove_empty", "remove_tree"]

_PASSES: Final = 8
_PAUSES: Final = (0.01, 0.05, 0.2)
_FILLED: Final = frozenset({errno.ENOTEMPTY, errno.EEXIST})


def delete_path(root: Root, path: str) -> bool:
    """Remove a file, or a directory with all that is below, and the directories left empty above.

    Returns:
        Whether a file was there. A directory without one isn't there, and is removed as far as it is empty.

    Raises:
        OutsideRootError: A symbolic link at the path or above leads out.
    """
    directory, _, name = path.rpartition("/")
    try:
        with root.opened(directory or "/", DESCRIBE | os.O_DIRECTORY) as parent:
            mode = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                found = _delete_directory(root, path)
            else:
                found = stat.S_ISREG(mode) or (stat.S_ISLNK(mode) and follow(root, path) is not None)
                if found:
                    _unlink(name, parent)
    except ABSENT:
        return False
    root.prune(directory or "/")
    return found


def delete_files(root: Root, paths: Sequence[str]) -> None:
    """Remove files; missing ones and directories are passed over.

    Raises:
        BatchDeleteError: Some couldn't be removed.
    """
    failures: dict[str, StorageError] = {}
    emptied = set()
    for path in paths:
        directory, _, name = path.rpartition("/")
        try:
            with root.opened(directory or "/", DESCRIBE | os.O_DIRECTORY) as parent:
                mode = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
                if stat.S_ISREG(mode) or (stat.S_ISLNK(mode) and follow(root, path) is Kind.FILE):
                    _unlink(name, parent)
                    emptied.add(directory or "/")
        except ABSENT:
            continue
        except OSError as error:
            failures[path] = reading_error(error, path)
            failures[path].__cause__ = error
    for directory in emptied:
        root.prune(directory)
    if failures:
        raise BatchDeleteError(failures)


def empty_root(root: Root) -> bool:
    """Remove everything that could be ours; what a filesystem keeps at its top, such as `lost+found`, stays.

    Returns:
        Whether a file was there.
    """
    try:
        names = scan_path(root, "/")
    except ABSENT:
        return False
    found = [delete_path(root, f"/{name}") for kind in names for name in kind]
    return any(found)


def remove_tree(root: Root, path: str, *, keep: str | None = None) -> None:
    """Remove a directory with all that is below; symbolic links go, what they lead to stays.

    What others put there meanwhile may stay, with its directory. One that is missing is no error.

    Args:
        root: The root.
        path: The directory.
        keep: A name that stays, wherever it is below.
    """
    for _ in range(_PASSES):
        directories = [path]
        for directory in directories:  # grows while it is gone through
            directories += _clear(root, directory, keep)
        if _remove_directories(root, directories):
            return


def remove_empty(root: Root, path: str) -> bool:
    """Remove a directory that holds nothing but what a crash leaves: empty directories and temporary files.

    A temporary file of a call still running may be among them: that call begins again, and meets what is then there.

    Returns:
        Whether nothing is in the way any more.
    """
    directories = [path]
    for directory in directories:  # grows while it is gone through
        try:
            with root.opened(directory, DIRECTORY) as fd:
                names = names_in(fd)
                for name in names:
                    if name.startswith(TEMPORARY):
                        _unlink(name, fd)
        except FileNotFoundError:
            continue
        except NotADirectoryError:
            return False
        directories += [joined(directory, name) for name in names if not name.startswith(TEMPORARY)]
    return _remove_directories(root, directories)


def _delete_directory(root: Root, path: str) -> bool:
    if not FileSearch(root).holds_file(path):
        remove_empty(root, path)
        return False
    remove_tree(root, path)
    return True


def _clear(root: Root, directory: str, keep: str | None) -> list[str]:
    """Remove the files in a directory; return the directories in it."""
    inner = []
    try:
        with root.opened(directory, DIRECTORY) as fd:
            with os.scandir(fd) as scan:
                found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in scan if entry.name != keep]
            for name, is_directory in found:
                if is_directory:
                    inner.append(joined(directory, name))
                else:
                    _unlink(name, fd)
    except ABSENT:
        return []  # removed meanwhile
    return inner


def _remove_directories(root: Root, directories: Sequence[str]) -> bool:
    """Remove the empty ones, the innermost, which come last, first. Returns whether all are gone."""
    gone = [_remove_directory(root, directory) for directory in reversed(directories)]
    return all(gone)


def _remove_directory(root: Root, path: str) -> bool:
    """Remove an empty directory. Returns whether it is gone, or can't go because something is mounted there."""
    try:
        root.remove_directory(path)
    except ABSENT:
        return True
    except OSError as error:
        if error.errno in _FILLED:
            return False
        if error.errno != errno.EBUSY:
            raise
    return True


def _unlink(name: str, directory: int) -> None:
    """Remove a file; one that is gone already is fine. A busy one (NFS, gluster) gets a moment."""
    for pause in (*_PAUSES, None):
        try:
            os.unlink(name, dir_fd=directory)
        except FileNotFoundError:
            return
        except OSError as error:
            if pause is None or error.errno not in BUSY:
                raise
            time.sleep(pause)
        else:
            return
