"""Listing: all names below a prefix in the order of keys, read directory by directory, or by the backend's own order.

A directory sorts by what its files' keys go on with, a slash: `a-b` < `a.b` < `a/b`. Each level has the names of one
directory in memory. A page that isn't the last leaves a listing behind that the next one goes on with, so that what was
read isn't read again; where it is gone, its directories are.
"""

from __future__ import annotations

from collections import OrderedDict
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from holdfast.storage.drivers._bridge.names import CUT, paths_of
from holdfast.storage.drivers._objectstore.bucket import ObjectInfo, Page
from holdfast.storage.drivers._tasks import together
from holdfast.storage.errors import PathNotFoundError, UnexpectedStorageError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence

    from holdfast.storage.drivers._bridge.backend import Backend, Entry

__all__ = ["Listings", "describe"]

_PAGE: Final = 1000
_STATS_AT_ONCE: Final = 16
_KEPT: Final = 32
"""Listings that may be gone on with; who reads several ranges of a large tree has eight."""

_AFTER_SLASH: Final = "0"
"""The character after the slash: what begins a key that is greater than all in a directory."""


def describe(key: str, entry: Entry) -> ObjectInfo:
    """A file as an object."""
    return ObjectInfo(key, entry.size or 0, entry.modified, entry.version)


class Listings:
    """The listings of one backend."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._kept: OrderedDict[tuple[str, bool, str], _Listing | _Ordered] = OrderedDict()

    async def page(
        self, prefix: str, *, delimiter: bool, start_after: str | None, cursor: str | None, limit: int | None
    ) -> Page:
        """See `Bucket.list_page`. With a delimiter sizes aren't looked up where a listing doesn't tell them."""
        listing = None if cursor is None else self._kept.pop((prefix, delimiter, cursor), None)
        if listing is None:
            listing = self._begun(prefix, delimiter=delimiter, after=max(start_after or "", cursor or ""))
        page = await listing.page(limit or _PAGE)
        if page.cursor is not None:
            self._kept[prefix, delimiter, page.cursor] = listing
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return page

    async def files(self, prefix: str) -> AsyncGenerator[ObjectInfo]:
        """Yield all files below a prefix."""
        listing = self._begun(prefix, delimiter=False, after="")
        while True:
            page = await listing.page(_PAGE)
            for info in page.objects:
                yield info
            if page.cursor is None:
                return

    async def any_below(self, directory: str) -> bool:
        """Whether a file is below a directory, whose key ends in a slash."""
        return bool((await self._begun(directory, delimiter=False, after="").page(1)).objects)

    def _begun(self, prefix: str, *, delimiter: bool, after: str) -> _Listing | _Ordered:
        if self._backend.traits.ordered and not delimiter:
            return _Ordered(self._backend, prefix, after)
        return _Listing(self._backend, prefix, delimiter=delimiter, start_after=after)


class _Ordered:
    """A listing in the backend's own order, which is looked at: an answer out of order would lose names unseen."""

    def __init__(self, backend: Backend, prefix: str, after: str) -> None:
        self._backend = backend
        self._prefix = prefix
        self._last = after
        self._names: AsyncIterator[tuple[str, Entry]] | None = None

    async def page(self, limit: int) -> Page:
        """The next names, at most so many."""
        if self._names is None:
            directory = self._prefix[: self._prefix.rfind("/") + 1]
            after = max(self._last, _just_before(self._prefix)) if self._prefix > directory else self._last
            self._names = await self._backend.below(directory.rstrip("/"), after=after)
        objects: list[ObjectInfo] = []
        async for key, entry in self._names:
            if key <= self._last:
                raise UnexpectedStorageError(f"the backend lists {key!r} after {self._last!r}")
            if key.startswith(self._prefix):
                self._last = key
                objects.append(describe(key, entry))
                if len(objects) == limit:
                    return Page(objects, [], key)
            elif key > self._prefix:
                break
        return Page(objects, [], None)


class _Listing:
    """A listing that is read on and on."""

    def __init__(self, backend: Backend, prefix: str, *, delimiter: bool, start_after: str) -> None:
        self._backend = backend
        self._prefix = prefix
        self._delimiter = delimiter
        self._after = start_after
        self._path_of = paths_of(backend.traits)
        self._levels: list[Iterator[tuple[str, Entry]]] | None = None
        self._ahead: tuple[str, Entry] | None = None

    async def page(self, limit: int) -> Page:
        """The next names, at most so many; some may be fewer where files were deleted meanwhile."""
        if self._levels is None:
            self._levels = [iter(await self._names(self._prefix[: self._prefix.rfind("/") + 1]))]
            self._ahead = await self._next()
        found: list[tuple[str, Entry]] = []
        while self._ahead is not None and len(found) < limit:
            found.append(self._ahead)
            self._ahead = await self._next()
        files = [(key, entry) for key, entry in found if not entry.is_dir]
        objects = [describe(*file) for file in files] if self._delimiter else await self._described(files)
        prefixes = [key for key, entry in found if entry.is_dir]
        return Page(objects, prefixes, _cursor(found[-1][0]) if self._ahead is not None else None)

    async def _next(self) -> tuple[str, Entry] | None:
        levels = self._levels or []
        while levels:
            key, entry = next(levels[-1], ("", None))
            if entry is None:
                levels.pop()
            elif not key.startswith(self._prefix) or self._is_before(key, entry):
                continue
            elif not entry.is_dir:
                return key, entry
            elif not self._delimiter:
                levels.append(iter(await self._names(key)))
            elif await self._shows(key):
                return key, entry
        return None

    def _is_before(self, key: str, entry: Entry) -> bool:
        """Whether all of it is passed over; of the directory that the start is in, a part isn't."""
        return key <= self._after and not (entry.is_dir and self._after.startswith(key))

    async def _shows(self, directory: str) -> bool:
        """Whether there is anything in a directory; empty ones stay where they can't be removed, and don't count."""
        traits = self._backend.traits
        if not traits.tree or traits.removes_empty:
            return True
        return bool((await _Listing(self._backend, directory, delimiter=False, start_after="").page(1)).objects)

    async def _names(self, directory: str) -> list[tuple[str, Entry]]:
        """What is in a directory, by key and in order, long names put together again."""
        names: list[tuple[str, Entry]] = []
        for entry in await self._backend.scan(self._path_of(directory).rstrip("/")):
            key = directory + entry.name
            if entry.is_dir and entry.name.endswith(CUT):
                rests = await self._backend.scan(self._path_of(directory) + entry.name)
                names += [(key.removesuffix(CUT) + rest.name, rest) for rest in rests]
            else:
                names.append((f"{key}/" if entry.is_dir else key, entry))
        return sorted(names, key=itemgetter(0))

    async def _described(self, files: Sequence[tuple[str, Entry]]) -> list[ObjectInfo]:
        missing = iter([number for number, (_, entry) in enumerate(files) if entry.size is None])
        known = dict(enumerate(files))

        async def look_up() -> None:
            for number in missing:
                key, entry = files[number]
                try:
                    entry = await self._backend.stat(self._path_of(key))
                except PathNotFoundError:  # deleted meanwhile
                    del known[number]
                    continue
                if entry.is_dir:
                    del known[number]
                else:
                    known[number] = key, entry

        await together(*(look_up() for _ in range(_STATS_AT_ONCE)))
        return [describe(key, entry) for key, entry in known.values()]


def _just_before(prefix: str) -> str:
    """What is less than all that begin with a prefix, and greater than most of what comes before them."""
    return f"{prefix[:-1]}{chr(ord(prefix[-1]) - 1)}~"


def _cursor(key: str) -> str:
    return key[:-1] + _AFTER_SLASH if key.endswith("/") else key
