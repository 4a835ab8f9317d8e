"""Read-only mode: no request changes anything, reads go on.

The configuration switches it on for one process (`storage.maintenance.readonly`), and `ReadOnlySwitch` for all
replicas at run time: by a file in storage, at which every replica looks every few seconds. No request pays for that:
it asks `ReadOnlyWatch.is_on`.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
import structlog

from holdfast.registry.maintenance.background import repeat
from holdfast.registry.store import paths
from holdfast.storage import ops
from holdfast.storage.errors import PathNotFoundError, StorageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from holdfast.storage.driver import StorageDriver

__all__ = ["LOOK_SECONDS", "SEEN_SECONDS", "ReadOnlyMark", "ReadOnlySwitch", "ReadOnlyWatch"]

LOOK_SECONDS = 5.0
"""How long a replica waits from one look at the switch to the next."""

_LOOK_TIMEOUT = 5.0

SEEN_SECONDS = LOOK_SECONDS + 2 * _LOOK_TIMEOUT
"""How long it takes at most until every replica has seen the switch: one look that just missed it, the pause, the next
look."""

_log = structlog.get_logger(__name__)


class ReadOnlyMark(msgspec.Struct, frozen=True, kw_only=True):
    """What the switch says while it is on.

    Attributes:
        since: When it was turned on; `None` where the mark is damaged, which counts as on all the same.
        reason: Why, in the words of who turned it on.
    """

    since: datetime | None = None
    reason: str = ""


class ReadOnlySwitch:
    """The switch of all replicas on one storage, for who turns it.

    Args:
        driver: The storage.
        seen_within: Seconds after which every replica has seen it; another value is for tests.
    """

    def __init__(self, driver: StorageDriver, *, seen_within: float = SEEN_SECONDS) -> None:
        self._driver = driver
        self._seen_within = seen_within

    async def mark(self) -> ReadOnlyMark | None:
        """Return what the switch says; `None` while it is off.

        Raises:
            StorageError: Storage can't be read.
        """
        try:
            content = await self._driver.get_content(paths.READ_ONLY)
        except PathNotFoundError:
            return None
        try:
            return msgspec.json.decode(content, type=ReadOnlyMark)
        except msgspec.DecodeError:
            return ReadOnlyMark()

    async def turn_on(self, reason: str, *, wait: bool = True) -> None:
        """Turn it on, and return when every replica that runs has seen it and takes no new writes.

        Requests that were writing already may still end after that: nobody can say how long an upload takes. A
        replica that can't read storage stays as it is until it can. One that is on already gets the new reason.

        Args:
            reason: Why, for who asks.
            wait: Whether to wait until every replica has seen it.

        Raises:
            StorageError: Storage can't be written; nothing has changed.
        """
        mark = await self.mark() or ReadOnlyMark()
        mark = ReadOnlyMark(since=mark.since or datetime.now(UTC), reason=reason)
        await self._driver.put_content(paths.READ_ONLY, msgspec.json.encode(mark))
        if wait:
            await asyncio.sleep(self._seen_within)

    async def turn_off(self) -> bool:
        """Turn it off; replicas take writes as soon as they see it. Returns whether it was on.

        Raises:
            StorageError: Storage can't be written; it is still on.
        """
        return await ops.delete_if_there(self._driver, paths.READ_ONLY)

    @asynccontextmanager
    async def turned_on(self, reason: str) -> AsyncIterator[None]:
        """Have it on for a block: off again afterwards, unless it was on before.

        After a crash within the block it stays on, and says why.

        Raises:
            StorageError: Storage can't be read or written.
        """
        if await self.mark() is not None:
            # It may have been turned on a moment ago.
            await asyncio.sleep(self._seen_within)
            yield
            return
        try:
            await self.turn_on(reason)
            yield
        finally:
            await self.turn_off()


class ReadOnlyWatch:
    """Whether this process takes writes, for its requests.

    Attributes:
        is_on: Whether it takes none.

    Args:
        driver: The storage.
        configured: Whether the configuration has it on: then nothing is looked at, and it stays on.
    """

    def __init__(self, driver: StorageDriver, *, configured: bool = False) -> None:
        self._switch = ReadOnlySwitch(driver)
        self._configured = configured
        self.is_on = configured

    async def look(self) -> None:
        """Look at the switch.

        Raises:
            StorageError: Storage can't be read; `is_on` stays what it was.
        """
        if self._configured:
            return
        is_on = await self._switch.mark() is not None
        if is_on != self.is_on:
            _log.warning("read-only mode is on" if is_on else "read-only mode is off")
        self.is_on = is_on

    async def keep_looking(self, interval: float = LOOK_SECONDS) -> None:
        """Look every few seconds, until cancelled. A look that fails, or takes too long, changes nothing."""
        if not self._configured:
            await repeat("look at the read-only switch", self._try_to_look, first=interval, interval=interval)

    async def _try_to_look(self) -> None:
        try:
            async with asyncio.timeout(_LOOK_TIMEOUT):
                await self.look()
        except (StorageError, TimeoutError) as error:
            _log.warning(
                "the read-only switch can't be read; it counts as it was",
                read_only=self.is_on,
                error=str(error) or type(error).__name__,
            )
