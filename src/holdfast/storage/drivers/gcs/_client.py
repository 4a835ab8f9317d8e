"""Requests to the JSON API, over a pool of connections; what isn't a success is a storage error."""

from __future__ import annotations

import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

import httpx
import msgspec

from holdfast import __version__
from holdfast.storage.drivers.gcs._credentials import Tokens
from holdfast.storage.drivers.gcs._objects import quoted
from holdfast.storage.drivers.gcs.errors import Refusal, response_error, translated
from holdfast.storage.errors import PathNotFoundError, UnexpectedStorageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from holdfast.storage.drivers.gcs._objects import Body
    from holdfast.storage.drivers.gcs.options import GCSOptions

__all__ = ["GCSClient"]

_TIMEOUT: Final = httpx.Timeout(60, connect=10, pool=None)
"""Seconds; reading and writing are each piece by piece. The number of connections has no limit to wait for."""

_IDLE_SECONDS: Final = 30
"""How long a connection is kept for the next request; the service hangs up later than that."""

T = TypeVar("T")


class GCSClient:
    """Sends requests, as whom the options say; connects at the first one.

    Args:
        options: The driver's.
    """

    def __init__(self, options: GCSOptions) -> None:
        self._options = options
        self._http: httpx.AsyncClient | None = None
        self._closed = False
        self._bucket_seen = False
        self._objects = f"{options.url}/storage/v1/b/{quoted(options.bucket)}/o"
        self._objects_path = httpx.URL(f"{self._objects}/").raw_path
        self._uploads = f"{options.url}/upload/storage/v1/b/{quoted(options.bucket)}/o"
        self.tokens = None if options.anonymous else Tokens(options)
        """As whom; `None` where nobody asks."""

    def object_url(self, key: str) -> str:
        """The URL of an object, as the JSON API has it."""
        return f"{self._objects}/{quoted(key)}"

    async def get(self, key: str, kind: type[T], **params: str) -> T:
        """Get what is known of an object.

        Raises:
            PathNotFoundError: There is no such object.
        """
        return await self.call("GET", self.object_url(key), kind, params=params)

    async def list(self, kind: type[T], **params: str) -> T:
        """Get a page of a listing."""
        return await self.call("GET", self._objects, kind, params=params)

    async def upload(self, body: Body, kind: type[T], **params: str) -> T:
        """Send an object in one request."""
        params["uploadType"] = "multipart"
        return await self.call("POST", self._uploads, kind, params=params, content=body, headers=body.headers)

    async def content(self, key: str) -> bytes:
        """Get the content of a small object of our own."""
        async with self.exchange("GET", self.object_url(key), params={"alt": "media"}) as response:
            with translated():
                return await response.aread()

    async def call(
        self,
        method: str,
        url: str,
        kind: type[T],
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        content: Body | None = None,
    ) -> T:
        """Send a request, and decode the JSON of its answer; `type(None)` for an answer without.

        Raises:
            StorageError: See the table in `errors`.
        """
        async with self.exchange(method, url, params=params, headers=headers, json=json, content=content) as response:
            with translated():
                answer = await response.aread()
                return msgspec.json.decode(answer or b"null", type=kind, strict=False)

    @asynccontextmanager
    async def exchange(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        content: Body | None = None,
    ) -> AsyncIterator[httpx.Response]:
        """Send a request, and give its answer, a success, of which the body is yet to be read.

        A token that is rejected, though it should be good, is renewed, once.

        Raises:
            StorageError: See the table in `errors`.
        """
        request: dict[str, Any] = {"params": params, "json": json, "content": content}
        identity: Mapping[str, str] = await self.tokens.headers() if self.tokens else {}
        with translated():
            response = await self._send(method, url, headers={**(headers or {}), **identity}, **request)
        if response.status_code == 401 and self.tokens:
            await response.aclose()
            identity = await self.tokens.renew(identity)
            with translated():
                response = await self._send(method, url, headers={**(headers or {}), **identity}, **request)
        try:
            if not response.is_success:
                await self._refuse(response)
            self._bucket_seen = True
            yield response
        finally:
            await response.aclose()

    async def post(self, url: str, kind: type[T], *, json: Any) -> T:
        """Send a request to another service of Google's, as the same account, and decode the JSON of its answer."""
        identity = await self.tokens.headers() if self.tokens else {}
        with translated():
            response = await self._send("POST", url, headers=identity, json=json)
        try:
            with translated():
                answer = await response.aread()
                if response.is_success:
                    return msgspec.json.decode(answer, type=kind)
            raise response_error(response, Refusal.parse(answer))
        finally:
            await response.aclose()

    async def aclose(self) -> None:
        """Close all connections; idempotent."""
        self._closed = True
        http, self._http = self._http, None
        if http is not None:
            await http.aclose()
        if self.tokens is not None:
            await self.tokens.aclose()

    async def _send(self, method: str, url: str, **request: Any) -> httpx.Response:
        if self._http is None:
            self._http = self._connect()
        return await self._http.send(self._http.build_request(method, url, **request), stream=True)

    def _connect(self) -> httpx.AsyncClient:
        if self._closed:
            raise UnexpectedStorageError("the driver is closed")
        host = httpx.URL(self._options.url).host
        return httpx.AsyncClient(
            verify=ssl.create_default_context(),
            headers={"User-Agent": self._options.useragent or f"holdfast/{__version__}"},
            timeout=_TIMEOUT,
            limits=httpx.Limits(
                max_connections=None,
                max_keepalive_connections=self._options.maxconcurrency,
                keepalive_expiry=_IDLE_SECONDS,
            ),
            # A proxy of the environment isn't meant for this machine itself, whatever NO_PROXY says.
            trust_env=host not in {"localhost", "127.0.0.1", "::1"},
        )

    async def _refuse(self, response: httpx.Response) -> None:
        """Raise what an answer means that isn't a success."""
        with translated():
            refusal = Refusal.parse(await response.aread())
        error = response_error(response, refusal)
        if isinstance(error, PathNotFoundError) and not await self._has_bucket(response, refusal):
            raise UnexpectedStorageError(f"the bucket {self._options.bucket} does not exist")
        raise error

    async def _has_bucket(self, response: httpx.Response, refusal: Refusal) -> bool:
        """Find out whether an object is what is missing, where the answer doesn't say so, as that of an emulator."""
        if refusal.names_bucket or not response.request.url.raw_path.startswith(self._objects_path):
            return False
        if refusal.names_object or self._bucket_seen:
            return True
        try:
            await self.list(msgspec.Raw, maxResults="1", fields="kind")
        except UnexpectedStorageError:
            return False
        return True
