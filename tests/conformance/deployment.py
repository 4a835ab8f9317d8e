"""Registries that the requirements are checked on, over HTTP."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import cycle
from typing import TypeAlias

import httpx

from tests.registry.client import Client
from tests.registry.serving import running
from tests.registry.storages import Storage, Wrap

__all__ = ["Deploy", "RemoteClient", "deployed"]

Deploy: TypeAlias = Callable[..., AbstractAsyncContextManager[Client]]
"""Starts a registry with the settings given as keywords, `around` for what stands before its driver."""


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
async def deployed(storage: Storage, around: Wrap | None = None, **settings: object) -> AsyncIterator[Client]:
    """Serve a registry on a storage, in this process, and yield a client of it."""
    async with (
        storage.app(around, **settings) as app,
        running(app) as server,
        RemoteClient([server.address]) as client,
    ):
        yield client
