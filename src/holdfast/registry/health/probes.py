"""What can be looked at: the storage, a file, a URL, an address."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread

from holdfast.storage.errors import PathNotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from holdfast.storage.driver import StorageDriver

__all__ = ["FileProbe", "HTTPProbe", "StorageProbe", "TCPProbe", "UnhealthyError"]


class UnhealthyError(Exception):
    """What was looked at answered, and isn't well; the message is for operators."""


@dataclass(frozen=True, slots=True)
class StorageProbe:
    """Asks the storage for its root. An empty one, which has none yet, is well: it answered."""

    driver: StorageDriver

    async def __call__(self) -> None:
        """Look once."""
        with contextlib.suppress(PathNotFoundError):
            await self.driver.stat("/")


@dataclass(frozen=True, slots=True)
class FileProbe:
    """Fails while a file is there, so that an operator can take the registry out of service by making it."""

    path: str
    _one_at_a_time: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(1))

    async def __call__(self) -> None:
        """Look once."""
        # On a network file system that is gone the call doesn't return; then its thread stays, but only this one.
        there = await to_thread.run_sync(self._exists, abandon_on_cancel=True, limiter=self._one_at_a_time)
        if there:
            raise UnhealthyError("the file exists")

    def _exists(self) -> bool:
        try:
            os.stat(self.path)  # noqa: PTH116 only a missing file is absent; Path.exists takes more for that
        except FileNotFoundError:
            return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPProbe:
    """Asks for the head of a URL, as a client of its own: redirects are followed, proxies of the environment used.

    Attributes:
        uri: The URL, http or https.
        headers: Header fields that are sent, in this order.
        status: The status that the last answer must have.
    """

    uri: str
    headers: Sequence[tuple[str, str]] = ()
    status: int = 200
    _trusted: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    async def __call__(self) -> None:
        """Look once."""
        import httpx  # noqa: PLC0415 - only who has such a check needs it

        # The time is limited by the check.
        async with httpx.AsyncClient(verify=self._trusted, follow_redirects=True, timeout=None) as client:  # noqa: S113 see above
            response = await client.head(self.uri, headers=[*self.headers])
        if response.status_code != self.status:
            raise UnhealthyError(f"the status is {response.status_code} instead of {self.status}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TCPProbe:
    """Connects to an address, and hangs up.

    Attributes:
        host: A name or an address.
        port: The port.
    """

    host: str
    port: int

    async def __call__(self) -> None:
        """Look once."""
        _, writer = await asyncio.open_connection(self.host or None, self.port)
        writer.close()
        with contextlib.suppress(ConnectionError):  # the other side may hang up first
            await writer.wait_closed()
