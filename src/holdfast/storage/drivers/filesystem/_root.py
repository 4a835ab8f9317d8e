"""The root directory: every path is opened below it, and no symbolic link leads out.

The kernel does the containing: openat2(2) with RESOLVE_BENEATH resolves a path in one call that can't be raced,
and costs 1 microsecond more than open(2). Whatever changes something then names one component relative to a
directory opened that way. A relative link that stays inside works; one that leads out, and any absolute one, is
refused. Without openat2 (kernels before 5.6, some sandboxes) paths are opened component by component, and every
link is refused.

Who is kept out by this: somebody who can place a symbolic link inside the root by other means, at any time, and
would have the registry read or write beyond it. Two things are out of reach: hard links and mounts, which need
rights outside the root to be made, and the path that `local_path` hands out, which is resolved a second time by
whoever opens it.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from posixpath import dirname
from threading import Lock
from typing import TYPE_CHECKING, Final, TypeVar

from holdfast.storage.drivers.filesystem._errors import OutsideRootError, RootError
from holdfast.storage.drivers.filesystem._kernel import has_openat2, open_beneath
from holdfast.storage.errors import UnexpectedStorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["DESCRIBE", "DIRECTORY", "READ", "TEMPORARY", "Parent", "Root", "sync_directory"]

READ: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY
"""How content is opened: a FIFO or a device in its place doesn't block."""
DESCRIBE: Final = os.O_PATH
"""How something is opened that is only to be described."""
DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY
"""How a directory is opened that is to be scanned, synced or locked."""
TEMPORARY: Final = "~"
"""What the names of temporary files and of unfinished writes begin with; no storage path contains it."""

_ATTEMPTS: Final = 8
_VANISHED_ATTEMPTS: Final = 100
_UNSYNCABLE: Final = frozenset({errno.EINVAL, errno.EBADF, errno.EOPNOTSUPP})

T = TypeVar("T")


def sync_directory(fd: int) -> None:
    """Make a directory's names durable, where the filesystem knows of that: some network ones refuse the call."""
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in _UNSYNCABLE:
            raise


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """The open directory in which a path's last name lives.

    Attributes:
        fd: The directory.
        name: The path's last component.
        fresh: The directories above that were missing, outermost first: their names aren't durable yet.
    """

    fd: int
    name: str
    fresh: tuple[str, ...]


class Root:
    """The root directory, opened when it is first needed and again when it has been replaced."""

    def __init__(self, directory: str) -> None:
        self._given = Path(directory).absolute()
        self._real = str(self._given)
        self._fd: int | None = None
        self._retired: list[int] = []
        self._closed = False
        self._lock = Lock()
        self._unsynced: set[str] = set()
        self._open_below = open_beneath if has_openat2() else _open_componentwise

    def __repr__(self) -> str:
        """The directory, as it was given."""
        return f"Root({str(self._given)!r})"

    def local(self, path: str) -> str:
        """Return where a path lies on this machine."""
        return self._real + path

    def open(self, path: str, flags: int) -> int:
        """Open what is at a path, `/` included; the caller closes it.

        Raises:
            FileNotFoundError: Nothing is there, the root itself included.
            OutsideRootError: A symbolic link leads out.
            RootError: The root can't be used.
            OSError: Anything else.
        """
        root = self._fd
        if root is None:
            root = self._attach()
        try:
            return self._open_below(root, path[1:] or ".", flags)
        except OSError as error:
            return self._open_again(path, flags, error)

    @contextmanager
    def opened(self, path: str, flags: int) -> Iterator[int]:
        """As `open`, closed on leaving."""
        fd = self.open(path, flags)
        try:
            yield fd
        finally:
            os.close(fd)

    @contextmanager
    def parent(self, path: str) -> Iterator[Parent]:
        """Open the directory of a path, making what is missing; what is left empty by a failure is removed.

        Raises:
            FileNotFoundError: A directory was removed while we were at it; `written` tries again.
        """
        self._is_replaced()  # what is removed can still be entered, but takes no new names
        directory, _, name = path.rpartition("/")
        missing: list[str] = []
        try:
            fd = self._open_or_make(directory or "/", missing)
            try:
                yield Parent(fd=fd, name=name, fresh=(*self._unsynced_above(directory, missing),))
            finally:
                os.close(fd)
        except BaseException:
            if missing:
                self.prune(missing[0])
            raise

    def written(self, path: str, act: Callable[[Parent], T]) -> T:
        """Do something in a path's directory, which exists and stays while something is in it.

        Directories are removed when they are empty, so one can vanish between being made and being used: then
        `act` meets `FileNotFoundError`, and all is done again.
        """
        for attempt in range(_VANISHED_ATTEMPTS):
            try:
                with self.parent(path) as parent:
                    return act(parent)
            except FileNotFoundError:
                if attempt + 1 == _VANISHED_ATTEMPTS:
                    raise
                time.sleep(0.001 * min(attempt, 20))
        raise UnexpectedStorageError("unreachable", path=path)

    def sync(self, parent: Parent) -> None:
        """Make a name just put into a directory durable, with the directories that were made for it."""
        sync_directory(parent.fd)
        for directory in reversed(parent.fresh):
            try:
                with self.opened(dirname(directory), DIRECTORY) as above:
                    sync_directory(above)
            except FileNotFoundError:
                continue  # all of it has been deleted since
            self._unsynced.discard(directory)

    def prune(self, directory: str) -> None:
        """Remove a directory and those above it as long as they are empty; the root stays."""
        while directory != "/":
            try:
                self.remove_directory(directory)
            except FileNotFoundError:
                pass  # somebody else removed it: go on above
            except OSError:
                return  # not empty, or not ours to remove: an empty directory doesn't show, so nothing is lost
            directory = dirname(directory)

    def remove_directory(self, directory: str) -> None:
        """Remove an empty directory.

        Raises:
            OSError: It isn't empty, is missing, or can't be removed.
        """
        above, _, name = directory.rpartition("/")
        with self.opened(above or "/", DESCRIBE | os.O_DIRECTORY) as fd:
            os.rmdir(name, dir_fd=fd)
        self._unsynced.discard(directory)

    def close(self) -> None:
        """Close the root; nothing can be opened afterwards."""
        with self._lock:
            self._closed = True
            for fd in (*self._retired, *(() if self._fd is None else (self._fd,))):
                os.close(fd)
            self._retired.clear()
            self._fd = None

    def _open_again(self, path: str, flags: int, error: OSError) -> int:
        for _ in range(_ATTEMPTS):
            if error.errno == errno.EXDEV:
                raise OutsideRootError(errno.EXDEV, os.strerror(errno.EXDEV), path) from error
            replaced = error.errno in {errno.ENOENT, errno.ESTALE} and self._is_replaced()
            if not replaced and error.errno not in {errno.EAGAIN, errno.ESTALE}:
                raise error
            root = self._fd
            try:
                return self._open_below(self._attach() if root is None else root, path[1:] or ".", flags)
            except OSError as again:
                error = again
        raise error

    def _attach(self) -> int:
        with self._lock:
            if self._closed:
                raise UnexpectedStorageError("the driver is closed")
            if self._fd is None:
                try:
                    self._fd = os.open(self._given, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
                except FileNotFoundError:
                    raise
                except OSError as error:
                    raise RootError(error.errno, error.strerror, str(self._given)) from error
                self._real = os.path.realpath(self._given)
            return self._fd

    def _is_replaced(self) -> bool:
        """Whether another directory is now at the root's place; if so, let go of the old one."""
        with self._lock:
            if self._fd is None:
                return True
            held = os.fstat(self._fd)
            try:
                there = self._given.stat()
            except FileNotFoundError:
                there = None
            if there is not None and os.path.samestat(held, there):
                return False
            # Another thread may be using the number: closing it now could hand that thread some other file.
            self._retired.append(self._fd)
            self._fd = None
            return True

    def _open_or_make(self, directory: str, missing: list[str]) -> int:
        """Open a directory; the names of those that had to be made are added to `missing`, innermost first."""
        fd = self._open_deepest(directory, missing)
        try:
            for made in reversed(missing):
                if TEMPORARY not in made:  # unfinished writes promise nothing to a power failure
                    self._unsynced.add(made)
                fd = _step_into(fd, made.rpartition("/")[2])
        except BaseException:
            os.close(fd)
            raise
        return fd

    def _open_deepest(self, directory: str, missing: list[str]) -> int:
        attempts = 0
        while True:
            try:
                return self.open(directory, DIRECTORY)
            except FileNotFoundError as error:
                if directory != "/":
                    missing.append(directory)
                    directory = dirname(directory)
                    continue
                attempts += 1
                if attempts > _ATTEMPTS:  # a link that leads nowhere, or somebody who keeps removing it
                    raise RootError(error.errno, "can't be made", str(self._given)) from error
            self._make_root()

    def _make_root(self) -> None:
        missing = []
        directory = self._given
        while not os.path.lexists(directory):
            missing.append(directory)
            directory = directory.parent
        for made in reversed(missing):
            try:
                made.mkdir(0o777 if made == self._given else 0o755)
            except FileExistsError:
                continue
            except OSError as error:
                raise RootError(error.errno, f"can't be made: {error.strerror}", str(self._given)) from error
            above = os.open(made.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                sync_directory(above)
            finally:
                os.close(above)

    def _unsynced_above(self, directory: str, missing: list[str]) -> list[str]:
        """Directories that we, or a call still running, have just made; outermost first."""
        if not self._unsynced:
            return missing[::-1]
        found = []
        while directory not in {"", "/"}:
            if directory in self._unsynced or directory in missing:
                found.append(directory)
            directory = dirname(directory)
        return found[::-1]


def _step_into(fd: int, name: str) -> int:
    """Make a directory, if it is missing, and open it in place of the one it is in, which is closed."""
    with suppress(FileExistsError):  # made by somebody else meanwhile
        os.mkdir(name, 0o777, dir_fd=fd)
    inner = os.open(name, DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
    os.close(fd)
    return inner


def _open_componentwise(directory: int, path: str, flags: int) -> int:
    """Open a path below a directory one name at a time, refusing every symbolic link: the way without openat2."""
    *above, last = path.split("/")
    inside = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=directory)
    try:
        for name in above:
            inner = _open_name(inside, name, os.O_PATH | os.O_DIRECTORY)
            os.close(inside)
            inside = inner
        return _open_name(inside, last, flags)
    finally:
        os.close(inside)


def _open_name(directory: int, name: str, flags: int) -> int:
    try:
        fd = os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENOTDIR} and stat.S_ISLNK(
            os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode
        ):
            raise OutsideRootError(errno.EXDEV, "a symbolic link", name) from error
        raise
    if flags & os.O_PATH and stat.S_ISLNK(os.fstat(fd).st_mode):
        os.close(fd)
        raise OutsideRootError(errno.EXDEV, "a symbolic link", name)
    return fd
