"""A driver whose every call takes its time, as over a network."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from holdfast.testing.drivers.interception import InterceptingDriver, Step

if TYPE_CHECKING:
    from holdfast.storage.driver import StorageDriver

__all__ = ["SlowDriver"]


class SlowDriver(InterceptingDriver):
    """Delays every call and every chunk, before and after the inner driver does its part.

    Both halves matter: a delay before lets other tasks come first, one after lets a caller be cancelled when
    the effect is already there.
    """

    def __init__(self, inner: StorageDriver, delay: float = 0.002, *, jitter: float = 0.5, seed: int = 0) -> None:
        """Wrap a driver.

        Args:
            inner: The driver that does the work.
            delay: Seconds per call, on average.
            jitter: By which part of itself a delay may be shorter or longer, 0 to 1.
            seed: Of the jitter; the same seed gives the same sequence of delays.
        """
        super().__init__(inner)
        self._half = delay / 2
        self._jitter = jitter
        self._random = random.Random(seed)  # noqa: S311 - delays aren't secrets

    async def before(self, step: Step) -> None:
        """Wait half the delay."""
        del step
        await self._wait()

    async def after(self, step: Step) -> None:
        """Wait the other half."""
        del step
        await self._wait()

    async def _wait(self) -> None:
        await asyncio.sleep(self._half * (1 + self._random.uniform(-self._jitter, self._jitter)))
