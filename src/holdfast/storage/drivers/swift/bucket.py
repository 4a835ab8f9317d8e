"""The bucket: what `ObjectStoreDriver` asks for, said in requests to Swift.

https://docs.openstack.org/api-ref/object-store/
"""

from __future__ import annotations

from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import httpx

from holdfast.storage.drivers._objectstore.bucket import (
    Bucket,
    BucketLimits,
    ObjectInfo,
    OpenObject,
    Page,
    Part,
    PastEndError,
)
from holdfast.storage.drivers._objectstore.keys import Keys
from holdfast.storage.drivers.swift._client import SwiftClient
from holdfast.storage.drivers.swift._copying import Copier
from holdfast.storage.drivers.swift._deleting import Deleter
from holdfast.storage.drivers.swift._large import Larges, lagging
from holdfast.storage.drivers.swift._listing import list_page
from holdfast.storage.drivers.swift._objects import CONTENT_TYPE, Body, described, md5
from holdfast.storage.drivers.swift._reading import Reader
from holdfast.storage.drivers.swift._tempurl import Signer
from holdfast.storage.drivers.swift._uploads import Uploads
from holdfast.storage.drivers.swift._waiting import Looking
from holdfast.storage.errors import (
    IncompleteReadError,
    PreconditionFailedError,
    UnexpectedStorageError,
    UnsupportedOperationError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from holdfast.storage.driver import Buffer, Precondition
    from holdfast.storage.drivers._objectstore.bucket import OpenUpload
    from holdfast.storage.drivers.swift.options import SwiftOptions
    from holdfast.storage.errors import StorageError

__all__ = ["SwiftBucket"]

_MIB: Final = 1024 * 1024
_MAX_PUT: Final = 5 * 1024 * _MIB
"""What every cluster takes in one request, but for those that were told otherwise."""

_MAX_PARTS: Final = 20_000
"""So many that the largest object fits with segments of any size; manifests of manifests take as many."""

_LIMITS: Final = BucketLimits(
    min_part=_MIB,  # what older clusters want of all but the last
    max_part=_MAX_PUT,
    max_parts=_MAX_PARTS,
    max_put=_MAX_PUT,
    max_object=5 * _MIB * _MIB,
    # `If-None-Match: *` there is, and of several that write at once it lets more than one through; `If-Match` isn't
    # heeded. So neither can be relied on.
    create_only=False,
    match_version=False,
    sign_get=True,
    sign_head=True,
)


class SwiftBucket(Bucket):
    """A container of OpenStack Swift.

    Args:
        options: The driver's. Nothing is connected to before the first use.
    """

    def __init__(self, options: SwiftOptions) -> None:
        self._options = options
        self._client = client = SwiftClient(options)
        self._keys = keys = Keys(options.root)
        self._larges = larges = Larges(client, options.segments)
        self._deleter = deleter = Deleter(client, larges, keys.reserved)
        self._uploads = uploads = Uploads(client, keys, larges, deleter)
        self._copier = Copier(client, larges, deleter, uploads)
        self._reader = Reader(client, larges)
        self._signer = Signer(client, options)

    @property
    def limits(self) -> BucketLimits:
        """See `Bucket.limits`. Whether URLs can be signed shows with the first one only."""
        return _LIMITS

    # Objects ---------------------------------------------------------------------------------------

    async def get(self, key: str) -> bytes:
        """See `Bucket.get`."""
        async with self.read(key) as opened:
            content = b"".join([piece async for piece in opened.chunks])
        if len(content) != opened.info.size:
            raise IncompleteReadError(f"{len(content)} of {opened.info.size} bytes")
        return content

    @asynccontextmanager
    async def read(
        self, key: str, *, offset: int = 0, length: int | None = None, version: str | None = None
    ) -> AsyncIterator[OpenObject]:
        """See `Bucket.read`. A large object of which segments don't show yet is waited for."""
        headers = {}
        if offset or length is not None:
            headers["Range"] = f"bytes={offset}-{'' if length is None else offset + length - 1}"
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        looking = Looking()
        while await looking.again():
            async with AsyncExitStack() as stack:
                try:
                    response = await stack.enter_async_context(self._client.exchange("GET", key, headers=headers))
                except PastEndError:
                    if (await self.head(key)).size <= offset or not (offset or length):
                        raise
                    continue
                info = described(key, response.headers)
                if await self._larges.is_lagging(response.headers, info.size):
                    continue
                if "Range" in headers and response.status_code != httpx.codes.PARTIAL_CONTENT:
                    if info.size <= offset:
                        raise PastEndError(f"it has {info.size} bytes")
                    raise UnexpectedStorageError(f"HTTP {response.status_code} where a range was asked for")
                if version is not None and info.version not in {version, None}:
                    raise PreconditionFailedError(f"the ETag is {info.version}")
                end = info.size if length is None else min(info.size, offset + length)
                pieces = self._reader.pieces(response, info, offset, end)
                yield OpenObject(info, await stack.enter_async_context(aclosing(pieces)))
                return
        raise lagging()

    async def head(self, key: str) -> ObjectInfo:
        """See `Bucket.head`. The size is that of the whole; one of upstream's that seems empty is waited for."""
        looking = Looking()
        while await looking.again():
            headers = await self._client.head(key)
            info = self._larges.described(key, headers)
            if info.size or not await self._larges.is_lagging(headers, info.size):
                return info
        raise lagging()

    async def put(self, key: str, content: Buffer, *, precondition: Precondition | None = None) -> str | None:
        """See `Bucket.put`. One request more finds out whether a large object is replaced, to clear up its segments."""
        if precondition is not None:
            raise UnsupportedOperationError("Swift's preconditions can't be relied on")
        before = None if key.startswith(self._keys.reserved) else await self._larges.find(key)
        etag = await md5(content)
        body = Body(content)
        try:
            await self._client.put(key, body, headers={"Content-Type": CONTENT_TYPE, "ETag": etag})
        finally:
            body.release()
        await self._deleter.clear(before)
        return etag

    async def copy(self, source: ObjectInfo, key: str) -> None:
        """See `Bucket.copy`. Of a large object each segment is copied."""
        await self._copier.copy(source.key, key)

    async def move(self, source: str, target: str) -> bool:
        """Move an object, verified by its size; tell whether that could be done without copying segments.

        Raises:
            PathNotFoundError: There is no such object.
            IncompleteReadError: What is at the target has another size.
        """
        return await self._copier.move(source, target)

    async def delete(self, key: str) -> None:
        """See `Bucket.delete`."""
        await self._deleter.delete(key)

    async def delete_many(self, keys: Sequence[str]) -> Mapping[str, StorageError]:
        """See `Bucket.delete_many`. One request for each tells whether it has segments."""
        return await self._deleter.delete_many(keys)

    async def list_page(
        self,
        prefix: str,
        *,
        delimiter: bool = False,
        start_after: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Page:
        """See `Bucket.list_page`. With a delimiter only names count, and dynamic large objects have the size 0."""
        describe = None if delimiter or prefix.startswith(self._keys.reserved) else self.head
        marker = max(filter(None, (start_after, cursor)), default=None)
        return await list_page(self._client, prefix, delimiter=delimiter, marker=marker, limit=limit, describe=describe)

    async def sign(self, key: str, *, method: str) -> str | None:
        """See `Bucket.sign`."""
        return await self._signer.url(key, method=method)

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
        """Copy nothing: ranges of objects aren't copied here, and the limits say so."""
        del key, upload_id, number, source, offset, length
        raise UnsupportedOperationError("a range of an object isn't copied")

    async def complete_upload(self, key: str, upload_id: str, parts: Sequence[Part]) -> None:
        """See `Bucket.complete_upload`."""
        await self._uploads.complete(key, upload_id, parts, await self._larges.find(key))

    async def abort_upload(self, key: str, upload_id: str) -> None:
        """See `Bucket.abort_upload`."""
        await self._uploads.abort(key, upload_id)

    def list_uploads(self, prefix: str) -> AsyncIterator[OpenUpload]:
        """See `Bucket.list_uploads`."""
        return self._uploads.open_uploads(prefix)

    # The bucket ------------------------------------------------------------------------------------

    async def identify(self) -> str:
        """See `Bucket.identify`."""
        await self._client.features()
        access, options = await self._client.tokens.access(), self._options
        if options.is_application:
            name = options.applicationcredentialid or f"{options.applicationcredentialname} of {options.username}"
            who = f"application credential {name}"
        else:
            who = f"user {options.username}"
        account = urlsplit(access.storage_url).path.rpartition("/")[2]
        return f"{who}, account {account}, found by version {options.version} of authentication at {options.authurl}"

    async def aclose(self) -> None:
        """See `Bucket.aclose`."""
        await self._signer.aclose()
        await self._client.aclose()
