"""Requests to one container: one place that sends, and one that refuses.

Requests go through a pipeline of `azure.core` with what `azure.storage.blob` signs with, and not through the latter's
clients: those repeat requests by themselves, hold what is read in memory, and take 0.2 milliseconds of the event loop
for each name of a listing, where reading the document takes 0.01.
"""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import getproxies

from aiohttp import ClientSession, DummyCookieJar, TCPConnector
from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
from azure.core.pipeline import AsyncPipeline
from azure.core.pipeline.policies import AsyncBearerTokenCredentialPolicy, AzureSasCredentialPolicy, UserAgentPolicy
from azure.core.pipeline.transport import AioHttpTransport
from azure.core.pipeline.transport import HttpRequest as BatchRequest
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.storage.blob.aio import BlobServiceClient

from holdfast import __version__
from holdfast.storage.drivers._objectstore.patience import patience
from holdfast.storage.drivers.azure._access import find_access, make_credential
from holdfast.storage.drivers.azure._identity import SCOPE
from holdfast.storage.drivers.azure.errors import answered, translating
from holdfast.storage.errors import AccessDeniedError, UnexpectedStorageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Collection, Mapping, Sequence

    from azure.core.credentials_async import AsyncTokenCredential

    from holdfast.storage.driver import Buffer
    from holdfast.storage.drivers.azure._access import Access, Credential
    from holdfast.storage.drivers.azure.options import AzureOptions

__all__ = ["Body", "Service"]

Body: TypeAlias = "Buffer | AsyncIterable[bytes | memoryview]"

_VERSION: Final = "2026-02-06"
"""The version of the service's interface: the first whose listings begin at a name that is given."""

_CONNECT_SECONDS, _READ_SECONDS = 10, 60
_PIECE: Final = 256 * 1024
"""Bytes that are written to or read from a connection at once."""

_ERROR_BYTES: Final = 64 * 1024


class Service:
    """One container of one account. Nothing is opened before the first request, and all is closed by `aclose`.

    Args:
        options: The driver's.
    """

    def __init__(self, options: AzureOptions) -> None:
        self.access = find_access(options)
        self.container = options.container
        self._options = options
        self._opened: _Opened | None = None
        self._closed = False

    def url(self, key: str | None = "", *, base: str | None = None) -> str:
        """The URL of a blob, of the container (no name) or the account (`None`), at our endpoint or another."""
        if key is None:
            return self.access.service_url
        name = f"/{quote(key, safe='/~')}" if key else ""
        return f"{self.access.service_url if base is None else base}/{quote(self.container)}{name}"

    @property
    def token_credential(self) -> AsyncTokenCredential | None:
        """What gives us tokens; `None` where we have a key or a signature."""
        credential = self._open().credential
        return None if isinstance(credential, AzureNamedKeyCredential | AzureSasCredential) else credential

    async def bearer(self) -> str | None:
        """The header that proves to the service who we are, for a source that it reads; `None` where a URL does."""
        credential = self.token_credential
        if credential is None:
            return None
        with translating(self.container):
            return f"Bearer {(await credential.get_token(SCOPE)).token}"

    async def send(
        self,
        method: str,
        key: str | None = "",
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
        length: int | None = None,
        expect: Collection[int] = (200, 201, 202),
    ) -> AsyncHttpResponse:
        """Send a request, and return the answer with its body.

        Args:
            method: The method.
            key: The blob's name; empty for the container, and `None` for the account.
            query: Parameters of the URL.
            headers: Headers; those that every request has are added.
            body: Its body.
            length: The body's, where it is a stream.
            expect: The statuses of answers that are no refusals.
        """
        if body is None:
            response = await self._run(self._request(method, key, query=query, headers=headers))
        else:
            content = _Content(body, length)
            request = self._request(method, key, query=query, headers=headers, content=content)
            with translating(self.container):
                async with patience(_READ_SECONDS) as content.on_piece:
                    response = await self._run(request)
        if response.status_code not in expect:
            raise answered(response.status_code, response.headers, response.content, container=self.container)
        return response

    @asynccontextmanager
    async def stream(self, key: str, headers: Mapping[str, str]) -> AsyncIterator[AsyncHttpResponse]:
        """Send a GET for a blob; the answer's body isn't read, and leaving frees the connection, whatever was read."""
        request = self._request("GET", key, headers=headers)
        response = await self._run(request, stream=True)
        try:
            if response.status_code not in {200, 206}:
                with translating(self.container):
                    body = await response.read()
                raise answered(response.status_code, response.headers, body[:_ERROR_BYTES], container=self.container)
            yield response
        finally:
            await response.close()

    async def batch(self, requests: Sequence[tuple[str, str, Mapping[str, str]]]) -> list[tuple[int, str]]:
        """Send many requests about blobs as one.

        Args:
            requests: Each a method, a blob's name and headers.

        Returns:
            The status and error code of each answer; which answer is of which request isn't certain.
        """
        opened = self._open()
        path = urlsplit(self.access.service_url).path
        batch = BatchRequest("POST", f"{self.url()}?restype=container&comp=batch", headers=_common_headers())
        parts = [
            BatchRequest(method, f"{path}{self.url(key, base='')}", headers={**_common_headers(), **headers})
            for method, key, headers in requests
        ]
        batch.set_multipart_mixed(*parts, policies=[opened.signing], enforce_https=False)
        with translating(self.container):
            response: Any = (await opened.pipeline.run(cast("HttpRequest", batch))).http_response
            if response.status_code != 202:
                body = response.body()
                raise answered(response.status_code, response.headers, body, container=self.container)
            return [(part.status_code, part.headers.get("x-ms-error-code", "")) async for part in response.parts()]

    async def aclose(self) -> None:
        """Close all connections, and what gives us tokens; idempotent."""
        opened, self._opened, self._closed = self._opened, None, True
        if opened is not None:
            await opened.aclose()

    async def _run(self, request: HttpRequest, *, stream: bool = False) -> AsyncHttpResponse:
        with translating(self.container):
            return (await self._open().pipeline.run(request, stream=stream)).http_response

    def _open(self) -> _Opened:
        if self._closed:
            raise UnexpectedStorageError("the driver is closed")
        if self._opened is None:
            try:
                credential = make_credential(self.access, self._options)
            except ValueError as error:  # of a variable, such as a tenant's name with a character too much
                raise AccessDeniedError(f"the credentials can't be used: {error}") from error
            self._opened = _Opened(credential, self.access, verify=not self._options.skipverify)
        return self._opened

    def _request(
        self,
        method: str,
        key: str | None,
        *,
        headers: Mapping[str, str] | None,
        query: Mapping[str, str] | None = None,
        content: _Content | None = None,
    ) -> HttpRequest:
        # An empty value counts in a signature here and there, so there are none.
        asked = urlencode({name: value for name, value in (query or {}).items() if value}, quote_via=quote)
        sent = {**_common_headers(), **(headers or {})}
        if content is not None:
            sent |= {"Content-Length": str(content.length), "Content-Type": "application/octet-stream"}
        elif method == "PUT":
            sent["Content-Length"] = "0"
        return HttpRequest(
            method,
            self.url(key) + (f"?{asked}" if asked else ""),
            headers=sent,
            content=cast("AsyncIterable[bytes]", content),
        )


class _Opened:
    """What is there once a request was sent."""

    def __init__(self, credential: Credential, access: Access, *, verify: bool) -> None:
        self.credential = credential
        self.signing: Any
        if isinstance(credential, AzureNamedKeyCredential):
            # The SDK keeps the policy of an account's key to itself, but hands it out.
            self.signing = BlobServiceClient(access.service_url, credential=credential).credential
        elif isinstance(credential, AzureSasCredential):
            self.signing = AzureSasCredentialPolicy(credential)
        else:
            self.signing = AsyncBearerTokenCredentialPolicy(credential, SCOPE)
        session = ClientSession(
            # Whoever reads holds a connection, and must not keep others from having one, as the default of 100 would.
            connector=TCPConnector(limit=0),
            cookie_jar=DummyCookieJar(),
            auto_decompress=False,
            # Looking for a proxy takes a thread for every request.
            trust_env=bool(getproxies().keys() & {"http", "https", "all"}),
        )
        self._transport = AioHttpTransport(
            session=session,
            connection_verify=verify,
            connection_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            connection_data_block_size=_PIECE,
        )
        policies: list[Any] = [UserAgentPolicy(base_user_agent=f"holdfast/{__version__}"), self.signing]
        self.pipeline: AsyncPipeline[HttpRequest, AsyncHttpResponse] = AsyncPipeline(self._transport, policies)

    async def aclose(self) -> None:
        await self._transport.close()
        if not isinstance(self.credential, AzureNamedKeyCredential | AzureSasCredential):
            await self.credential.close()


class _Content:
    """A body in pieces, for a large one at once keeps the event loop; whoever sends it again begins anew.

    Attributes:
        length: Its bytes.
        on_piece: Called when a piece is taken.
    """

    def __init__(self, body: Body, length: int | None) -> None:
        self._body = body
        self.length = memoryview(body).nbytes if isinstance(body, bytes | bytearray | memoryview) else length
        self.on_piece: Callable[[], object] = _nothing

    async def __aiter__(self) -> AsyncIterator[bytes | memoryview]:
        if isinstance(self._body, bytes | bytearray | memoryview):
            content = memoryview(self._body).cast("B")
            for at in range(0, len(content), _PIECE):
                self.on_piece()
                yield content[at : at + _PIECE]
        else:
            async for piece in self._body:
                self.on_piece()
                yield piece


def _nothing() -> None:
    """Tell nobody."""


def _common_headers() -> dict[str, str]:
    return {"x-ms-version": _VERSION, "x-ms-date": formatdate(time.time(), usegmt=True)}
