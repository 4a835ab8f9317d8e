"""The catalog read from the paths of all files: for many small repositories on a remote store.

To open a directory is a request, and so is a walk's next thousand files. Of repositories with a few files each, a walk
finds hundreds with one request; of those with thousands of files, it finds less than one. Nobody knows beforehand, so
this begins to walk, leaps over what one repository has too much of, and gives up where too few come.
"""

from __future__ import annotations

import heapq
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from holdfast.registry.store import paths
from holdfast.storage.errors import PathNotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator

    from holdfast.storage.driver import StorageDriver

__all__ = ["LEAST_NAMES", "RepositoryWalk"]

LEAST_NAMES: Final = 500
"""Fewer names aren't worth walking for: opening their directories costs about as many requests, many at a time."""

_ENOUGH_FILES: Final = 2000
"""Files read before it is judged whether walking pays."""

_FILES_PER_NAME: Final = 50
"""More than so many on average don't pay: a directory is opened 20 times while a thousand files come."""

_RUN: Final = 1000
"""Files of one of a repository's own directories, one after the other, before the rest of it is leapt over."""

_AFTER_ALL: Final = "\x7f"
"""Greater than every character of a path."""


class RepositoryWalk:
    """The repositories after a text, in byte order of their names, as far as walking pays.

    Args:
        driver: The storage.
        last: Only those after this text; `None` for all.
        having: What makes a directory a repository.
        is_name: Tells a repository's name from other directories'.

    Attributes:
        is_complete: Whether all were told; if not, whoever goes on begins after the last one that was.
    """

    def __init__(self, driver: StorageDriver, *, last: str | None, having: str, is_name: Callable[[str], bool]) -> None:
        self.is_complete = False
        self._driver = driver
        self._last = last
        self._having = having
        self._is_name = is_name
        self._held: list[str] = []  # found, while a name that sorts before may still come
        self._newest = ""
        self._position = ""
        self._run: tuple[str, str] = ("", "")
        self._run_files = 0
        self._files = 0
        self._found = 0

    async def names(self) -> AsyncGenerator[str, None]:
        """Yield names until all are told, or it doesn't pay."""
        start = f"{paths.REPOSITORIES}/{self._last}" if self._last else None
        while True:
            leap: str | None = None
            try:
                async with aclosing(self._walk(start)) as files:
                    async for path in files:
                        for name in self._see(path):
                            yield name
                        if self._is_futile():
                            return
                        leap = self._leap()
                        if leap is not None:
                            break
            except PathNotFoundError:
                pass  # an empty store
            if leap is None:
                break
            start = f"{paths.REPOSITORIES}/{leap}"
        self.is_complete = True
        while self._held:
            yield heapq.heappop(self._held)

    async def _walk(self, start: str | None) -> AsyncGenerator[str, None]:
        begin = len(paths.REPOSITORIES) + 1
        async for info in self._driver.walk(paths.REPOSITORIES, start_after=start):
            yield info.path[begin:]

    def _see(self, path: str) -> Iterator[str]:
        """Take note of a file; yields the names that nothing can come before any more."""
        self._files += 1
        self._position = path
        name, _, rest = path.partition("/_")
        own = f"_{rest.partition('/')[0]}"
        self._run_files = self._run_files + 1 if self._run == (name, own) else 1
        self._run = (name, own)
        if own == self._having and name != self._newest and self._is_name(name):
            self._newest = name
            self._found += 1
            if self._last is None or name > self._last:
                heapq.heappush(self._held, name)
        while self._held and self._position > _blocker(self._held[0]):
            yield heapq.heappop(self._held)

    def _is_futile(self) -> bool:
        enough = self._files >= _ENOUGH_FILES
        return enough and self._files > (self._found + 1) * _FILES_PER_NAME

    def _leap(self) -> str | None:
        """Where to go on, if the rest of a directory tells nothing new."""
        if self._run_files < _RUN:
            return None
        self._run_files = 0
        name, own = self._run
        if own < self._having:
            return f"{name}/{own}/{_AFTER_ALL}"
        return f"{name}/_{_AFTER_ALL}"


def _blocker(name: str) -> str:
    """The last path at which a repository can be found whose name sorts before.

    Its own directories begin with `_`: so those of `a` come after `a-b/...`, since `-` < `/`, and after `a/0/...`.
    """
    ends = (end for end, letter in enumerate(name) if letter in "-./")
    return max((f"{name[:end]}/_{_AFTER_ALL}" for end in ends), default="")
