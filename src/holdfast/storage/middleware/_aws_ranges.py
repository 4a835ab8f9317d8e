"""The addresses of Amazon's network, as it publishes them, kept up to date by a task of its own.

Source: https://docs.aws.amazon.com/vpc/latest/userguide/aws-ip-syntax.html.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_right
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, collapse_addresses, ip_network
from typing import TYPE_CHECKING, Final

import httpx
import msgspec
import structlog

from holdfast.storage.drivers._tasks import stop

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import timedelta

__all__ = ["AWSRanges", "AddressSet"]

_log = structlog.get_logger(__name__)

_SECONDS: Final = 30.0
_MAX_BYTES: Final = 64 * 1024 * 1024
"""Many times what the list has."""
_RETRY_SECONDS: Final = 60.0
"""How soon it is tried again after a failure, where that is sooner than the usual time."""


class _Range(msgspec.Struct):
    region: str = ""
    ip_prefix: str | None = None
    ipv6_prefix: str | None = None


class _Published(msgspec.Struct):
    prefixes: list[_Range]
    ipv6_prefixes: list[_Range] = []


class AddressSet:
    """Addresses in networks, of which there may be thousands; looking one up is a binary search."""

    def __init__(self, networks: Iterable[IPv4Network | IPv6Network] = ()) -> None:
        networks = list(networks)
        fours = collapse_addresses(network for network in networks if isinstance(network, IPv4Network))
        sixes = collapse_addresses(network for network in networks if isinstance(network, IPv6Network))
        self._fours = [(int(network[0]), int(network[-1])) for network in fours]
        self._sixes = [(int(network[0]), int(network[-1])) for network in sixes]

    def __contains__(self, address: IPv4Address | IPv6Address) -> bool:
        """Whether a network has it."""
        ranges = self._fours if isinstance(address, IPv4Address) else self._sixes
        position = bisect_right(ranges, (int(address), 2**128)) - 1
        return position >= 0 and int(address) <= ranges[position][1]


class AWSRanges:
    """The addresses of Amazon's network, or of some of its regions.

    They are read when they are first asked for, and again when they are older than `every`; nobody waits for that.
    Until they are there no address is among them. Where they can't be read, that is logged and the old ones count.

    Args:
        url: Where they are published.
        every: How old they may get.
        regions: The regions that count, in lower case; `None` for all.
    """

    def __init__(self, url: str, *, every: timedelta, regions: Collection[str] | None) -> None:
        self._url = url
        self._every = every.total_seconds()
        self._regions = regions
        self._addresses = AddressSet()
        self._due = 0.0
        self._reading: asyncio.Task[None] | None = None

    def contain(self, address: IPv4Address | IPv6Address) -> bool:
        """Whether an address is among them, as far as is known."""
        if self._reading is None and time.monotonic() >= self._due:
            self._reading = asyncio.create_task(self.refresh())
            self._reading.add_done_callback(self._ended)
        return address in self._addresses

    async def refresh(self) -> None:
        """Read them now. A failure is logged, and changes nothing."""
        try:
            published = await self._fetch()
            self._addresses = await asyncio.to_thread(self._chosen, published)
        except (httpx.HTTPError, httpx.InvalidURL, msgspec.DecodeError, TimeoutError, ValueError) as error:
            _log.warning(
                "amazon's addresses can't be read; those known so far count",
                url=self._url,
                error=f"{type(error).__name__}: {error}",
            )
            self._due = time.monotonic() + min(self._every, _RETRY_SECONDS)
        else:
            self._due = time.monotonic() + self._every

    async def aclose(self) -> None:
        """Stop reading."""
        self._due = float("inf")
        if self._reading is not None:
            await stop([self._reading])

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._reading = None
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("reading amazon's addresses failed", error=f"{type(error).__name__}: {error}")

    async def _fetch(self) -> bytes:
        # Making one reads the system's authorities, which takes long enough to be seen on the event loop.
        made = await asyncio.to_thread(partial(httpx.AsyncClient, timeout=_SECONDS, follow_redirects=True))
        async with asyncio.timeout(_SECONDS), made as client, client.stream("GET", self._url) as response:
            response.raise_for_status()
            content = bytearray()
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > _MAX_BYTES:
                    raise ValueError(f"the list has more than {_MAX_BYTES} bytes")
            return bytes(content)

    def _chosen(self, published: bytes) -> AddressSet:
        found = msgspec.json.decode(published, type=_Published)
        return AddressSet(
            ip_network(prefix, strict=False)
            for each in [*found.prefixes, *found.ipv6_prefixes]
            if self._regions is None or each.region.lower() in self._regions
            if (prefix := each.ip_prefix or each.ipv6_prefix)
        )
