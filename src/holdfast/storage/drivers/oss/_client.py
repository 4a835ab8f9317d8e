"""The SDK: what finds the address, signs and reads errors.

Requests are given to it as they are. Its methods for operations would guess at content types, hash content on the event
loop, and go on with a broken read by themselves.
"""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from alibabacloud_oss_v2 import models
from alibabacloud_oss_v2.aio.client import AsyncClient
from alibabacloud_oss_v2.config import Config
from alibabacloud_oss_v2.types import OperationInput

from holdfast import __version__
from holdfast.storage.drivers._objectstore.content import Content
from holdfast.storage.drivers._objectstore.patience import patience
from holdfast.storage.drivers._tasks import whole
from holdfast.storage.drivers.oss import _transport
from holdfast.storage.drivers.oss._credentials import Identity
from holdfast.storage.drivers.oss._transport import Response, Transport
from holdfast.storage.drivers.oss.errors import CODES, SDK_ERRORS, code_of, storage_error
from holdfast.storage.errors import AccessDeniedError, PathNotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from holdfast.storage.drivers.oss.options import Address, OSSOptions

__all__ = ["Answer", "Client"]

_SIGNED: Final = timedelta(minutes=20)
"""As long as upstream's: a download has to begin by then."""

_PROVEN_SECONDS: Final = 10
"""How long an answer from the bucket proves that it is there: a missing object is told without asking again."""

_LASTING: Final = frozenset(
    {"CompleteMultipartUpload", "CopyObject", "DeleteMultipleObjects", "DeleteObject", "PutObject"}
)
"""What the store may go on with when its connection is closed: a late one would undo what was done since."""

_SIGNABLE: Final = {"GET": models.GetObjectRequest, "HEAD": models.HeadObjectRequest}


class Answer(NamedTuple):
    """A success.

    Attributes:
        headers: Its headers; the case of names doesn't matter.
        content: Its body, whole.
    """

    headers: Mapping[str, str]
    content: bytes


class Client:
    """Sends requests about one bucket and the objects in it, with our errors.

    Args:
        options: The driver's. Nothing is connected to before the first use.
    """

    def __init__(self, options: OSSOptions) -> None:
        self.bucket = options.bucket
        self.options = options
        self.identity = Identity(options)
        transport = Transport(options.address.endpoint)
        self._sdk = self._open(options.address, transport)
        self._public = self._open(options.public_address, transport)
        self._proven_until = 0.0

    async def call(
        self,
        operation: str,
        method: str,
        key: str | None = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | Content = b"",
    ) -> Answer:
        """Send a request, and return its answer.

        Args:
            operation: What OSS calls it.
            method: As in HTTP.
            key: The object that it is about; `None` for the bucket.
            query: The parameters.
            headers: Headers besides those that every request has.
            body: What is sent.

        Raises:
            PathNotFoundError: What the request is about isn't there, and the bucket is.
        """
        request = self._request(operation, method, key, query=query, headers=headers, body=body)
        sending = self._send(request)
        response = await (whole(sending) if operation in _LASTING else sending)
        return Answer(response.headers, response.content)

    @asynccontextmanager
    async def open(self, key: str, headers: Mapping[str, str]) -> AsyncIterator[Response]:
        """Ask for an object, and give the answer, of which the body is yet to be read."""
        request = self._request("GetObject", "GET", key, headers=headers)
        request.op_metadata["response-stream"] = True
        response = await self._send(request)
        try:
            yield response
        finally:
            await response.close()

    async def sign(self, key: str, method: str) -> str | None:
        """Return a URL on the public address, good for this method and a while; `None` for other methods."""
        make = _SIGNABLE.get(method)
        if make is None:
            return None
        await self.identity.refresh()
        try:
            signed = await self._public.presign(make(bucket=self.bucket, key=key), expires=_SIGNED)
        except SDK_ERRORS as error:
            raise storage_error(error, self.bucket) from error
        return str(signed.url)

    async def aclose(self) -> None:
        """Close its connections; idempotent."""
        await self._sdk.close()

    def _open(self, address: Address, transport: Transport) -> AsyncClient:
        return AsyncClient(
            Config(
                region=self.options.signing_region,
                endpoint=address.endpoint,
                use_cname=address.is_buckets,
                signature_version="v4",
                credentials_provider=self.identity,
                http_client=transport,
                retry_max_attempts=1,
                user_agent=f"holdfast/{__version__}",
            )
        )

    def _request(
        self,
        operation: str,
        method: str,
        key: str | None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | Content = b"",
    ) -> OperationInput:
        return OperationInput(
            op_name=operation,
            method=method,
            bucket=self.bucket,
            key=key,
            parameters=dict(query or {}),
            headers=dict(headers or {}),
            body=body,
        )

    async def _send(self, request: OperationInput) -> Response:
        try:
            response = await self._invoke(request)
        except PathNotFoundError as error:
            if code_of(error.__cause__) in CODES:  # a word of its own: the bucket was looked into
                self._prove_bucket()
            await self._check_bucket()
            raise
        self._prove_bucket()
        return response

    async def _invoke(self, request: OperationInput) -> Response:
        await self.identity.refresh()
        content = request.body
        try:
            if isinstance(content, Content):
                async with patience(_transport.READ_SECONDS) as content.on_read:
                    output = await self._sdk.invoke_operation(request)
            else:
                output = await self._sdk.invoke_operation(request)
        except SDK_ERRORS as error:
            raise storage_error(error, self.bucket) from error
        response: Response = output.http_response
        return response

    def _prove_bucket(self) -> None:
        self._proven_until = time.monotonic() + _PROVEN_SECONDS

    async def _check_bucket(self) -> None:
        """Make sure that the bucket is there, unless it was a moment ago.

        Raises:
            UnexpectedStorageError: It isn't.
        """
        if time.monotonic() < self._proven_until:
            return
        try:
            await self._invoke(self._request("ListObjectsV2", "GET", None, query={"list-type": "2", "max-keys": "1"}))
        except AccessDeniedError:  # who may read objects needn't be allowed to list them
            return
        self._prove_bucket()
