"""A proxy before several servers that sends each request to the next of them."""

from collections import Counter
from collections.abc import Sequence
from itertools import cycle

from .http1 import Head
from .relay import Connection, RelayServer

__all__ = ["AlternatingProxy"]


class AlternatingProxy(RelayServer):
    """As unkind as a load balancer can be: two requests in a row never reach the same server.

    Connections are kept, to the client and to each server; requests and answers aren't changed.

    Args:
        addresses: `host:port` of each server.

    Attributes:
        served: How many requests each address has got.
    """

    def __init__(self, addresses: Sequence[str]) -> None:
        super().__init__()
        self.served: Counter[str] = Counter()
        self._addresses = cycle(addresses)

    async def handle(self, client: Connection, head: Head) -> bool:
        """Has the next server answer."""
        address = next(self._addresses)
        self.served[address] += 1
        return await self.pass_on(address, client, head)
