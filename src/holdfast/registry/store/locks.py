"""One request at a time per upload."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from holdfast.registry.errors import UploadBusyError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["UploadLocks"]

_BUSY_SECONDS = 10.0
"""How long a request waits for an earlier one to the same upload whose client went away."""


class UploadLocks:
    """Locks by an upload's identity, which exist while somebody holds or wants them."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def hold(self, uuid: str) -> AsyncIterator[None]:
        """Hold an upload's lock.

        Raises:
            UploadBusyError: An earlier request goes on holding it.
        """
        lock = self._locks.setdefault(uuid, asyncio.Lock())
        try:
            async with asyncio.timeout(_BUSY_SECONDS):
                await lock.acquire()
        except TimeoutError:
            raise UploadBusyError(uuid) from None
        try:
            yield
        finally:
            lock.release()
