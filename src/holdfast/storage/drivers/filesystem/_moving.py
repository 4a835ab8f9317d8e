"""Moving a file within the root."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from holdfast.storage.drivers.filesystem._atomic import move_into_place, place_copy
from holdfast.storage.drivers.filesystem._errors import ABSENT, OutsideRootError
from holdfast.storage.drivers.filesystem._root import DESCRIBE, DIRECTORY, READ, sync_directory
from holdfast.storage.errors import PathNotFoundError

if TYPE_CHECKING:
    from holdfast.storage.drivers.filesystem._root import Parent, Root

__all__ = ["move"]


def move(root: Root, source: str, destination: str) -> None:
    """Rename a file over another path, durably; across filesystems, and for what a symbolic link leads to, copy it.

    The content was synced when it was committed, so only names are.

    Raises:
        PathNotFoundError: The source is missing, or no regular file.
    """
    is_link = _require_file(root, source)
    if source == destination:
        return
    directory, _, name = source.rpartition("/")

    def act(parent: Parent) -> None:
        try:
            with root.opened(directory or "/", DIRECTORY) as inside:
                if is_link or not _renamed(root, destination, parent, name, inside):
                    with root.opened(source, READ) as content:
                        place_copy(root, destination, parent, content)
                    root.sync(parent)
                    os.unlink(name, dir_fd=inside)
                else:
                    root.sync(parent)
                sync_directory(inside)
        except FileNotFoundError:
            _require_file(root, source)
            raise

    try:
        root.written(destination, act)
    finally:
        root.prune(directory or "/")


def _require_file(root: Root, path: str) -> bool:
    """Make sure that a file is there. Returns whether it is one by way of a symbolic link."""
    directory, _, name = path.rpartition("/")
    try:
        with root.opened(path, DESCRIBE) as fd:
            mode = os.fstat(fd).st_mode
        with root.opened(directory or "/", DESCRIBE | os.O_DIRECTORY) as inside:
            is_link = stat.S_ISLNK(os.stat(name, dir_fd=inside, follow_symlinks=False).st_mode)
    except ABSENT as error:
        raise PathNotFoundError(path=path) from error
    if not stat.S_ISREG(mode):
        raise PathNotFoundError("not a file", path=path)
    return is_link


def _renamed(root: Root, destination: str, parent: Parent, name: str, directory: int) -> bool:
    """Rename; `False` where source and destination are on two filesystems."""
    try:
        move_into_place(root, destination, parent, name, directory)
    except OutsideRootError:
        raise
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        return False
    return True
