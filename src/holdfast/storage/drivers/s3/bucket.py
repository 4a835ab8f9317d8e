"""A bucket of S3, or of a store that speaks its protocol."""

from __future__ import annotations

from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from holdfast.storage.driver import CreateOnly, MatchVersion
from holdfast.storage.drivers._objectstore.bucket import (
    Bucket,
    BucketLimits,
    ObjectInfo,
    OpenObject,
    OpenUpload,
    Page,
    Part,
)
from holdfast.storage.drivers._objectstore.content import Content
from holdfast.storage.drivers.s3 import _multipart, _reads
from holdfast.storage.drivers.s3._client import Client
from holdfast.storage.drivers.s3._copying import copy
from holdfast.storage.drivers.s3._deleting import Deletions
from holdfast.storage.drivers.s3._fast import FastReader
from holdfast.storage.drivers.s3._listing import list_page, list_uploads
from holdfast.storage.drivers.s3._plain import PlainReader
from holdfast.storage.drivers.s3._profiles import find_profile
from holdfast.storage.drivers.s3._signing import sign
from holdfast.storage.drivers.s3.errors import SDK_ERRORS, ConflictError, code_of, storage_error
from holdfast.storage.errors import PathNotFoundError, PreconditionFailedError, StorageError, StorageUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from holdfast.storage.driver import Buffer, Precondition
    from holdfast.storage.drivers.s3.options import S3Options

__all__ = ["S3Bucket"]

_RACES: Final = 5
"""How often a write under a condition is sent again that another writer interfered with."""

# How the SDK names where it found credentials, in words.
_FOUND: Final = {
    "explicit": "the driver's parameters",
    "env": "the environment",
    "assume-role": "a role assumed by a profile of the shared files",
    "assume-role-with-web-identity": "a web identity",
    "shared-credentials-file": "the shared credentials file",
    "config-file": "the shared configuration file",
    "container-role": "the container's metadata",
    "iam-role": "the machine's metadata",
    "custom-process": "a process that a profile names",
    "sso": "a single sign-on",
}


class S3Bucket(Bucket):
    """One bucket; see `Bucket` for what each method promises.

    Writes and all that is told by an error code go through the SDK; reads through faster ways, where one is able to,
    and through the SDK where those fail.

    Args:
        options: The driver's.
    """

    def __init__(self, options: S3Options) -> None:
        self._profile = options.find_profile()
        self._client = Client(options, self._profile)
        self._plain = PlainReader(self._client)
        self._fast = FastReader(self._client)
        self._deletions = Deletions(self._client, batches=self._profile.batch_delete)
        self._written = _multipart.write_parameters(options, self._profile)

    @property
    def limits(self) -> BucketLimits:
        """What the profile says."""
        profile = self._profile
        return BucketLimits(
            min_part=profile.min_part,
            max_part=profile.max_part,
            max_parts=profile.max_parts,
            max_put=profile.max_put,
            max_object=profile.max_object,
            equal_parts=profile.equal_parts,
            copy_part=profile.max_part if profile.copy_parts else None,
            create_only=profile.create_only,
            match_version=profile.match_version,
            sign_get=True,
            sign_head=True,
        )

    # Objects ---------------------------------------------------------------------------------------

    async def get(self, key: str) -> bytes:
        """See `Bucket.get`."""
        content = await self._fast.get(key)
        if content is None:
            content = await _reads.get(self._client, key)
            self._fast.note_doubt(key)
        return content

    @asynccontextmanager
    async def read(
        self, key: str, *, offset: int = 0, length: int | None = None, version: str | None = None
    ) -> AsyncIterator[OpenObject]:
        """See `Bucket.read`."""
        opened = await self._plain.open(key, offset=offset, length=length, version=version)
        if opened is None:
            opened = await self._fast.open(key, offset=offset, length=length, version=version)
            if opened is not None:
                self._plain.note_doubt(length)
        if opened is not None:
            async with aclosing(opened.chunks):  # type: ignore[type-var]  # they have it, which the protocol doesn't say
                yield opened
            return
        async with _reads.open_object(self._client, key, offset=offset, length=length, version=version) as slowly:
            self._fast.note_doubt(key)
            yield slowly

    async def head(self, key: str) -> ObjectInfo:
        """See `Bucket.head`."""
        info = await self._fast.head(key)
        if info is None:
            info = await _reads.head(self._client, key)
            self._fast.note_doubt(key)
        return info

    async def put(self, key: str, content: Buffer, *, precondition: Precondition | None = None) -> str | None:
        """See `Bucket.put`."""
        parameters: dict[str, Any] = dict(self._written)
        if isinstance(precondition, CreateOnly):
            parameters["IfNoneMatch"] = "*"
        elif isinstance(precondition, MatchVersion):
            version = precondition.version
            parameters["IfMatch"] = version if self._profile.unquoted_match else f'"{version}"'
        etag = await self._put(key, content, parameters, once=precondition is None)
        return etag.strip('"') if etag else None

    async def copy(self, source: ObjectInfo, key: str) -> None:
        """See `Bucket.copy`."""
        await copy(self._client, self._profile, self._written, source, key)

    async def delete(self, key: str) -> None:
        """See `Bucket.delete`."""
        await self._deletions.one(key)

    async def delete_many(self, keys: Sequence[str]) -> Mapping[str, StorageError]:
        """See `Bucket.delete_many`."""
        return await self._deletions.many(keys)

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
        return await list_page(
            self._client,
            self._profile.list_version,
            prefix,
            delimiter=delimiter,
            start_after=start_after,
            cursor=cursor,
            limit=limit,
        )

    async def sign(self, key: str, *, method: str) -> str | None:
        """See `Bucket.sign`."""
        return await sign(self._client, key, method)

    async def _put(self, key: str, content: Buffer, parameters: dict[str, Any], *, once: bool) -> str | None:
        """Put an object. What another writer interfered with did nothing, and is sent again until it is decided."""
        for attempt in range(_RACES, -1, -1):
            try:
                answer = await self._client.call(
                    "put_object",
                    Key=key,
                    Body=Content(content),
                    ContentType="application/octet-stream",
                    **parameters,
                )
            except PathNotFoundError as error:  # so Amazon says that there is nothing to replace
                raise PreconditionFailedError("there is no such object to replace") from error
            except StorageUnavailableError as error:
                lost = isinstance(error, ConflictError) or code_of(error.__cause__) == self._profile.lost_race
                if once or not attempt or not lost:
                    raise
            else:
                return answer.get("ETag")
        raise AssertionError("the last attempt raises")

    # Uploads of parts ------------------------------------------------------------------------------

    async def begin_upload(self, key: str) -> str:
        """See `Bucket.begin_upload`."""
        return await _multipart.begin(self._client, key, self._written)

    async def put_part(self, key: str, upload_id: str, number: int, content: Buffer) -> Part:
        """See `Bucket.put_part`."""
        return await _multipart.put_part(self._client, key, upload_id, number, content)

    async def copy_part(
        self, key: str, upload_id: str, number: int, source: ObjectInfo, *, offset: int, length: int
    ) -> Part:
        """See `Bucket.copy_part`."""
        part = await _multipart.copy_part(self._client, key, upload_id, number, source, offset=offset, length=length)
        await _multipart.check_source(self._client, self._profile, source)
        return part

    async def complete_upload(self, key: str, upload_id: str, parts: Sequence[Part]) -> None:
        """See `Bucket.complete_upload`."""
        await _multipart.complete(self._client, key, upload_id, parts)

    async def abort_upload(self, key: str, upload_id: str) -> None:
        """See `Bucket.abort_upload`."""
        await _multipart.abort(self._client, key, upload_id)

    async def list_uploads(self, prefix: str) -> AsyncIterator[OpenUpload]:
        """See `Bucket.list_uploads`."""
        if self._profile.list_uploads:
            async for upload in list_uploads(self._client, prefix):
                yield upload

    # The bucket ------------------------------------------------------------------------------------

    async def identify(self) -> str:
        """See `Bucket.identify`. On Amazon S3, STS is asked, too."""
        credentials = await self._client.credentials()
        try:
            key = (await credentials.get_frozen_credentials()).access_key
        except SDK_ERRORS as error:
            raise storage_error(error, self._client.bucket) from error
        known = f"access key {key} from {_FOUND.get(credentials.method, credentials.method)}"
        # Whatever the profile says: Amazon is told a key only where the requests go there, too.
        if not (self._profile.identity and find_profile("auto", self._client.options.endpoint).identity):
            return known
        try:
            return f"{await self._client.caller()}, {known}"
        except StorageError as error:
            return f"{known}; STS tells no more: {error}"

    async def aclose(self) -> None:
        """See `Bucket.aclose`."""
        self._plain.close()
        await self._fast.aclose()
        await self._client.aclose()
