"""A service in front of Azurite that answers some requests itself: what Azure does and Azurite doesn't."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlsplit

from aiohttp import ClientSession, TCPConnector, web
from yarl import URL

__all__ = ["Between", "Seen", "refused"]

# The host is: a source is taken only from the host that was asked to copy.
_NOT_FORWARDED = {"transfer-encoding", "connection", "keep-alive"}


class Seen(NamedTuple):
    """A request as it arrived.

    Attributes:
        method: Its method.
        key: The blob's name; empty for the container.
        query: The parameters of the URL.
        headers: Its headers, with small letters.
        body: Its body.
        request: The request itself, to answer it in pieces.
    """

    method: str
    key: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    request: web.Request

    @property
    def what(self) -> str:
        """The method, and what the query asks for: `PUT`, `PUT block`."""
        return " ".join([self.method, *([self.query["comp"]] if "comp" in self.query else [])])


Answer = Callable[[Seen], "web.StreamResponse | Awaitable[web.StreamResponse | None] | None"]


@dataclass(slots=True)
class Between:
    """The service.

    Attributes:
        url: Its address in place of Azurite's.
        seen: The requests so far.
        answer: Answers a request, or leaves it to Azurite.
    """

    upstream: str
    container: str
    session: ClientSession
    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    answer: Answer = lambda _: None

    @classmethod
    @asynccontextmanager
    async def start(cls, upstream: str, container: str) -> AsyncIterator[Between]:
        """Serve on loopback.

        Args:
            upstream: The URL of Azurite's account.
            container: The container that requests are about.
        """
        async with ClientSession(connector=TCPConnector(limit=0), auto_decompress=False) as session:
            between = cls(upstream, container, session)
            application = web.Application(client_max_size=2**30)
            application.router.add_route("*", "/{path:.*}", between.handle)
            runner = web.AppRunner(application, shutdown_timeout=0.1)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            port = runner.addresses[0][1]
            between.url = f"http://127.0.0.1:{port}{urlsplit(upstream).path}"
            try:
                yield between
            finally:
                await runner.cleanup()

    def requests(self, *, of: str = "") -> list[str]:
        """What was asked for, in order; only with this beginning, where one is given."""
        return [seen.what for seen in self.seen if seen.what.startswith(of)]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request."""
        path = URL(request.raw_path, encoded=True).path
        key = path.removeprefix(f"{urlsplit(self.upstream).path}/{self.container}").lstrip("/")
        headers = {name.lower(): value for name, value in request.headers.items()}
        seen = Seen(request.method, key, dict(request.query), headers, await request.read(), request)
        self.seen.append(seen)
        answered = self.answer(seen)
        response = await answered if inspect.isawaitable(answered) else answered
        return response or await self._forward(request, seen)

    async def _forward(self, request: web.Request, seen: Seen) -> web.StreamResponse:
        host = self.upstream.removesuffix(urlsplit(self.upstream).path)
        sent = {name: value for name, value in request.headers.items() if name.lower() not in _NOT_FORWARDED}
        url = URL(host + request.raw_path, encoded=True)
        async with self.session.request(
            seen.method, url, headers=sent, data=seen.body or None, skip_auto_headers=["Content-Type"]
        ) as answer:
            body = await answer.read()
            got = {name: value for name, value in answer.headers.items() if name.lower() not in _NOT_FORWARDED}
            return web.Response(status=answer.status, headers=got, body=body)


def refused(status: int, code: str, **headers: str) -> web.Response:
    """The answer by which Azure refuses a request."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>As the test says.</Message></Error>"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.Response(status=status, headers={"x-ms-error-code": code, **named}, text=body)
