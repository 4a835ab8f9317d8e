"""A directory's children, a page at a time: so that a listing takes bounded memory, however long it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.storage.errors import PathNotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from holdfast.storage.driver import StorageDriver

__all__ = ["list_pages"]


async def list_pages(driver: StorageDriver, directory: str, *, size: int) -> AsyncIterator[list[str]]:
    """Yield the paths of a directory's children in byte order, up to `size` of them at a time: one listing each.

    Nothing for a directory that isn't there, or is gone when the next page is asked for. Children that come and go
    meanwhile may or may not be told.
    """
    after = None
    while True:
        try:
            found = await driver.list(directory, start_after=after, limit=size)
        except PathNotFoundError:
            return
        yield found
        if len(found) < size:
            return
        after = found[-1]
