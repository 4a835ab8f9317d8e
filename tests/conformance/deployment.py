"""Registries that the requirements are checked on, over HTTP."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from itertools import cycle
from typing import NamedTuple, TypeAlias

import httpx

from tests.registry.client import Client
from tests.registry.serving import running
from tests.registry.storages import Storage, Wrap

__all__ = ["Deploy", "Place", "RemoteClient", "deployed"]

Deploy: TypeAlias = Callable[..., AbstractAsyncContextManager[Client]]
"""Starts a registry with the settings given as keywords, `around` for what stands before its driver."""


class Place(NamedTuple):
    """Where the requirements are checked.

    Attributes:
        kind: The kind of storage.
        replicas: How many registries work on it, asked in turn.
    """

    kind: str
    replicas: int = 1

    def __str__(self) -> str:
        return self.kind if self.replicas == 1 else f"{self.kind}-{self.replicas}-registries"


class RemoteClient(Client):
    """A client of one registry at several addresses, asked in turn: replicas have to be as good as one.

    Args:
        addresses: `host:port` of each.
    """

    def __init__(self, addresses: Sequence[str]) -> None:
        self.http = httpx.AsyncClient(transport=_Rotation(addresses), base_url="http://registry.test")


class _Rotation(httpx.AsyncBaseTransport):
    """Whatever host a URL names, its requests go to the next address; what the client calls it stays in `Host`."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._inner = httpx.AsyncHTTPTransport()
        self._addresses = cycle(addresses)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host, _, port = next(self._addresses).rpartition(":")
        return await self._inner.handle_async_request(
            httpx.Request(
                request.method,
                request.url.copy_with(scheme="http", host=host, port=int(port)),
                headers=request.headers,
                stream=request.stream,
                extensions=request.extensions,
            )
        )

    async def aclose(self) -> None:
        await self._inner.aclose()


@asynccontextmanager
async def deployed(
    storage: Storage, around: Wrap | None = None, *, replicas: int = 1, **settings: object
) -> AsyncIterator[Client]:
    """Serve a registry on a storage, in this process, and yield a client of it.

    Args:
        storage: The storage.
        around: What wraps its driver.
        replicas: How many there are; each request goes to another one than the request before.
        settings: The registry's.
    """
    async with AsyncExitStack() as stack:
        addresses = []
        for _ in range(replicas):
            app = await stack.enter_async_context(storage.app(around, **settings))
            addresses.append((await stack.enter_async_context(running(app))).address)
        yield await stack.enter_async_context(RemoteClient(addresses))
