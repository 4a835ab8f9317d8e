"""Walking: all objects below a prefix in the order of their keys, a large rest in several ranges at once.

A listing can only be read page after page, each a round trip. But ranges of keys can be read side by side, once it is
known where to cut; the names of the directories, asked for in one request, are good cuts. So a small tree costs one
request, and a large one a few more than its pages, several of which are on their way at the same time.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from holdfast.storage.drivers._objectstore.bucket import Bucket, ObjectInfo

__all__ = ["walk_objects"]

_RANGES: Final = 8
"""Ranges read at once. Each has one page, of a thousand objects, waiting."""

_PAGES_BEFORE: Final = 2
"""Pages read one after the other before a tree counts as large."""

_DEPTH: Final = 8
"""How many directories to look into for a place with more than one below it."""


async def walk_objects(bucket: Bucket, prefix: str, *, start_after: str | None) -> AsyncGenerator[ObjectInfo]:
    """Yield the objects whose key has a prefix, in byte order, those greater than a key only."""
    last, cursor, pages = start_after, None, 0
    while True:
        page = await bucket.list_page(prefix, start_after=start_after, cursor=cursor)
        for found in page.objects:
            yield found
            last = found.key
        cursor, pages = page.cursor, pages + 1
        if cursor is None:
            return
        if last is None or pages < _PAGES_BEFORE:
            continue
        cuts = await _cuts(bucket, prefix, last)
        ranges: list[tuple[str, str | None]] = [*pairwise([last, *cuts])] or [(last, None)]
        async with aclosing(_in_order(bucket, prefix, ranges)) as objects:
            async for found in objects:
                yield found
        if not cuts:
            return
        start_after = last = cuts[-1]
        cursor, pages = None, 0


async def _cuts(bucket: Bucket, prefix: str, after: str) -> list[str]:
    """Keys greater than one, at most so many as there can be ranges, that divide what comes after it."""
    for _ in range(_DEPTH):
        page = await bucket.list_page(prefix, delimiter=True, start_after=after)
        greater = [found for found in page.prefixes if found > after]
        if len(greater) > 1:
            count = min(_RANGES, len(greater))
            return [greater[len(greater) * number // count] for number in range(1, count)] + [greater[-1]]
        # All that is left lies in one directory: the one that begins next, or the one that we are in.
        inner = greater[0] if greater else _directory_of(after, prefix)
        if inner is None:
            return []
        prefix = inner
    return []


def _directory_of(key: str, prefix: str) -> str | None:
    end = key.find("/", len(prefix))
    return None if end < 0 else key[: end + 1]


async def _in_order(
    bucket: Bucket, prefix: str, ranges: Sequence[tuple[str, str | None]]
) -> AsyncGenerator[ObjectInfo]:
    """Read ranges side by side, and yield them one after the other."""
    queues: list[asyncio.Queue[list[ObjectInfo] | BaseException | None]] = [asyncio.Queue(1) for _ in ranges]
    tasks = [
        asyncio.create_task(_read(bucket, prefix, start, end, queue))
        for (start, end), queue in zip(ranges, queues, strict=True)
    ]
    try:
        for queue in queues:
            while (page := await queue.get()) is not None:
                if isinstance(page, BaseException):
                    raise page
                for found in page:
                    yield found
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _read(
    bucket: Bucket,
    prefix: str,
    start: str,
    end: str | None,
    queue: asyncio.Queue[list[ObjectInfo] | BaseException | None],
) -> None:
    """Put a range's pages into a queue, then `None`; or what kept it from being read."""
    cursor: str | None = None
    try:
        while True:
            page = await bucket.list_page(prefix, start_after=start, cursor=cursor)
            objects = page.objects if end is None else [found for found in page.objects if found.key <= end]
            await queue.put(objects)
            cursor = page.cursor
            if cursor is None or len(objects) < len(page.objects):
                break
        await queue.put(None)
    except Exception as error:  # noqa: BLE001 - it is raised where the range is read
        await queue.put(error)
