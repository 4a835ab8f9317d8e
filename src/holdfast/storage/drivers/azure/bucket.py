"""A container as a bucket. A method is one request, unless it says otherwise."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from holdfast.storage.drivers._objectstore.bucket import Bucket, BucketLimits, ObjectInfo, OpenObject, PastEndError
from holdfast.storage.drivers.azure._answers import BLOCK_BLOB, described, headers_for, if_match, told_version
from holdfast.storage.drivers.azure._copying import Copier, Patience
from holdfast.storage.drivers.azure._deleting import delete_blob, delete_blobs
from holdfast.storage.drivers.azure._identity import describe_token
from holdfast.storage.drivers.azure._listing import Lister
from holdfast.storage.drivers.azure._replacing import replacing
from holdfast.storage.drivers.azure._service import Service
from holdfast.storage.drivers.azure._signing import Signer
from holdfast.storage.drivers.azure._uploads import Uploads, is_staged, staging_key
from holdfast.storage.drivers.azure.errors import translating
from holdfast.storage.errors import IncompleteReadError, PathNotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from azure.core.rest import AsyncHttpResponse

    from holdfast.storage.driver import Buffer, Precondition
    from holdfast.storage.drivers._objectstore.bucket import OpenUpload, Page, Part
    from holdfast.storage.drivers.azure.options import AzureOptions
    from holdfast.storage.errors import StorageError

__all__ = ["AzureBucket"]

_MIB: Final = 1024 * 1024
_MAX_BLOCK: Final = 4000 * _MIB
_MAX_BLOCKS: Final = 50_000


class AzureBucket(Bucket):
    """One container; see `Bucket`.

    Args:
        options: The driver's.
    """

    def __init__(self, options: AzureOptions) -> None:
        self._service = service = Service(options)
        self._signer = Signer(service, options.redirectendpoint)
        self._lister = Lister(service)
        self._uploads = Uploads(service, self._lister)
        self._copier = Copier(
            service, self._signer, self._uploads, Patience(options.max_retries, options.retry_delay_seconds)
        )
        # https://learn.microsoft.com/azure/storage/blobs/scalability-targets
        self._limits = BucketLimits(
            min_part=1,
            max_part=_MAX_BLOCK,
            max_parts=_MAX_BLOCKS,
            max_put=5000 * _MIB,
            max_object=_MAX_BLOCK * _MAX_BLOCKS,
            copy_part=256 * _MIB,
            create_only=True,
            match_version=True,
            sign_get=service.access.can_sign,
            sign_head=service.access.can_sign,
        )

    @property
    def limits(self) -> BucketLimits:
        """The service's."""
        return self._limits

    # Objects ---------------------------------------------------------------------------------------

    async def get(self, key: str) -> bytes:
        """See `Bucket.get`."""
        async with self.read(key) as opened:
            content = b"".join([chunk async for chunk in opened.chunks])
        if len(content) != opened.info.size:
            raise IncompleteReadError(f"{len(content)} of {opened.info.size} bytes came")
        return content

    @asynccontextmanager
    async def read(
        self, key: str, *, offset: int = 0, length: int | None = None, version: str | None = None
    ) -> AsyncIterator[OpenObject]:
        """See `Bucket.read`."""
        headers = if_match(version) if version is not None else {}
        if offset or length is not None:
            headers["x-ms-range"] = f"bytes={offset}-{'' if length is None else offset + length - 1}"
        async with self._service.stream(key, headers) as answer:
            info = described(key, answer.headers)
            if (offset or length is not None) and offset >= info.size:  # Azurite answers with nothing at the very end
                raise PastEndError(f"the blob ends at byte {info.size}")
            yield OpenObject(info, self._chunks(answer))

    async def head(self, key: str) -> ObjectInfo:
        """See `Bucket.head`."""
        return described(key, (await self._service.send("HEAD", key)).headers)

    async def put(self, key: str, content: Buffer, *, precondition: Precondition | None = None) -> str | None:
        """See `Bucket.put`. It drops the blocks of all uploads to the key; over an append blob it is four requests."""

        async def write(condition: Precondition | None) -> AsyncHttpResponse:
            headers = {"x-ms-blob-type": BLOCK_BLOB, **headers_for(condition)}
            return await self._service.send("PUT", key, headers=headers, body=content)

        return told_version((await replacing(self._service, key, write, precondition=precondition)).headers)

    async def copy(self, source: ObjectInfo, key: str) -> None:
        """See `Bucket.copy`. One request up to 256 MiB."""
        await self._copier.copy(source, key)

    async def delete(self, key: str) -> None:
        """See `Bucket.delete`. Snapshots go, too."""
        await delete_blob(self._service, key)

    async def delete_many(self, keys: Sequence[str]) -> Mapping[str, StorageError]:
        """See `Bucket.delete_many`. One request for 256; where one of them fails, one for each."""
        return await delete_blobs(self._service, keys)

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
        return await self._lister.page(prefix, delimiter=delimiter, start_after=start_after, cursor=cursor, limit=limit)

    async def sign(self, key: str, *, method: str) -> str | None:
        """See `Bucket.sign`. No request with an account key; with tokens, one every two days."""
        if method not in {"GET", "HEAD"} or not self._service.access.can_sign:
            return None
        return await self._signer.sign(key)

    # Uploads of parts ------------------------------------------------------------------------------

    async def begin_upload(self, key: str) -> str:
        """See `Bucket.begin_upload`."""
        return await self._uploads.begin(key)

    async def put_part(self, key: str, upload_id: str, number: int, content: Buffer) -> Part:
        """See `Bucket.put_part`."""
        return await self._uploads.put(key, upload_id, number, content, len(content))

    async def copy_part(
        self, key: str, upload_id: str, number: int, source: ObjectInfo, *, offset: int, length: int
    ) -> Part:
        """See `Bucket.copy_part`."""
        return await self._copier.copy_part(key, upload_id, number, source, offset=offset, length=length)

    async def complete_upload(self, key: str, upload_id: str, parts: Sequence[Part]) -> None:
        """See `Bucket.complete_upload`. Two requests; it drops the blocks of all other uploads to the key."""
        if is_staged(upload_id):
            await self._complete_staged(key, upload_id, parts)
        else:
            await self._uploads.complete(key, upload_id, parts)
        self._uploads.end(upload_id)

    async def abort_upload(self, key: str, upload_id: str) -> None:
        """See `Bucket.abort_upload`. Three requests."""
        await self._uploads.abort(key, upload_id)

    async def list_uploads(self, prefix: str) -> AsyncIterator[OpenUpload]:
        """See `Bucket.list_uploads`. It reads the listing of all blobs with the prefix."""
        async for upload in self._uploads.find(prefix):
            yield upload

    # The bucket ------------------------------------------------------------------------------------

    async def identify(self) -> str:
        """See `Bucket.identify`. No request, but for a token where it needs one."""
        access = self._service.access
        words = f"storage account {access.account} with {access.kind}"
        credential = self._service.token_credential
        if credential is None:
            return words
        with translating(self._service.container):
            return f"{words}, {await describe_token(credential)}"

    async def aclose(self) -> None:
        """See `Bucket.aclose`."""
        await self._service.aclose()

    # How -------------------------------------------------------------------------------------------

    async def _chunks(self, answer: AsyncHttpResponse) -> AsyncIterator[bytes]:
        """The body, as it comes: at most 256 KiB at once."""
        with translating(self._service.container):
            async for chunk in answer.iter_raw():
                yield chunk

    async def _complete_staged(self, key: str, upload_id: str, parts: Sequence[Part]) -> None:
        """Complete an upload at its own name, copy that to where it belongs, and delete it."""
        name = staging_key(key, upload_id)
        try:
            staged = await self.head(name)
        except PathNotFoundError:
            await self._uploads.complete(key, upload_id, parts)
            staged = await self.head(name)
        await self._copier.copy(staged, key)
        await self._uploads.abort(key, upload_id)
