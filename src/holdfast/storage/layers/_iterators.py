"""What the layers share about the contract's iterators."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["close_iterator"]


async def close_iterator(iterator: AsyncIterator[object]) -> None:
    """Let an iterator that is a generator free what it holds now, not when it is collected."""
    if isinstance(iterator, AsyncGenerator):
        await iterator.aclose()
