"""A web server of a few lines, for what no real store does on demand and for what has no server to run here.

It stands for a store that breaks its word, and for Amazon's services of metadata and tokens, whose documents are on
https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html and the pages that it leads to.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

__all__ = ["FakeWeb", "Request", "error", "fake_web", "missing", "xml"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request that came."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes
    raw: web.BaseRequest

    @property
    def by_sdk(self) -> bool:
        """Whether the SDK has sent it, and not the fast reader."""
        return "aiobotocore" in self.headers.get("User-Agent", "")

    @property
    def access_key(self) -> str:
        """Whose signature it has."""
        return self.headers.get("Authorization", "").partition("Credential=")[2].partition("/")[0]


Answer = Callable[[Request], web.StreamResponse | Awaitable[web.StreamResponse]]


@dataclass(slots=True, kw_only=True)
class FakeWeb:
    """A running server.

    Attributes:
        url: Its address.
        answer: Makes the answer to a request; it may be replaced.
        requests: All that came.
    """

    url: str = ""
    answer: Answer = field(default=lambda _: missing())
    requests: list[Request] = field(default_factory=list)

    def parameters(self, **options: Any) -> dict[str, Any]:
        """The parameters of a bucket here."""
        keys = {"accesskey": "AKIAEXAMPLE", "secretkey": "secret"}
        return {"regionendpoint": self.url, "forcepathstyle": True, "bucket": "b"} | keys | options

    async def serve(self, came: web.BaseRequest) -> web.StreamResponse:
        """Note a request, and answer it."""
        request = Request(
            method=came.method,
            path=came.path,
            query=dict(came.query),
            headers=came.headers,
            body=await came.read(),
            raw=came,
        )
        self.requests.append(request)
        answer = self.answer(request)
        return answer if isinstance(answer, web.StreamResponse) else await answer


@asynccontextmanager
async def fake_web(tls: ssl.SSLContext | None = None) -> AsyncIterator[FakeWeb]:
    """Run a server on a port of its own."""
    fake = FakeWeb()
    runner = web.ServerRunner(web.Server(fake.serve), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    port = runner.addresses[0][1]
    fake.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    try:
        yield fake
    finally:
        await asyncio.shield(runner.cleanup())


def xml(body: str, status: int = 200, **headers: str) -> web.Response:
    """A document."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.Response(
        text=f'<?xml version="1.0"?>{body}', status=status, content_type="application/xml", headers=named
    )


def error(code: str, status: int, **headers: str) -> web.Response:
    """S3's document of an error."""
    return xml(f"<Error><Code>{code}</Code><Message>words</Message></Error>", status, **headers)


def missing() -> web.Response:
    """The answer for a missing object."""
    return error("NoSuchKey", 404)
