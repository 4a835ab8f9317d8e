"""Waiting for what must not be left half done."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from anyio import CancelScope

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

__all__ = ["settled", "stop", "together", "whole"]

T = TypeVar("T")


async def settled(future: asyncio.Future[T]) -> None:
    """Wait until a future is done, however often the waiting task is cancelled; then pass the cancellation on.

    A thread can't be interrupted, and a request that was sent can't be taken back: who goes on while it still works
    would close its file or undo a later write.
    """
    try:
        while not future.done():
            await asyncio.wait({future})
    except asyncio.CancelledError:
        with CancelScope(shield=True):  # a scope that is cancelled would cancel us again in each turn of the loop
            while not future.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait({future})
        raise


async def whole(steps: Coroutine[Any, Any, T]) -> T:
    """Run steps to their end, however often the caller is cancelled; then pass the cancellation on."""
    task = asyncio.ensure_future(steps)
    try:
        await settled(task)
    finally:
        error = task.exception()
    if error is not None:
        raise error
    return task.result()


async def stop(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait until they have ended; what they raise is dropped."""
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await settled(asyncio.gather(*tasks, return_exceptions=True))


async def together(*steps: Coroutine[Any, Any, T]) -> list[T]:
    """Run steps at the same time; where one fails, or the caller is cancelled, the others are cancelled and awaited.

    Returns:
        Their results, in the order of the steps.

    Raises:
        BaseException: Of the step that failed first.
    """
    tasks = [asyncio.ensure_future(step) for step in steps]
    failure: BaseException | None = None
    try:
        if tasks:  # not `gather`, which would cancel the steps again while they clear up
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            failure = next((error for task in tasks if task in done and (error := _failure(task))), None)
    finally:
        await stop(tasks)
    if failure is not None:
        raise failure
    return [task.result() for task in tasks]


def _failure(task: asyncio.Task[Any]) -> BaseException | None:
    return None if task.cancelled() else task.exception()
