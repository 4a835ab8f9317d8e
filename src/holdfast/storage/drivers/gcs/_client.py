"""Requests to the JSON API, over a pool of connections; what isn't a success is a storage error."""

from __future__ import annotations

import ssl
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

import httpx
import msgspec

from holdfast import __version__
from holdfast.storage.drivers._objectstore.connections import IDLE_SECONDS, Connections
from holdfast.storage.drivers.gcs._credentials import Tokens
from holdfast.storage.drivers.gcs._objects import quoted
from holdfast.storage.drivers.gcs.errors import Refusal, response_error, translated
from holdfast.storage.errors import PathNotFoundError, UnexpectedStorageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from holdfast.storage.drivers.gcs._objects import Body
    from holdfast.storage.drivers.gcs.options import GCSOptions

__all__ = ["GCSClient"]

_TIMEOUT: Final = httpx.Timeout(60, connect=10, pool=10)
"""Seconds; reading and writing are each piece by piece."""

T = TypeVar("T")


class GCSClient:
    """Sends requests, as whom the options say; connects at the first one.

    Args:
        options: The driver's.
    """

    def __init__(self, options: GCSOptions) -> None:
        self._options = options
        self._connections = Connections(self._connect, keep=options.maxconcurrency)
        self._trusted: ssl.SSLContext | None = None
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
        """Send an object in one request; the body can be sent only once."""
        params["uploadType"] = "multipart"
        try:
            return await self.call("POST", self._uploads, kind, params=params, content=body, headers=body.headers)
        finally:
            body.release()

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
        identity = await self._identity()
        for is_last in (False, True):
            sent = {**(headers or {}), **identity}
            async with self._send(method, url, params=params, headers=sent, json=json, content=content) as response:
                if response.status_code == httpx.codes.UNAUTHORIZED and self.tokens is not None and not is_last:
                    await response.aread()
                else:
                    if not response.is_success:
                        await self._refuse(response)
                    self._bucket_seen = True
                    yield response
                    return
            identity = await self.tokens.renew(identity)

    async def post(self, url: str, kind: type[T], *, json: Any) -> T:
        """Send a request to another service of Google's, as the same account, and decode the JSON of its answer."""
        async with self._send("POST", url, headers=await self._identity(), json=json) as response:
            with translated():
                answer = await response.aread()
                if response.is_success:
                    return msgspec.json.decode(answer, type=kind)
            raise response_error(response, Refusal.parse(answer))

    async def aclose(self) -> None:
        """Close all connections; idempotent."""
        await self._connections.aclose()
        if self.tokens is not None:
            await self.tokens.aclose()

    async def _identity(self) -> Mapping[str, str]:
        return {} if self.tokens is None else await self.tokens.headers()

    @asynccontextmanager
    async def _send(self, method: str, url: str, **request: Any) -> AsyncIterator[httpx.Response]:
        async with AsyncExitStack() as stack:
            with translated():
                response = await stack.enter_async_context(self._connections.send(method, url, **request))
            yield response

    def _connect(self) -> httpx.AsyncClient:
        if self._trusted is None:
            self._trusted = ssl.create_default_context()
        return httpx.AsyncClient(
            verify=self._trusted,
            headers={"User-Agent": self._options.useragent or f"holdfast/{__version__}"},
            timeout=_TIMEOUT,
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=IDLE_SECONDS),
            # A proxy of the environment isn't meant for this machine itself, whatever NO_PROXY says.
            trust_env=httpx.URL(self._options.url).host not in {"localhost", "127.0.0.1", "::1"},
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
