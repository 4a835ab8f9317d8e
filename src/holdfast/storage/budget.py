"""A limit on the memory that many holders take together."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["MemoryBudget"]


class MemoryBudget:
    """Bytes that may be held at once, handed out in order of asking.

    Who asks for more than is left waits, and so doesn't read from its client: the client waits too.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self._left = total
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def reserve(self, amount: int) -> AsyncIterator[None]:
        """Hold so many bytes for a block; more than the total counts as all of it."""
        held = await self.take(amount)
        try:
            yield
        finally:
            self.give_back(held)

    async def take(self, amount: int) -> int:
        """Hold so many bytes until they are given back; more than the total counts as all of it.

        Returns:
            What is held, to be given back.
        """
        amount = min(amount, self.total)
        if not self._waiting and amount <= self._left:
            self._left -= amount
            return amount
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((amount, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._left += amount  # it was our turn at the very moment we were cancelled
            self._hand_out()
            raise
        return amount

    def give_back(self, held: int) -> None:
        """Give back what `take` returned."""
        self._left += held
        self._hand_out()

    def _hand_out(self) -> None:
        while self._waiting:
            amount, turn = self._waiting[0]
            if not turn.cancelled():
                if amount > self._left:
                    return
                self._left -= amount
                turn.set_result(None)
            self._waiting.popleft()
