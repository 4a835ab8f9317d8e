"""The bucket: what `ObjectStoreDriver` asks for, said in requests of the JSON API."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Final

import httpx
import structlog

from holdfast.storage.driver import CreateOnly
from holdfast.storage.drivers._objectstore.bucket import Bucket, BucketLimits, ObjectInfo, OpenObject, Page, Part
from holdfast.storage.drivers._objectstore.httpx_errors import body_errors, body_pieces
from holdfast.storage.drivers._objectstore.keys import Keys
from holdfast.storage.drivers.gcs._client import GCSClient
from holdfast.storage.drivers.gcs._deleting import delete, delete_all
from holdfast.storage.drivers.gcs._objects import (
    LIST_FIELDS,
    OBJECT_FIELDS,
    Body,
    Listing,
    Rewrite,
    StoredObject,
    checksum,
    media_info,
    quoted,
)
from holdfast.storage.drivers.gcs._signing import signed_url, signer
from holdfast.storage.drivers.gcs._uploads import MAX_PARTS, Uploads
from holdfast.storage.drivers.gcs.errors import translated
from holdfast.storage.errors import (
    AccessDeniedError,
    IncompleteReadError,
    PreconditionFailedError,
    StorageTimeoutError,
    StorageUnavailableError,
    UnexpectedStorageError,
    UnsupportedOperationError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from holdfast.storage.driver import Buffer, Precondition
    from holdfast.storage.drivers._objectstore.bucket import OpenUpload
    from holdfast.storage.drivers.gcs.options import GCSOptions
    from holdfast.storage.errors import StorageError

__all__ = ["GCSBucket"]

_MIB: Final = 1024 * 1024
_MAX_OBJECT: Final = 5 * 1024 * 1024 * _MIB
_MAX_REQUEST: Final = 1024 * _MIB
"""The service takes as much as an object may have; nobody wants to send that anew because a connection broke."""

_SIGNED_SECONDS: Final = 20 * 60
_UNSIGNED_SECONDS: Final = 5 * 60
_COPY_SECONDS: Final = 120
_COPY_BYTES_PER_SECOND: Final = 8 * _MIB
"""A copy within a location and storage class is done at once, whatever the size; others take their time."""

_log = structlog.get_logger(__name__)


class GCSBucket(Bucket):
    """A bucket of Google Cloud Storage.

    Args:
        options: The driver's. Nothing is read or connected to before the first use.
    """

    def __init__(self, options: GCSOptions) -> None:
        self._options = options
        self._client = GCSClient(options)
        self._uploads = Uploads(self._client, Keys(options.rootdirectory))
        self._sign_from = 0.0
        signs = not options.anonymous
        self._limits = BucketLimits(
            min_part=1,
            max_part=_MAX_REQUEST,
            max_parts=MAX_PARTS,
            max_put=_MAX_REQUEST,
            max_object=_MAX_OBJECT,
            create_only=True,
            match_version=True,
            sign_get=signs,
            sign_head=signs,
        )

    @property
    def limits(self) -> BucketLimits:
        """See `Bucket.limits`. Whether default credentials can sign shows with the first URL only."""
        return self._limits

    # Objects ---------------------------------------------------------------------------------------

    async def get(self, key: str) -> bytes:
        """See `Bucket.get`. The content is checked against the checksum of the stored object."""
        async with self._media(key, {}, {}) as response:
            with body_errors(translated):
                content = b"".join([piece async for piece in response.aiter_raw()])
            announced = response.headers.get("Content-Length")
            stored = _stored_checksum(response.headers)
        if announced is not None and len(content) != int(announced):
            raise IncompleteReadError(f"{len(content)} of {announced} bytes")
        if stored is not None and checksum(content) != stored:
            raise StorageUnavailableError("the content was damaged on its way: its checksum is another one")
        return content

    @asynccontextmanager
    async def read(
        self, key: str, *, offset: int = 0, length: int | None = None, version: str | None = None
    ) -> AsyncIterator[OpenObject]:
        """See `Bucket.read`."""
        headers = {}
        if offset or length is not None:
            headers["Range"] = f"bytes={offset}-{'' if length is None else offset + length - 1}"
        params = {} if version is None else {"ifGenerationMatch": _generation(version)}
        async with self._media(key, headers, params) as response:
            if headers and response.status_code != httpx.codes.PARTIAL_CONTENT:
                raise UnexpectedStorageError(f"HTTP {response.status_code} where a range was asked for")
            info = media_info(key, response.headers)
            if version is not None and info.version not in {version, None}:  # the emulator heeds no condition here
                raise PreconditionFailedError(f"the generation is {info.version}")
            async with aclosing(body_pieces(response, translated)) as chunks:
                yield OpenObject(info, chunks)

    async def head(self, key: str) -> ObjectInfo:
        """See `Bucket.head`."""
        return (await self._client.get(key, StoredObject, fields=OBJECT_FIELDS)).info

    async def put(self, key: str, content: Buffer, *, precondition: Precondition | None = None) -> str | None:
        """See `Bucket.put`."""
        params = {"fields": OBJECT_FIELDS}
        if isinstance(precondition, CreateOnly):
            params["ifGenerationMatch"] = "0"
        elif precondition is not None:
            params["ifGenerationMatch"] = _generation(precondition.version)
        return (await self._client.upload(Body(key, content), StoredObject, **params)).generation

    async def copy(self, source: ObjectInfo, key: str) -> None:
        """See `Bucket.copy`. Nothing shows at the key before the service says that it is done."""
        url = f"{self._client.object_url(source.key)}/rewriteTo/b/{quoted(self._options.bucket)}/o/{quoted(key)}"
        params = {"fields": "done,rewriteToken"}
        seconds = _COPY_SECONDS + source.size / _COPY_BYTES_PER_SECOND
        try:
            async with asyncio.timeout(seconds):
                while True:
                    state = await self._client.call("POST", url, Rewrite, params=params)
                    if state.done:
                        return
                    params["rewriteToken"] = state.rewrite_token or ""
        except TimeoutError as error:
            raise StorageTimeoutError(f"copying {source.size} bytes took more than {seconds:.0f} seconds") from error

    async def delete(self, key: str) -> None:
        """See `Bucket.delete`."""
        await delete(self._client, key)

    async def delete_many(self, keys: Sequence[str]) -> Mapping[str, StorageError]:
        """See `Bucket.delete_many`."""
        return await delete_all(self._client, keys)

    async def list_page(
        self,
        prefix: str,
        *,
        delimiter: bool = False,
        start_after: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Page:
        """See `Bucket.list_page`. The service may answer pages without anything in them: those are passed over."""
        params = {"prefix": prefix, "fields": LIST_FIELDS}
        if delimiter:
            params["delimiter"] = "/"
        if start_after is not None:
            params["startOffset"] = start_after  # which it includes
        if limit is not None:
            params["maxResults"] = str(limit)
        while True:
            if cursor is not None:
                params["pageToken"] = cursor
            listing = await self._client.list(Listing, **params)
            objects = [item.info for item in listing.items if start_after is None or item.name > start_after]
            cursor = listing.next_page_token or None
            if objects or listing.prefixes or cursor is None:
                return Page(objects, listing.prefixes, cursor)

    async def sign(self, key: str, *, method: str) -> str | None:
        """See `Bucket.sign`. Where IAM doesn't let us sign, a warning says so, and for a while nothing is."""
        tokens = self._client.tokens
        if method not in {"GET", "HEAD"} or tokens is None or time.monotonic() < self._sign_from:
            return None
        found = await tokens.found()
        sign = signer(found, self._client)
        if sign is None or found.email is None:
            self._stop_signing(f"{found.identity}, which isn't a service account")
            return None
        options = self._options
        try:
            return await signed_url(
                options.redirectendpoint or options.url,
                options.bucket,
                key,
                method=method,
                seconds=_SIGNED_SECONDS,
                email=found.email,
                sign=sign,
            )
        except AccessDeniedError as error:
            self._stop_signing(f"{found.identity}, which needs iam.serviceAccounts.signBlob on itself: {error.message}")
            return None

    # Uploads of parts ------------------------------------------------------------------------------

    async def begin_upload(self, key: str) -> str:
        """See `Bucket.begin_upload`."""
        return await self._uploads.begin(key)

    async def put_part(self, key: str, upload_id: str, number: int, content: Buffer) -> Part:
        """See `Bucket.put_part`."""
        return await self._uploads.put_part(key, upload_id, number, content)

    async def copy_part(
        self, key: str, upload_id: str, number: int, source: ObjectInfo, *, offset: int, length: int
    ) -> Part:
        """Copy nothing: the service copies objects, no ranges of them, and the limits say so."""
        del key, upload_id, number, source, offset, length
        raise UnsupportedOperationError("a range of an object can't be copied")

    async def complete_upload(self, key: str, upload_id: str, parts: Sequence[Part]) -> None:
        """See `Bucket.complete_upload`."""
        await self._uploads.complete(key, upload_id, parts)

    async def abort_upload(self, key: str, upload_id: str) -> None:
        """See `Bucket.abort_upload`."""
        await self._uploads.abort(key, upload_id)

    def list_uploads(self, prefix: str) -> AsyncIterator[OpenUpload]:
        """See `Bucket.list_uploads`."""
        return self._uploads.open_uploads(prefix)

    # The bucket ------------------------------------------------------------------------------------

    async def identify(self) -> str:
        """See `Bucket.identify`."""
        tokens = self._client.tokens
        return (
            f"nobody: {self._options.url} is asked without credentials"
            if tokens is None
            else (await tokens.found()).identity
        )

    async def aclose(self) -> None:
        """See `Bucket.aclose`."""
        await self._client.aclose()

    @asynccontextmanager
    async def _media(
        self, key: str, headers: Mapping[str, str], params: Mapping[str, str]
    ) -> AsyncIterator[httpx.Response]:
        """Ask for content as it is stored.

        An object stored with the content encoding gzip is unpacked by the service for who doesn't take gzip: its
        length would be another one, and ranges wouldn't be heeded.
        """
        url, params = self._client.object_url(key), {"alt": "media", **params}
        headers = {"Accept-Encoding": "gzip", **headers}
        async with self._client.exchange("GET", url, params=params, headers=headers) as response:
            stored = response.headers.get("X-Goog-Stored-Content-Encoding")
            if stored is not None and stored != response.headers.get("Content-Encoding", "identity"):
                raise UnexpectedStorageError(f"the content, stored as {stored}, comes in another encoding")
            yield response

    def _stop_signing(self, reason: str) -> None:
        self._sign_from = time.monotonic() + _UNSIGNED_SECONDS
        _log.warning("content is served without redirects for a while", seconds=_UNSIGNED_SECONDS, identity=reason)


def _generation(version: str) -> str:
    """A version as a condition. What was never a version matches nothing, and 0 would mean that nothing is there."""
    if not version.isdecimal() or not int(version):
        raise PreconditionFailedError(f"{version!r} is no version of an object")
    return version


def _stored_checksum(headers: httpx.Headers) -> str | None:
    """The CRC32C that the service keeps of a whole object."""
    hashes = dict(each.strip().partition("=")[::2] for each in headers.get("X-Goog-Hash", "").split(","))
    return hashes.get("crc32c")
