"""Leaving an async iterator early without leaving it open."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["closing_iterator", "collect"]

ItemT = TypeVar("ItemT")


@asynccontextmanager
async def closing_iterator(iterator: AsyncIterator[ItemT]) -> AsyncIterator[AsyncIterator[ItemT]]:
    """Close an iterator on leaving, where it can be closed: an async generator can, a plain iterator needn't."""
    try:
        yield iterator
    finally:
        aclose = getattr(iterator, "aclose", None)
        if aclose is not None:
            await aclose()


async def collect(iterator: AsyncIterator[ItemT]) -> list[ItemT]:
    """Everything that an iterator yields, in its order."""
    async with closing_iterator(iterator) as items:
        return [item async for item in items]
