"""What the SDK's requests go by: aiohttp, each request sent once, each answer's connection closed or free again."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import aiohttp
from alibabacloud_oss_v2.types import AsyncHttpClient, AsyncHttpResponse
from anyio import to_thread
from multidict import CIMultiDict
from yarl import URL

from holdfast.storage.errors import StorageUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, MutableMapping

    from alibabacloud_oss_v2.types import HttpRequest

__all__ = ["CONNECT_SECONDS", "READ_SECONDS", "Response", "Transport"]

CONNECT_SECONDS: Final = 10
"""How long a connection may take to be made."""

READ_SECONDS: Final = 60
"""How long the store may be silent, and take nothing of what is sent."""

_CONNECTIONS: Final = 512
"""More than are ever wanted: whoever waits for one of the pool's waits without a limit of time."""

_BUFFER_BYTES: Final = 256 * 1024
_CHUNK_BYTES: Final = 1024 * 1024

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})

_UNASKED: Final = ("Accept", "Accept-Encoding", "Content-Type")
"""What aiohttp adds by itself. An answer that OSS compresses on the way has no length, and no ranges."""


_SOME_DATE: Final = "Thu, 01 Jan 1970 00:00:00 GMT"
"""The SDK can't read an error without a date, as that of a proxy."""


class Response(AsyncHttpResponse):  # type: ignore[misc]  # it has no types
    """An answer, as the SDK wants it.

    Args:
        request: What it answers.
        inner: The answer as aiohttp has it.
    """

    def __init__(self, request: HttpRequest, inner: aiohttp.ClientResponse) -> None:
        self._request = request
        self._inner = inner
        self._headers = CIMultiDict(inner.headers)
        self._headers.setdefault("Date", _SOME_DATE)
        self._content: bytes | None = None

    @property
    def request(self) -> HttpRequest:
        """What it answers."""
        return self._request

    @property
    def status_code(self) -> int:
        """The status."""
        return self._inner.status

    @property
    def headers(self) -> MutableMapping[str, str]:
        """The headers; the case of names doesn't matter."""
        return self._headers

    @property
    def reason(self) -> str:
        """The words beside the status."""
        return self._inner.reason or ""

    @property
    def is_closed(self) -> bool:
        """Whether its connection was closed, or went back to the pool."""
        return self._inner.closed

    @property
    def is_stream_consumed(self) -> bool:
        """Whether the body has been read."""
        return self._content is not None

    @property
    def content(self) -> bytes:
        """The body, once it has been read."""
        return self._content or b""

    async def read(self) -> bytes:
        """Read the body to its end."""
        if self._content is None:
            content = await self._inner.read()
            # The SDK reads errors as text, and fails on those that are none: of a proxy, say.
            self._content = content if self._inner.ok else content.decode(errors="replace").encode()
        return self._content

    async def iter_bytes(self, **_: Any) -> AsyncIterator[bytes]:
        """Yield the body in pieces, as they come."""
        async for piece in self._inner.content.iter_chunked(_CHUNK_BYTES):
            yield piece

    async def close(self) -> None:
        """Close the connection, unless the body was read to its end: then it is free already."""
        self._inner.close()

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class Transport(AsyncHttpClient):  # type: ignore[misc]  # as above
    """Sends requests, over connections that are made when they are needed.

    The SDK's own would do, if it didn't normalize what is signed already, hide errors in the middle of a body, and let
    aiohttp send a `PUT` again whose connection broke.

    Args:
        endpoint: Where requests go; https is checked against the authorities of the system.
    """

    def __init__(self, endpoint: str) -> None:
        parts = urlsplit(endpoint)
        self._secure = parts.scheme == "https"
        # A proxy of the environment isn't meant for this machine itself, whatever NO_PROXY says.
        self._proxied = parts.hostname not in _LOOPBACK
        self._session: aiohttp.ClientSession | None = None
        self._lock = asyncio.Lock()
        self._closed = False

    async def send(self, request: HttpRequest, **kwargs: Any) -> Response:
        """Send a request and wait for the head of the answer; for its body, too, without `stream`.

        Raises:
            aiohttp.ClientError: It failed.
            TimeoutError: The store was silent for too long.
        """
        session = self._session or await self._connected()
        inner = await session.request(
            request.method,
            URL(request.url, encoded=True),
            headers=request.headers,
            data=request.body or None,
            allow_redirects=False,
            skip_auto_headers=_UNASKED,
        )
        response = Response(request, inner)
        if not kwargs.get("stream"):
            try:
                await response.read()
            except BaseException:
                inner.close()
                raise
        return response

    async def open(self) -> None:
        """Nothing: connections are made when they are needed."""

    async def close(self) -> None:
        """Close all connections; idempotent."""
        async with self._lock:
            self._closed = True
            session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _connected(self) -> aiohttp.ClientSession:
        async with self._lock:
            if self._closed:
                raise StorageUnavailableError("the driver is closed")
            if self._session is None:
                self._session = await self._make()
        return self._session

    async def _make(self) -> aiohttp.ClientSession:
        # Reading the authorities takes a while.
        trusted = await to_thread.run_sync(ssl.create_default_context) if self._secure else True
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_CONNECTIONS, ssl=trusted),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=READ_SECONDS),
            auto_decompress=False,
            read_bufsize=_BUFFER_BYTES,
            trust_env=self._proxied,
        )
        # aiohttp sends a `PUT` or `DELETE` again by itself when its connection breaks: see `SingleAttempts` of s3.
        session._retry_connection = False  # noqa: SLF001 - there is no other way; aiohttp's test client goes it, too
        return session
