"""The bucket: what `ObjectStoreDriver` asks for, made of what every backend can do."""

from __future__ import annotations

from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Final

from holdfast.storage.driver import CreateOnly
from holdfast.storage.drivers._bridge.listing import Listings, describe
from holdfast.storage.drivers._bridge.names import paths_of
from holdfast.storage.drivers._bridge.parts import AT_ONCE, MAX_PARTS, Parts
from holdfast.storage.drivers._bridge.writing import Writing, one_chunk
from holdfast.storage.drivers._objectstore.bucket import (
    Bucket,
    BucketLimits,
    ObjectInfo,
    OpenObject,
    PastEndError,
)
from holdfast.storage.drivers._objectstore.keys import Keys
from holdfast.storage.drivers._tasks import whole
from holdfast.storage.errors import (
    IncompleteReadError,
    PathNotFoundError,
    PreconditionFailedError,
    UnsupportedOperationError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence

    from holdfast.storage.driver import Buffer, Precondition
    from holdfast.storage.drivers._bridge.backend import Backend, Entry, Traits
    from holdfast.storage.drivers._objectstore.bucket import OpenUpload, Page, Part
    from holdfast.storage.errors import StorageError

__all__ = ["BridgeBucket"]

_MIB: Final = 1024 * 1024
_SIGNED_SECONDS: Final = 20 * 60


class BridgeBucket(Bucket):
    """A backend of another library as a bucket. The root is the backend's own: keys begin with nothing.

    Args:
        backend: The backend; it is closed with the bucket.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._traits = backend.traits
        self._path = paths_of(backend.traits)
        self._listings = Listings(backend)
        self._writing = Writing(backend, self._listings)
        self._parts = Parts(backend, self._listings, self._writing, Keys(""))
        most = self._traits.max_piece or 5 * _MIB * _MIB
        self._limits = BucketLimits(
            min_part=1,
            max_part=min(most, 1024 * _MIB),
            max_parts=MAX_PARTS,
            parts_at_once=AT_ONCE,
            max_put=min(most, 1024 * _MIB),
            max_object=most,
            create_only=self._traits.create_only,
            sign_get=self._traits.sign_get,
            sign_head=self._traits.sign_head,
        )

    @property
    def limits(self) -> BucketLimits:
        """See `Bucket.limits`."""
        return self._limits

    @property
    def traits(self) -> Traits:
        """What the backend is."""
        return self._traits

    async def require_name(self, key: str) -> None:
        """In a tree: refuse a key that is a directory's, or below a file.

        Raises:
            InvalidPathError: It is.
        """
        await self._writing.require_name(key)

    async def rename(self, source: str, key: str) -> None:
        """Rename a file of a tree, over what is there. Asked where `traits.rename` holds.

        Raises:
            PathNotFoundError: The source isn't there.
            InvalidPathError: The path, or a part of it, is taken by the other kind.
        """
        await self._writing.rename(source, key)

    # Objects ---------------------------------------------------------------------------------------

    async def get(self, key: str) -> bytes:
        """See `Bucket.get`."""
        async with self._backend.open(self._path(key), offset=0) as opened:
            content = b"".join([chunk async for chunk in opened.chunks])
        if len(content) != (opened.entry.size or 0):
            raise IncompleteReadError(f"{len(content)} of {opened.entry.size} bytes")
        return content

    @asynccontextmanager
    async def read(
        self, key: str, *, offset: int = 0, length: int | None = None, version: str | None = None
    ) -> AsyncIterator[OpenObject]:
        """See `Bucket.read`. More than the length may come: who reads counts."""
        async with self._backend.open(self._path(key), offset=offset) as opened:
            entry = opened.entry
            if version is not None and entry.version != version:
                raise PreconditionFailedError(f"the version is {entry.version}")
            if offset >= (entry.size or 0) and (offset or length is not None):
                raise PastEndError(f"it has {entry.size} bytes")
            async with aclosing(_first(opened.chunks, length)) as chunks:
                yield OpenObject(describe(key, entry), chunks)

    async def head(self, key: str) -> ObjectInfo:
        """See `Bucket.head`."""
        return describe(key, await self._file(key))

    async def put(self, key: str, content: Buffer, *, precondition: Precondition | None = None) -> str | None:
        """See `Bucket.put`. No backend tells the version of what it has just taken, so nor does this."""
        data = bytes(content)
        create_only = isinstance(precondition, CreateOnly)
        await self._writing.write(key, lambda: one_chunk(data), size=len(data), create_only=create_only)
        return None

    async def copy(self, source: ObjectInfo, key: str) -> None:
        """See `Bucket.copy`. Where the backend can't, what is read is written."""
        await self._file(source.key)
        if self._traits.copy and not self._traits.tree:
            await whole(self._backend.copy(source.key, key))
            return
        await self._writing.write(key, lambda: self._content(source), size=source.size)

    async def delete(self, key: str) -> None:
        """See `Bucket.delete`."""
        await self._writing.remove(key)

    async def delete_many(self, keys: Sequence[str]) -> Mapping[str, StorageError]:
        """See `Bucket.delete_many`."""
        return await self._writing.remove_all(keys)

    async def list_page(
        self,
        prefix: str,
        *,
        delimiter: bool = False,
        start_after: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Page:
        """See `Bucket.list_page`. Where the backend has no order, a request for each directory."""
        return await self._listings.page(
            prefix, delimiter=delimiter, start_after=start_after, cursor=cursor, limit=limit
        )

    async def sign(self, key: str, *, method: str) -> str | None:
        """See `Bucket.sign`."""
        able = {"GET": self._traits.sign_get, "HEAD": self._traits.sign_head}.get(method, False)
        return await self._backend.sign(self._path(key), method=method, seconds=_SIGNED_SECONDS) if able else None

    # Uploads of parts ------------------------------------------------------------------------------

    async def begin_upload(self, key: str) -> str:
        """See `Bucket.begin_upload`."""
        return await self._parts.begin(key)

    async def put_part(self, key: str, upload_id: str, number: int, content: Buffer) -> Part:
        """See `Bucket.put_part`."""
        return await self._parts.put_part(key, upload_id, number, bytes(content))

    async def copy_part(
        self, key: str, upload_id: str, number: int, source: ObjectInfo, *, offset: int, length: int
    ) -> Part:
        """Copy nothing: no backend copies a range, and the limits say so."""
        del key, upload_id, number, source, offset, length
        raise UnsupportedOperationError("a range of a file can't be copied")

    async def complete_upload(self, key: str, upload_id: str, parts: Sequence[Part]) -> None:
        """See `Bucket.complete_upload`."""
        await self._parts.complete(key, upload_id, parts)

    async def abort_upload(self, key: str, upload_id: str) -> None:
        """See `Bucket.abort_upload`."""
        await self._parts.abort(key, upload_id)

    def list_uploads(self, prefix: str) -> AsyncIterator[OpenUpload]:
        """See `Bucket.list_uploads`."""
        return self._parts.open_uploads(prefix)

    # The bucket ------------------------------------------------------------------------------------

    async def identify(self) -> str:
        """See `Bucket.identify`."""
        return self._backend.identify()

    async def aclose(self) -> None:
        """See `Bucket.aclose`."""
        await self._backend.aclose()

    async def _file(self, key: str) -> Entry:
        entry = await self._backend.stat(self._path(key))
        if entry.is_dir:
            raise PathNotFoundError("is a directory")
        return entry

    async def _content(self, source: ObjectInfo) -> AsyncGenerator[bytes]:
        came = 0
        async with self._backend.open(self._path(source.key), offset=0) as opened:
            async for chunk in opened.chunks:
                came += len(chunk)
                yield chunk
        if came != source.size:
            raise IncompleteReadError(f"{came} of {source.size} bytes")


async def _first(chunks: AsyncIterator[bytes], length: int | None) -> AsyncGenerator[bytes]:
    """No more chunks than have so many bytes: a stream that nobody reads on isn't asked for more."""
    left = length
    async for chunk in chunks:
        yield chunk
        if left is not None:
            left -= len(chunk)
            if left <= 0:
                return
