"""A bucket of OSS: what `ObjectStoreDriver` asks for, said in requests of its API."""

from __future__ import annotations

from contextlib import aclosing, asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

import structlog

from holdfast.storage.driver import CreateOnly
from holdfast.storage.drivers._objectstore.bucket import (
    Bucket,
    BucketLimits,
    ObjectInfo,
    OpenObject,
    OpenUpload,
    Page,
    Part,
    PastEndError,
)
from holdfast.storage.drivers._objectstore.content import Content
from holdfast.storage.drivers.oss import _uploads
from holdfast.storage.drivers.oss._checksums import check_arrived, digest_headers
from holdfast.storage.drivers.oss._client import Client
from holdfast.storage.drivers.oss._copying import copy
from holdfast.storage.drivers.oss._deleting import delete_all
from holdfast.storage.drivers.oss._documents import read_page, read_text
from holdfast.storage.drivers.oss.errors import SDK_ERRORS, storage_error
from holdfast.storage.errors import (
    AccessDeniedError,
    PathNotFoundError,
    UnexpectedStorageError,
    UnsupportedOperationError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence

    from holdfast.storage.driver import Buffer, Precondition
    from holdfast.storage.drivers.oss._transport import Response
    from holdfast.storage.drivers.oss.options import OSSOptions
    from holdfast.storage.errors import StorageError

__all__ = ["OSSBucket"]

_KIB: Final = 1024
_GIB: Final = 1024**3
_MAX_PARTS: Final = 10_000
_MAX_KEYS: Final = 1000

_log = structlog.get_logger(__name__)


class OSSBucket(Bucket):
    """One bucket; see `Bucket` for what each method promises.

    Args:
        options: The driver's. Nothing is read or connected to before the first use.
    """

    def __init__(self, options: OSSOptions) -> None:
        self._client = Client(options)
        self._written = _uploads.write_headers(options)
        self._knows_versioning = False
        # https://www.alibabacloud.com/help/en/oss/user-guide/limits
        self._limits = BucketLimits(
            min_part=100 * _KIB,
            max_part=5 * _GIB,
            max_parts=_MAX_PARTS,
            max_put=5 * _GIB,
            max_object=_MAX_PARTS * 5 * _GIB,
            copy_part=5 * _GIB,
            create_only=options.createonly,
            sign_get=True,
            sign_head=True,
        )

    @property
    def limits(self) -> BucketLimits:
        """See `Bucket.limits`. OSS writes under no condition but that nothing is there."""
        return self._limits

    # Objects ---------------------------------------------------------------------------------------

    async def get(self, key: str) -> bytes:
        """See `Bucket.get`."""
        answer = await self._client.call("GetObject", "GET", key)
        check_arrived(answer.content, answer.headers)
        return answer.content

    @asynccontextmanager
    async def read(
        self, key: str, *, offset: int = 0, length: int | None = None, version: str | None = None
    ) -> AsyncIterator[OpenObject]:
        """See `Bucket.read`."""
        headers = {}
        if offset or length is not None:
            headers["Range"] = f"bytes={offset}-" + ("" if length is None else str(offset + length - 1))
            # Else a range that begins past the end is answered with the whole object.
            headers["x-oss-range-behavior"] = "standard"
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        async with self._client.open(key, headers) as response:
            info = _describe(key, response.headers, _whole_size(response.headers, offset, length))
            async with aclosing(self._chunks(response)) as chunks:
                yield OpenObject(info, chunks)

    async def head(self, key: str) -> ObjectInfo:
        """See `Bucket.head`."""
        headers = (await self._client.call("HeadObject", "HEAD", key)).headers
        return _describe(key, headers, int(headers["Content-Length"]))

    async def put(self, key: str, content: Buffer, *, precondition: Precondition | None = None) -> str | None:
        """See `Bucket.put`."""
        headers = {"Content-Type": _uploads.CONTENT_TYPE, **self._written, **digest_headers(content)}
        if isinstance(precondition, CreateOnly):
            await self._require_no_versions()
            headers["x-oss-forbid-overwrite"] = "true"
        elif precondition is not None:
            raise UnsupportedOperationError("OSS replaces no version")
        answer = await self._client.call("PutObject", "PUT", key, headers=headers, body=Content(content))
        return _version(answer.headers)

    async def copy(self, source: ObjectInfo, key: str) -> None:
        """See `Bucket.copy`."""
        await copy(self._client, self._limits, self._written, source, key)

    async def delete(self, key: str) -> None:
        """See `Bucket.delete`."""
        try:
            await self._client.call("DeleteObject", "DELETE", key)
        except PathNotFoundError:
            return

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
        """See `Bucket.list_page`."""
        most = _MAX_KEYS if limit is None else min(limit, _MAX_KEYS)
        query = {"list-type": "2", "encoding-type": "url", "max-keys": str(most)}
        query |= {"prefix": prefix} if prefix else {}
        query |= {"delimiter": "/"} if delimiter else {}
        if cursor is not None:
            query["continuation-token"] = cursor
        elif start_after:
            query["start-after"] = start_after
        return read_page((await self._client.call("ListObjectsV2", "GET", query=query)).content)

    async def sign(self, key: str, *, method: str) -> str | None:
        """See `Bucket.sign`."""
        return await self._client.sign(key, method)

    # Uploads of parts ------------------------------------------------------------------------------

    async def begin_upload(self, key: str) -> str:
        """See `Bucket.begin_upload`."""
        return await _uploads.begin(self._client, key, self._written)

    async def put_part(self, key: str, upload_id: str, number: int, content: Buffer) -> Part:
        """See `Bucket.put_part`."""
        return await _uploads.put_part(self._client, key, upload_id, number, content)

    async def copy_part(
        self, key: str, upload_id: str, number: int, source: ObjectInfo, *, offset: int, length: int
    ) -> Part:
        """See `Bucket.copy_part`."""
        return await _uploads.copy_part(self._client, key, upload_id, number, source, offset=offset, length=length)

    async def complete_upload(self, key: str, upload_id: str, parts: Sequence[Part]) -> None:
        """See `Bucket.complete_upload`."""
        await _uploads.complete(self._client, key, upload_id, parts)

    async def abort_upload(self, key: str, upload_id: str) -> None:
        """See `Bucket.abort_upload`."""
        await _uploads.abort(self._client, key, upload_id)

    def list_uploads(self, prefix: str) -> AsyncIterator[OpenUpload]:
        """See `Bucket.list_uploads`."""
        return _uploads.list_uploads(self._client, prefix)

    # The bucket ------------------------------------------------------------------------------------

    async def identify(self) -> str:
        """See `Bucket.identify`."""
        return await self._client.identity.describe()

    async def aclose(self) -> None:
        """See `Bucket.aclose`."""
        await self._client.aclose()

    async def _chunks(self, response: Response) -> AsyncGenerator[bytes]:
        try:
            async for chunk in response.iter_bytes():
                yield chunk
        except SDK_ERRORS as error:
            raise storage_error(error, self._client.bucket) from error

    async def _require_no_versions(self) -> None:
        """Make sure, once, that the bucket heeds `x-oss-forbid-overwrite`.

        https://www.alibabacloud.com/help/en/oss/developer-reference/putobject

        Raises:
            UnsupportedOperationError: It doesn't.
        """
        if self._knows_versioning:
            return
        try:
            answer = await self._client.call("GetBucketVersioning", "GET", query={"versioning": ""})
        except AccessDeniedError as error:
            _log.warning("can't tell whether the bucket keeps versions, and ignores createonly", error=str(error))
        else:
            if status := read_text(answer.content, "Status"):
                raise UnsupportedOperationError(
                    f"versioning of the bucket is {status.lower()}, so OSS ignores x-oss-forbid-overwrite:"
                    " set createonly to false"
                )
        self._knows_versioning = True


def _describe(key: str, headers: Mapping[str, str], size: int) -> ObjectInfo:
    modified = headers.get("Last-Modified")
    return ObjectInfo(
        key=key,
        size=size,
        modified=parsedate_to_datetime(modified) if modified else None,
        version=_version(headers),
    )


def _version(headers: Mapping[str, str]) -> str | None:
    etag = headers.get("ETag")
    return etag.strip('"') if etag else None


def _whole_size(headers: Mapping[str, str], offset: int, length: int | None) -> int:
    """The size of the object, of which the answer may have a range.

    Raises:
        PastEndError: The answer is the whole object, and ends before the range.
        UnexpectedStorageError: The answer is the whole object, and wasn't to be.
    """
    total = headers.get("Content-Range", "").rpartition("/")[2]
    if total.isdigit():
        return int(total)
    if "Content-Length" not in headers:
        raise UnexpectedStorageError("the store doesn't tell how long the content is")
    size = int(headers["Content-Length"])
    if (offset or length is not None) and offset >= size:
        raise PastEndError("the object ends before the range")
    if offset or (length is not None and length < size):
        raise UnexpectedStorageError("the store answers with whole objects where ranges were asked for")
    return size
