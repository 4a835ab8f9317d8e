"""Walking: all objects below a prefix in the order of their keys, a large rest in several ranges at once.

A listing can only be read page after page, each a round trip. But ranges of keys can be read side by side, once it is
known where to cut; the names of the directories, asked for in one request or a few, are good cuts. So a small tree
costs one request, and a large one a few more than its pages, several of which are on their way at the same time.

Ranges of less than a page would cost more requests than they save time: where directories are that small, as those
that were read let expect, pages are read one after the other, the next ones while what came before is used.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from holdfast.storage.drivers._objectstore.listing import pages
from holdfast.storage.drivers._tasks import stop

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from holdfast.storage.drivers._objectstore.bucket import Bucket, ObjectInfo

__all__ = ["walk_objects"]

_RANGES: Final = 8
"""Ranges read at once. Each has at most two pages waiting, of a thousand objects on most stores."""

_PAGES_BEFORE: Final = 2
"""Pages read one after the other before a tree counts as large."""

_PAGES_BETWEEN: Final = 30
"""Pages read one after the other where no cuts were found, until they are looked for again."""

_DEPTH: Final = 8
"""How many directories to look into for a place with more than one below it."""


class _Range(NamedTuple):
    """Keys greater than one, up to another one, which is among them; `None` for all that come after."""

    after: str
    to: str | None


async def walk_objects(bucket: Bucket, prefix: str, *, start_after: str | None) -> AsyncGenerator[ObjectInfo]:
    """Yield the objects whose key has a prefix, in byte order, those greater than a key only."""
    async with aclosing(_walk(bucket, prefix, start_after)) as walked:
        async for objects in walked:
            for found in objects:
                yield found


async def _walk(bucket: Bucket, prefix: str, last: str | None) -> AsyncGenerator[list[ObjectInfo]]:
    while True:
        seen: list[str] = []
        number = 0
        async with aclosing(pages(bucket, prefix, start_after=last)) as beginning:
            async for page in beginning:
                yield page.objects
                if page.cursor is None:
                    return
                seen += [found.key for found in page.objects]
                number += bool(page.objects)
                if number == _PAGES_BEFORE:
                    break
        ranges = await _ranges(bucket, prefix, seen)
        last, number = seen[-1], 0
        async with aclosing(_in_order(bucket, prefix, ranges)) as following:
            async for objects in following:
                yield objects
                last = objects[-1].key if objects else last
                number += 1
        if ranges[-1].to is None and number < _PAGES_BETWEEN:
            return


async def _ranges(bucket: Bucket, prefix: str, seen: Sequence[str]) -> list[_Range]:
    """Divide what comes after the keys of some pages."""
    directories = await _directories(bucket, prefix, seen[-1])
    # As many directories as these pages had to do with are expected to fill as many pages again: enough for a range.
    level = directories[0][: directories[0].rfind("/", 0, -1) + 1] if directories else prefix
    passed = {key[len(level) :].partition("/")[0] for key in seen if key.startswith(level)}
    count = min(_RANGES, len(directories) // (len(passed) or 1))
    if count < 2:
        return [_Range(seen[-1], None)]
    cuts = [directories[(len(directories) - 1) * number // (count - 1)] for number in range(count)]
    return [_Range(*bounds) for bounds in pairwise([seen[-1], *cuts])]


async def _directories(bucket: Bucket, prefix: str, after: str) -> list[str]:
    """Directories that come after a key, in order.

    First those beside the directories that the key is in, from the outermost one inwards until there are enough; where
    only one is to come, those in it.
    """
    found: list[str] = []
    level: str | None = prefix
    for _ in range(_DEPTH):
        if level is None:
            break
        page = await bucket.list_page(level, delimiter=True, start_after=after)
        found = sorted({*found, *(beside for beside in page.prefixes if beside > after)})
        if len(found) >= _RANGES:
            break
        level = _directory_of(after, level) or (found[0] if len(found) == 1 and found[0] != level else None)
    return found


def _directory_of(key: str, prefix: str) -> str | None:
    end = key.find("/", len(prefix)) if key.startswith(prefix) else -1
    return None if end < 0 else key[: end + 1]


async def _in_order(bucket: Bucket, prefix: str, ranges: Sequence[_Range]) -> AsyncGenerator[list[ObjectInfo]]:
    """Read ranges side by side, and yield their pages one after the other."""
    queues: list[asyncio.Queue[list[ObjectInfo] | Exception | None]] = [asyncio.Queue(1) for _ in ranges]
    tasks = [
        asyncio.create_task(_read(bucket, prefix, bounds, queue)) for bounds, queue in zip(ranges, queues, strict=True)
    ]
    try:
        for queue in queues:
            while (page := await queue.get()) is not None:
                if isinstance(page, Exception):
                    raise page
                yield page
    finally:
        await stop(tasks)


async def _read(
    bucket: Bucket, prefix: str, bounds: _Range, queue: asyncio.Queue[list[ObjectInfo] | Exception | None]
) -> None:
    """Put a range's pages into a queue, then `None`; or what kept it from being read."""
    try:
        number = 0
        async with aclosing(pages(bucket, prefix, start_after=bounds.after)) as listing:
            async for page in listing:
                objects = [found for found in page.objects if bounds.to is None or found.key <= bounds.to]
                await queue.put(objects)
                number += 1
                if len(objects) < len(page.objects) or (bounds.to is None and number == _PAGES_BETWEEN):
                    break
        await queue.put(None)
    except Exception as error:  # noqa: BLE001 - it is raised where the range is read
        await queue.put(error)
