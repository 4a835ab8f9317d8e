"""Threads for a driver whose backend blocks: a disk, or an SDK that isn't asynchronous.

    self._threads = Threads(options.maxthreads, name="mystore")
    content = await self._threads.run(client.download, key)

A thread can't be interrupted. So no call here returns to its caller, nor is cancelled, while its thread still works:
who goes on would close its connection, or undo a later write.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from threading import Thread
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from holdfast.storage.drivers._tasks import settled
from holdfast.storage.errors import UnexpectedStorageError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from concurrent.futures import Future

__all__ = ["Threads"]

_BATCH: Final = 256
"""Items that one thread call takes from a generator: long enough to hide the hop, short enough to share."""

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """A pool of threads that is waited for.

    With a `maximum` of 1 it is also an order: calls are made one after the other, in the order in which they were
    asked for.

    Args:
        maximum: How many calls may run at once; the others wait.
        name: What the threads' names go on with after `holdfast-`.
    """

    def __init__(self, maximum: int, *, name: str) -> None:
        self._name = f"holdfast-{name}"
        self._pool = ThreadPoolExecutor(maximum, thread_name_prefix=self._name)
        self._closed = False

    def submit(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Start a call in a thread; the caller sees to it that it is waited for.

        Raises:
            UnexpectedStorageError: The driver is closed.
        """
        if self._closed:
            raise UnexpectedStorageError("the driver is closed")
        return self._pool.submit(call, *args, **kwargs)

    async def run(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call in a thread. A cancellation takes effect before the call has begun or after it has ended.

        Raises:
            UnexpectedStorageError: The driver is closed.
        """
        return await self._finish(self.submit(call, *args, **kwargs), None)

    async def acquire(self, call: Callable[[], T], *, release: Callable[[T], object]) -> T:
        """As `run`, for a call whose result must be let go of, should a cancellation keep it from the caller.

        Args:
            call: Opens something.
            release: Closes it again; called on the event loop, so it mustn't block.

        Raises:
            UnexpectedStorageError: The driver is closed.
        """
        return await self._finish(self.submit(call), release)

    async def stream(self, items: Generator[T, None, None]) -> AsyncGenerator[T, None]:
        """Yield what a blocking generator yields, a batch per thread call; it is closed in the end."""
        try:
            while batch := await self.run(_take, items):
                for item in batch:
                    yield item
        finally:
            items.close()

    async def aclose(self) -> None:
        """Wait for what runs and end the threads; idempotent."""
        self._closed = True
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        # Joining blocks, and the pool can't join itself.
        joiner = Thread(target=_join, args=(self._pool, loop, ended), name=f"{self._name}-end")
        joiner.start()
        await settled(ended)
        joiner.join()

    async def _finish(self, job: Future[T], release: Callable[[T], object] | None) -> T:
        future = asyncio.wrap_future(job)
        try:
            await asyncio.wait({future})
        except asyncio.CancelledError:
            if not job.cancel():
                try:
                    await settled(future)
                finally:
                    if future.exception() is None and release is not None:
                        release(future.result())
            raise
        return future.result()


def _take(items: Generator[T, None, None]) -> list[T]:
    return list(islice(items, _BATCH))


def _join(pool: ThreadPoolExecutor, loop: asyncio.AbstractEventLoop, ended: asyncio.Future[None]) -> None:
    pool.shutdown(wait=True)
    loop.call_soon_threadsafe(ended.set_result, None)
