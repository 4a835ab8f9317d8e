"""Requests to Swift, over a pool of connections; what isn't a success is a storage error."""

from __future__ import annotations

import ssl
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import httpx
import msgspec
import structlog

from holdfast import __version__
from holdfast.storage.drivers._objectstore.connections import IDLE_SECONDS, Connections
from holdfast.storage.drivers.swift._auth import Access, Tokens, authenticate
from holdfast.storage.drivers.swift._features import Features, info_url
from holdfast.storage.drivers.swift._objects import Body, Entry, quoted
from holdfast.storage.drivers.swift._once import Once
from holdfast.storage.drivers.swift.errors import response_error, translated
from holdfast.storage.errors import AccessDeniedError, PathNotFoundError, UnexpectedStorageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from holdfast.storage.drivers.swift.options import SwiftOptions

__all__ = ["SwiftClient"]

_TIMEOUT: Final = httpx.Timeout(60, connect=10, pool=10)
"""Seconds; reading and writing are each piece by piece."""

_entries = msgspec.json.Decoder(list[Entry])
_log = structlog.get_logger(__name__)


class SwiftClient:
    """Sends requests, as whom the options say; connects at the first one.

    Args:
        options: The driver's.
    """

    def __init__(self, options: SwiftOptions) -> None:
        self._options = options
        self._connections = Connections(self._connect, keep=options.maxthreads)
        self._trusted: ssl.SSLContext | None = None
        self._prepared = Once(self._prepare, "holdfast-swift-start")
        self.container = options.container
        self.tokens = Tokens(self._authenticate)

    async def features(self) -> Features:
        """What the cluster can do; asked once, after the container was seen, or made.

        Raises:
            AccessDeniedError: We aren't let in.
            UnexpectedStorageError: There is no such container, and we may not make it.
        """
        return await self._prepared.result()

    async def head(self, key: str | None) -> Mapping[str, str]:
        """Return what is told of an object, or of the container.

        Raises:
            PathNotFoundError: There is no such object.
        """
        async with self.exchange("HEAD", key) as response:
            return response.headers

    async def put(
        self,
        key: str,
        body: Body | bytes = b"",
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Mapping[str, str]:
        """Write an object, and return the headers of the answer."""
        response = await self.call("PUT", key, params=params, headers=headers, body=body)
        return response.headers

    async def page(self, prefix: str, **params: str) -> list[Entry]:
        """Return a page of a listing."""
        response = await self.call("GET", None, params={"format": "json", "prefix": prefix, **params})
        if response.status_code == httpx.codes.NO_CONTENT:
            return []
        with translated():
            return _entries.decode(response.content)

    async def list_all(self, prefix: str) -> list[Entry]:
        """Return a whole listing, however many pages it has."""
        features, found = await self.features(), list[Entry]()
        while True:
            marker = {"marker": found[-1].name} if found else {}
            page = await self.page(prefix, limit=str(features.listing), **marker)
            found += page
            if not page or (features.is_open and len(page) < features.listing):
                return found

    async def call(
        self,
        method: str,
        key: str | None,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Body | bytes = b"",
        of_account: bool = False,
    ) -> httpx.Response:
        """Send a request, and return its answer, of which the body has been read.

        Args:
            method: The method.
            key: The object; `None` for the container.
            params: The query.
            headers: Further headers.
            body: The content; it can be sent more than once.
            of_account: The request is about the account.

        Raises:
            StorageError: See the table in `errors`.
        """
        async with self.exchange(
            method, key, params=params, headers=headers, body=body, of_account=of_account
        ) as response:
            with translated():
                await response.aread()
            return response

    @asynccontextmanager
    async def exchange(
        self,
        method: str,
        key: str | None,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Body | bytes = b"",
        of_account: bool = False,
    ) -> AsyncIterator[httpx.Response]:
        """Send a request, and give its answer, a success, of which the body is yet to be read; see `call`."""
        await self.features()
        path = "" if of_account else self._path(key)
        async with self._authorized(method, path, params=params, headers=headers, body=body) as response:
            if not response.is_success:
                await self._refuse(response, key, headers or {})
            yield response

    async def aclose(self) -> None:
        """Close all connections; idempotent."""
        await self._prepared.aclose()
        await self.tokens.aclose()
        await self._connections.aclose()

    def _path(self, key: str | None) -> str:
        return f"/{quoted(self.container)}" + ("" if key is None else f"/{quoted(key)}")

    @asynccontextmanager
    async def _authorized(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Body | bytes = b"",
    ) -> AsyncIterator[httpx.Response]:
        """Send a request below the account's URL; a token that is rejected is renewed, once."""
        access = await self.tokens.access()
        size = body.size if isinstance(body, Body) else len(body)
        for is_last in (False, True):
            sent = {"Accept-Encoding": "identity", **(headers or {}), "X-Auth-Token": access.token}
            if method in {"PUT", "POST"}:
                sent["Content-Length"] = str(size)
            url = access.storage_url + path
            async with self._send(method, url, params=params, headers=sent, content=body or None) as response:
                if response.status_code == httpx.codes.UNAUTHORIZED and not is_last:
                    with translated():
                        await response.aread()
                else:
                    yield response
                    return
            access = await self.tokens.renew(access)

    async def _refuse(self, response: httpx.Response, key: str | None, headers: Mapping[str, str]) -> None:
        """Raise what an answer means that isn't a success."""
        with translated():
            await response.aread()
        error = response_error(response)
        is_write = response.request.method in {"PUT", "POST"} and "X-Copy-From" not in headers
        if isinstance(error, PathNotFoundError) and (key is None or is_write):
            raise UnexpectedStorageError(f"the container {self.container} doesn't exist any more")
        raise error

    async def _prepare(self) -> Features:
        path = self._path(None)
        async with self._authorized("HEAD", path) as response:
            with translated():
                await response.aread()
            if response.status_code == httpx.codes.NOT_FOUND:
                await self._make_container(path)
            elif not response.is_success:
                raise response_error(response)
        url = info_url((await self.tokens.access()).storage_url)
        async with self._send("GET", url) as response:
            with translated():
                content = await response.aread()
            if response.is_success:
                with translated():
                    return Features.read(msgspec.json.decode(content, type=dict[str, Any]))
            if (error := response_error(response)).retryable:
                raise error
        _log.info("the cluster doesn't tell what it can do", url=url, status=response.status_code)
        return Features.closed(self._options)

    async def _make_container(self, path: str) -> None:
        async with self._authorized("PUT", path) as response:
            with translated():
                await response.aread()
            if response.is_success:
                return
            error = response_error(response)
            if error.retryable:
                raise error
            raise UnexpectedStorageError(
                f"the container {self.container} doesn't exist, and can't be made: {error.message}"
            )

    async def _authenticate(self) -> Access:
        try:
            return await authenticate(self._options, self._ask)
        except PathNotFoundError as error:
            raise UnexpectedStorageError(
                f"authentication: nothing is at {self._options.authurl} ({error.message})"
            ) from error

    async def _ask(self, method: str, url: str, **request: Any) -> httpx.Response:
        """Send a request to whoever gives tokens."""
        async with self._send(method, url, **request) as response:
            with translated():
                await response.aread()
            if response.is_success:
                return response
            error = response_error(response)
            if isinstance(error, AccessDeniedError):
                raise AccessDeniedError(f"authentication: {error.message}")
            raise error

    @asynccontextmanager
    async def _send(self, method: str, url: str, **request: Any) -> AsyncIterator[httpx.Response]:
        async with AsyncExitStack() as stack:
            with translated():
                response = await stack.enter_async_context(self._connections.send(method, url, **request))
            yield response

    def _connect(self) -> httpx.AsyncClient:
        if self._trusted is None:
            self._trusted = ssl.create_default_context()
            if self._options.insecureskipverify:
                self._trusted.check_hostname = False
                self._trusted.verify_mode = ssl.CERT_NONE
        return httpx.AsyncClient(
            verify=self._trusted,
            headers={"User-Agent": f"holdfast/{__version__}"},
            timeout=_TIMEOUT,
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=IDLE_SECONDS),
            # A proxy of the environment isn't meant for this machine itself, whatever NO_PROXY says.
            trust_env=httpx.URL(self._options.authurl).host not in {"localhost", "127.0.0.1", "::1"},
        )
