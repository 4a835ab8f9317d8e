"""Pages of names, with the sizes that dynamic large objects really have: listings say that they are empty."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from holdfast.storage.drivers._objectstore.bucket import ObjectInfo, Page
from holdfast.storage.drivers._tasks import together
from holdfast.storage.errors import PathNotFoundError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from holdfast.storage.drivers.swift._client import SwiftClient

__all__ = ["list_page"]

_AT_ONCE: Final = 16
_LAST: Final = "\U0010ffff"
"""The last of all characters."""


async def list_page(
    client: SwiftClient,
    prefix: str,
    *,
    delimiter: bool,
    marker: str | None,
    limit: int | None,
    describe: Callable[[str], Awaitable[ObjectInfo]] | None,
) -> Page:
    """List a piece of what has a prefix; see `Bucket.list_page`.

    Args:
        client: Sends the requests.
        prefix: Of the names.
        delimiter: Give what goes on after a slash as common prefixes.
        marker: Only greater names.
        limit: At most so many.
        describe: Describes an object that is listed as empty; `None` where sizes don't matter.
    """
    features = await client.features()
    wanted = features.listing if limit is None else min(limit, features.listing)
    params = {"limit": str(wanted)}
    if delimiter:
        params["delimiter"] = "/"
    if marker is not None:
        params["marker"] = marker
    entries = await client.page(prefix, **params)
    is_last = not entries or (features.is_open and len(entries) < wanted)
    # Past all that a common prefix stands for: with the prefix alone, what `marker` began in would come once more.
    cursor = None if is_last else entries[-1].name or f"{entries[-1].subdir}{_LAST}"
    objects = [entry.info for entry in entries if entry.subdir is None]
    prefixes = [entry.subdir for entry in entries if entry.subdir is not None]
    if describe is not None:
        objects = await _described(objects, describe)
    return Page(objects, prefixes, cursor)


async def _described(objects: list[ObjectInfo], describe: Callable[[str], Awaitable[ObjectInfo]]) -> list[ObjectInfo]:
    """Ask for each that is listed as empty; one that is listed and was deleted is left out."""
    limit = asyncio.Semaphore(_AT_ONCE)

    async def ask(found: ObjectInfo) -> ObjectInfo | None:
        if found.size:
            return found
        async with limit:
            try:
                return await describe(found.key)
            except PathNotFoundError:
                return None

    if all(found.size for found in objects):
        return objects
    asked = await together(*(ask(found) for found in objects))
    return [found for found in asked if found is not None]
