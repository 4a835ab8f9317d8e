"""Many calls at once, but never more than storage should see."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence

__all__ = ["in_batches", "in_parallel"]

A = TypeVar("A")
T = TypeVar("T")


async def in_batches(items: AsyncIterator[A], *, size: int) -> AsyncGenerator[list[A], None]:
    """Yield items as they come, `size` of them at a time; the last ones may be fewer."""
    batch: list[A] = []
    async for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


async def in_parallel(call: Callable[[A], Awaitable[T]], items: Sequence[A], *, at_once: int) -> list[T]:
    """Call once for each item, `at_once` of them at the same time. Returns the results in the items' order.

    The first error ends it: no further item is begun, and what runs is cancelled and waited for.
    """
    results: dict[int, T] = {}
    numbered = iter(enumerate(items))

    async def work() -> None:
        for index, item in numbered:
            results[index] = await call(item)

    tasks = [asyncio.create_task(work()) for _ in range(min(at_once, len(items)))]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
    return [results[index] for index in range(len(items))]
