"""Directories, which an object store doesn't have: the children of one are told by the keys below it."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from holdfast.storage.drivers._objectstore.keys import MAX_KEY_BYTES
from holdfast.storage.drivers._tasks import together
from holdfast.storage.errors import PathNotFoundError
from holdfast.storage.path import is_path

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

    from holdfast.storage.drivers._objectstore.bucket import Bucket, Page
    from holdfast.storage.drivers._objectstore.keys import Keys

__all__ = ["any_below", "list_children", "pages", "start_key"]

_ROOM: Final = 2
"""More entries than asked for: of a directory named as `start_after`, and for telling that there are more."""

_MAX_LOOKUPS: Final = 16
"""How many names are looked up one by one before reading the rest of the listing is cheaper."""


def start_key(keys: Keys, path: str, start_after: str | None) -> str | None:
    """The key after which a listing of a directory can begin, so that nothing greater is missed."""
    below = path.rstrip("/") + "/"
    if start_after is None or not start_after.startswith(below):
        return None
    # A longer one, and what isn't text, stores refuse: the key is less than it then, and the caller filters.
    key = (keys.root + start_after[1:]).encode(errors="replace")[:MAX_KEY_BYTES]
    return key.decode(errors="ignore")


async def pages(
    bucket: Bucket,
    prefix: str,
    *,
    delimiter: bool = False,
    start_after: str | None = None,
    limit: int | None = None,
) -> AsyncGenerator[Page]:
    """Yield a listing's pages, one request each, as long as there are any. Some may be empty."""
    cursor: str | None = None
    while True:
        page = await bucket.list_page(prefix, delimiter=delimiter, start_after=start_after, cursor=cursor, limit=limit)
        yield page
        cursor = page.cursor
        if cursor is None:
            return


async def any_below(bucket: Bucket, keys: Keys, path: str) -> bool:
    """Whether a file is below a directory."""
    prefix = keys.below(path)
    last: str | None = None
    for limit in (_ROOM, None):  # the first objects tell in most cases; others' may be many
        async with aclosing(pages(bucket, prefix, start_after=last, limit=limit)) as listing:
            async for page in listing:
                if any(is_path(keys.path(found.key)) and not found.key.endswith("/") for found in page.objects):
                    return True
                if page.cursor is None:
                    return False
                if limit and page.objects:
                    last = page.objects[-1].key
                    break
    return False


async def list_children(
    bucket: Bucket, keys: Keys, path: str, *, start_after: str | None, limit: int | None
) -> list[str]:
    """List a directory's children, as `StorageDriver.list` has it.

    A directory below which nothing is but what isn't ours, such as the marker of a folder, is among them: that it
    isn't there for `stat` would take a request for each child to know.

    Raises:
        PathNotFoundError: Nothing is below the path.
    """
    found = await _Children(bucket, keys, path, start_after, limit).collect()
    if found or path == "/":
        return found
    is_all = start_after is None and limit != 0
    if is_all or not await _Children(bucket, keys, path, None, 1).collect():
        raise PathNotFoundError(path=path)
    return found


class _Children:
    """Children in the order of their names, read from a listing in the order of keys.

    The two differ: a directory's keys go on with a slash, before which `-` and `.` sort. So after a page that ends at
    the directory `a-b`, a directory `a` may still come.
    """

    def __init__(self, bucket: Bucket, keys: Keys, path: str, start_after: str | None, limit: int | None) -> None:
        self._bucket = bucket
        self._keys = keys
        self._path = path
        self._start_after = start_after
        self._limit = limit
        self._names: set[str] = set()
        self._reached = ""

    async def collect(self) -> list[str]:
        """The children's paths."""
        if self._limit == 0 or (self._start_after or "") >= self._path.rstrip("/") + "0":
            return []
        start = start_key(self._keys, self._path, self._start_after)
        below = self._keys.below(self._path)
        listing = pages(self._bucket, below, delimiter=True, start_after=start, limit=self._page_limit())
        async with aclosing(listing):
            async for page in listing:
                self._take(found.key for found in page.objects if not found.key.endswith("/"))
                self._take(page.prefixes)
                if page.cursor is not None and await self._is_enough():
                    break
        return sorted(self._names)[: self._limit]

    def _page_limit(self) -> int | None:
        return None if self._limit is None else self._limit + _ROOM

    def _take(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._reached = max(self._reached, key)
            child = self._keys.path(key)
            if (self._start_after is None or child > self._start_after) and is_path(child):
                self._names.add(child)

    async def _is_enough(self) -> bool:
        """Whether the first ones, as many as asked for, are known although the listing goes on."""
        if not self._limit or len(self._names) < self._limit:
            return False
        missing = self._may_be_missing(sorted(self._names)[self._limit - 1])
        if len(missing) > _MAX_LOOKUPS:
            return False
        there = await together(*(self._is_directory(child) for child in missing))
        self._names |= {child for child, is_there in zip(missing, there, strict=True) if is_there}
        return True

    def _may_be_missing(self, last: str) -> list[str]:
        """Directories that would come before the last of these, and in the listing after all that was read.

        Only a name that the last one goes on from, with what sorts before a slash, can be of such a directory.
        """
        base = len(self._path.rstrip("/")) + 1
        candidates = {last[:end] for end in range(base + 1, len(last)) if last[end] in "-."}
        return [
            child
            for child in candidates - self._names
            if self._keys.below(child) > self._reached
            and (self._start_after is None or child > self._start_after)
            and is_path(child)
        ]

    async def _is_directory(self, child: str) -> bool:
        async with aclosing(pages(self._bucket, self._keys.below(child), limit=1)) as listing:
            async for page in listing:
                if page.objects:
                    return True
        return False
