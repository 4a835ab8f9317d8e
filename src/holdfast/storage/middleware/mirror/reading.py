"""Reading from the first store that has it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

import msgspec
import structlog

from holdfast.storage.errors import (
    InvalidOffsetError,
    InvalidPathError,
    PathNotFoundError,
    StorageError,
    UnsupportedOperationError,
)
from holdfast.storage.layers._iterators import close_iterator
from holdfast.storage.middleware.mirror.metrics import FAILURES
from holdfast.storage.middleware.mirror.repair import Side

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from holdfast.storage.driver import FileInfo, StorageDriver

__all__ = ["Stores"]

T = TypeVar("T")

_log = structlog.get_logger(__name__)

_OURS = (InvalidPathError, InvalidOffsetError, UnsupportedOperationError)
"""Errors of the call, which any store would answer."""


class Stores:
    """Two stores of which each should have everything.

    Args:
        primary: The one that is asked first.
        second: The other.
        on_missing: Told of a file that the first one lacks and the second one has.
        each_is_whole: Whether each of them alone has everything that was ever acknowledged, so that its listings can
            stand for both.
    """

    def __init__(
        self,
        primary: StorageDriver,
        second: StorageDriver,
        *,
        on_missing: Callable[[str], None],
        each_is_whole: bool,
    ) -> None:
        self.primary = primary
        self.second = second
        self._sides = ((Side.PRIMARY, primary), (Side.SECOND, second))
        self._on_missing = on_missing
        self._each_is_whole = each_is_whole

    async def first_that_has(self, path: str, ask: Callable[[StorageDriver], Awaitable[T]]) -> T:
        """Ask the first store, and where it lacks the file or fails, the second one.

        Raises:
            PathNotFoundError: Both say that nothing is there.
            StorageError: That of the store that may have it: an error never becomes "not there".
        """
        try:
            return await ask(self.primary)
        except _OURS:
            raise
        except StorageError as error:
            first = error
        try:
            answer = await ask(self.second)
        except PathNotFoundError:
            raise first from None
        except StorageError as error:
            if isinstance(first, PathNotFoundError):
                raise
            first.add_note(f"the second store failed as well: {error}")
            raise first from None
        self._note(path, first)
        return answer

    async def stat(self, path: str) -> FileInfo:
        """Describe what the first has that has it; a version is the first store's alone."""

        async def ask(store: StorageDriver) -> FileInfo:
            info = await store.stat(path)
            return info if store is self.primary else _without_version(info)

        return await self.first_that_has(path, ask)

    async def both(self, ask: Callable[[StorageDriver], Awaitable[list[str]]]) -> list[str]:
        """Ask both for paths, and join the answers in byte order.

        Raises:
            PathNotFoundError: Both say that nothing is there.
            StorageError: One failed, and the other's answer might not be all.
        """
        asked = _Asked()
        found: set[str] = set()
        for side, store in self._sides:
            async with asked.of(side, may_fail=self._may_do_without(store)):
                found.update(await ask(store))
        asked.require_answer()
        return sorted(found)

    async def walk(self, path: str, start_after: str | None) -> AsyncIterator[tuple[FileInfo | None, FileInfo | None]]:
        """Walk both in step, and yield what each has of each file."""
        walks = [store.walk(path, start_after=start_after) for store in (self.primary, self.second)]
        try:
            one, two = await self._begin(walks)
            while one is not None or two is not None:
                if two is None or (one is not None and one.path < two.path):
                    yield one, None
                    one = await anext(walks[0], None)
                elif one is None or two.path < one.path:
                    yield None, _without_version(two)
                    two = await anext(walks[1], None)
                else:
                    yield one, two
                    one, two = await anext(walks[0], None), await anext(walks[1], None)
        finally:
            for walk in walks:
                await close_iterator(walk)

    async def _begin(self, walks: list[AsyncIterator[FileInfo]]) -> tuple[FileInfo | None, FileInfo | None]:
        """Take the first step of both: only then can one that fails be left out."""
        asked = _Asked()
        firsts: list[FileInfo | None] = [None, None]
        for number, (side, store) in enumerate(self._sides):
            async with asked.of(side, may_fail=self._may_do_without(store)):
                firsts[number] = await anext(walks[number], None)
        asked.require_answer()
        return firsts[0], firsts[1]

    def _may_do_without(self, store: StorageDriver) -> bool:
        return self._each_is_whole or store is self.second

    def _note(self, path: str, first: StorageError) -> None:
        if isinstance(first, PathNotFoundError):
            self._on_missing(path)
        else:
            FAILURES.labels(Side.PRIMARY.value).inc()
            _log.warning("the first of two mirrored stores fails, the second one answers", path=path, error=str(first))


class _Asked:
    """What two stores answered to one question."""

    def __init__(self) -> None:
        self._answers = 0
        self._missing: PathNotFoundError | None = None
        self._failure: StorageError | None = None

    @asynccontextmanager
    async def of(self, side: Side, *, may_fail: bool) -> AsyncIterator[None]:
        """Ask one of them; that it has nothing, or fails where it may, is noted."""
        try:
            yield
        except _OURS:
            raise
        except PathNotFoundError as error:
            self._missing = self._missing or error
        except StorageError as error:
            if not may_fail:
                raise
            self._failure = self._failure or error
            FAILURES.labels(side.value).inc()
            _log.warning("one of two mirrored stores fails, the other one answers alone", error=str(error))
        else:
            self._answers += 1

    def require_answer(self) -> None:
        """Raise what was noted, if no store answered: one that failed may have what the other one lacks."""
        error = self._failure or self._missing
        if not self._answers and error is not None:
            raise error


def _without_version(info: FileInfo) -> FileInfo:
    return msgspec.structs.replace(info, version=None)
