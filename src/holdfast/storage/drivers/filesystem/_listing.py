"""Listing a directory, and the walk in byte order."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, Final

from holdfast.storage.drivers.filesystem._errors import ABSENT
from holdfast.storage.drivers.filesystem._info import describe
from holdfast.storage.drivers.filesystem._root import DESCRIBE, DIRECTORY
from holdfast.storage.drivers.filesystem._scan import FileSearch, Kind, follow, in_order, joined, scan, scan_path
from holdfast.storage.path import MAX_PATH_BYTES

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from holdfast.storage.driver import FileInfo, Paths
    from holdfast.storage.drivers.filesystem._root import Root
    from holdfast.storage.drivers.filesystem._scan import Names

__all__ = ["list_children", "walk"]

_STATS: Final = 256
"""Files of one directory that are described at a time."""


def list_children(root: Root, path: str, start_after: str | None, limit: int | None) -> Paths:
    """List a directory's children: only as many are looked into as are listed.

    Raises:
        FileNotFoundError: Nothing is there, or no file is below.
        NotADirectoryError: A file is there.
    """
    names = scan_path(root, path)
    search = FileSearch(root)
    if not names.directories and not names.links:
        found = _only_files(path, names.files, start_after, limit)
    else:
        found = _shown(path, names, search, start_after, limit)
    if not found and path != "/" and not search.holds_file(path):
        raise FileNotFoundError(errno.ENOENT, "no file is below the directory", path)
    return found


def walk(root: Root, path: str, start_after: str | None) -> Generator[FileInfo, None, None]:
    """Yield the files below a directory.

    Raises:
        FileNotFoundError: Nothing is there, or no file is below.
        NotADirectoryError: A file is there.
        OutsideRootError: A link leads out: what is behind it would be missing from the walk without a word.
    """
    os.close(root.open(path, DIRECTORY))
    if path != "/" and not FileSearch(root).holds_file(path):
        raise FileNotFoundError(errno.ENOENT, "no file is below the directory", path)
    levels = [_level(root, path, start_after or "")]
    while levels:
        item = next(levels[-1], None)
        if item is None:
            levels.pop()
        elif isinstance(item, str):
            levels.append(_level(root, item, start_after or ""))
        else:
            yield item


def _only_files(path: str, files: list[str], start_after: str | None, limit: int | None) -> Paths:
    prefix = joined(path, "")
    if start_after is not None:
        files = [name for name in files if prefix + name > start_after]
    found: Paths = []
    for name in in_order(files):
        if limit is not None and len(found) >= limit:
            break
        found.append(prefix + name)
    return found


def _shown(path: str, names: Names, search: FileSearch, start_after: str | None, limit: int | None) -> Paths:
    files, links = set(names.files), set(names.links)
    found: Paths = []
    for name in in_order([*names.files, *names.directories, *names.links]):
        child = joined(path, name)
        if start_after is not None and child <= start_after:
            continue
        if limit is not None and len(found) >= limit:
            break
        if name in files or (search.shows(child) if name in links else search.holds_file(child)):
            found.append(child)
    return found


def _level(root: Root, path: str, start_after: str) -> Iterator[FileInfo | str]:
    """Yield one directory's files, described, and its directories, as paths; in the walk's order."""
    try:
        directory = root.open(path, DIRECTORY)
    except ABSENT:
        return  # deleted meanwhile
    try:
        keys = _keys(root, path, scan(directory), start_after)
        items = _described(root, path, keys[:_STATS], directory)
    finally:
        os.close(directory)
    yield from items
    for first in range(_STATS, len(keys), _STATS):
        try:
            directory = root.open(path, DIRECTORY)
        except ABSENT:
            return
        try:
            items = _described(root, path, keys[first : first + _STATS], directory)
        finally:
            os.close(directory)
        yield from items


def _keys(root: Root, path: str, names: Names, start_after: str) -> list[str]:
    """Return names, sorted; a directory's with the slash that its paths go on with: `-` and `.` come before it."""
    keys = [*names.files, *(name + "/" for name in names.directories)]
    for name in names.links:
        kind = follow(root, joined(path, name))
        if kind is not None:
            keys.append(name + "/" if kind is Kind.DIRECTORY else name)
    prefix = joined(path, "")
    if start_after:
        keys = [key for key in keys if _is_after(prefix + key, start_after)]
    # A link to a directory above makes paths without end; one that is too long is no storage path.
    longest = MAX_PATH_BYTES - len(prefix)
    return list(in_order([key for key in keys if len(key) <= longest]))


def _is_after(key: str, start_after: str) -> bool:
    return key > start_after or (key.endswith("/") and start_after.startswith(key))


def _described(root: Root, path: str, keys: Sequence[str], directory: int) -> list[FileInfo | str]:
    prefix = joined(path, "")
    items: list[FileInfo | str] = []
    for key in keys:
        if key.endswith("/"):
            items.append(prefix + key[:-1])
            continue
        try:
            status = os.stat(key, dir_fd=directory, follow_symlinks=False)
            if stat.S_ISLNK(status.st_mode):
                with root.opened(prefix + key, DESCRIBE) as fd:
                    status = os.fstat(fd)
        except ABSENT:
            continue  # deleted meanwhile
        if stat.S_ISREG(status.st_mode):
            items.append(describe(prefix + key, status))
    return items
