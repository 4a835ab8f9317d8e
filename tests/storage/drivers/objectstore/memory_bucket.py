"""A bucket in memory that is as strict as S3, for tests of what all object stores share.

No real store is as fast or as nice: the tests of each driver run on real ones.
"""
# ruff: noqa: D102 - each method does what the interface says

import asyncio
from bisect import bisect_left
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count, islice

from holdfast.storage.driver import Buffer, CreateOnly, MatchVersion, Precondition
from holdfast.storage.drivers._objectstore.bucket import (
    Bucket,
    BucketLimits,
    ObjectInfo,
    OpenObject,
    OpenUpload,
    Page,
    Part,
    PastEndError,
    UnknownUploadError,
)
from holdfast.storage.errors import PathNotFoundError, PreconditionFailedError, StorageError, UnexpectedStorageError

__all__ = ["LIMITS", "MIB", "MemoryBucket", "Store"]

MIB = 1024 * 1024

LIMITS = BucketLimits(
    min_part=5 * MIB,
    max_part=5 * 1024 * MIB,
    max_parts=10_000,
    max_put=5 * 1024 * MIB,
    max_object=5 * 1024 * 1024 * MIB,
    copy_part=5 * 1024 * MIB,
    create_only=True,
    match_version=True,
)

_CHUNK = 256 * 1024
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class _Object:
    """Content in the pieces that it came in: joining them would take the memory twice."""

    pieces: tuple[bytes, ...]
    modified: datetime
    version: str

    @property
    def size(self) -> int:
        return sum(map(len, self.pieces))

    @property
    def content(self) -> bytes:
        return b"".join(self.pieces)

    def cut(self, start: int, end: int) -> Iterator[bytes]:
        """The pieces of a range."""
        at = 0
        for piece in self.pieces:
            part = piece[max(0, start - at) : max(0, end - at)]
            at += len(piece)
            if part:
                yield part


@dataclass(slots=True)
class _Upload:
    key: str
    started: datetime
    parts: dict[int, tuple[bytes, str]] = field(default_factory=dict)


@dataclass(slots=True)
class Store:
    """What a bucket holds; several buckets on one store are several processes on one real bucket.

    Attributes:
        page: How many entries a page of a listing has.
        objects: The objects by key.
        uploads: The open uploads by id.
        calls: How often each method was called.
        fail: Called before and after each request with its method and `before` or `after`; what it raises is raised.
    """

    page: int = 1000
    objects: dict[str, _Object] = field(default_factory=dict)
    uploads: dict[str, _Upload] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    fail: Callable[[str, str, str], None] = lambda _op, _when, _key: None


class MemoryBucket(Bucket):
    """A bucket on a store in memory. Each call lets others run first, as a request would."""

    def __init__(self, store: Store, limits: BucketLimits = LIMITS) -> None:
        self.store = store
        self._limits = limits
        self.closed = False

    @property
    def limits(self) -> BucketLimits:
        return self._limits

    @asynccontextmanager
    async def _request(self, op: str, key: str) -> AsyncIterator[None]:
        if self.closed:
            raise UnexpectedStorageError("closed")
        self.store.calls[op] += 1
        await asyncio.sleep(0)
        self.store.fail(op, "before", key)
        yield
        self.store.fail(op, "after", key)
        await asyncio.sleep(0)

    def _find(self, key: str) -> _Object:
        if key not in self.store.objects:
            raise PathNotFoundError
        return self.store.objects[key]

    def keep(self, key: str, *pieces: bytes) -> str:
        """Make an object, behind everybody's back."""
        assert len(key.encode()) <= 1024, key
        made = _Object(pieces, datetime.now(UTC), f"v{next(_numbers)}")
        self.store.objects[key] = made
        return made.version

    async def get(self, key: str) -> bytes:
        async with self._request("get", key):
            return self._find(key).content

    @asynccontextmanager
    async def read(
        self, key: str, *, offset: int = 0, length: int | None = None, version: str | None = None
    ) -> AsyncIterator[OpenObject]:
        assert length is None or length > 0
        async with self._request("read", key):
            found = self._find(key)
            if version not in {None, found.version}:
                raise PreconditionFailedError
            if offset >= found.size and (offset or length is not None):
                raise PastEndError
        end = found.size if length is None else offset + length
        yield OpenObject(_describe(key, found), self._chunks(key, found.cut(offset, end)))

    async def _chunks(self, key: str, pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
        for piece in pieces:
            for start in range(0, len(piece), _CHUNK):
                await asyncio.sleep(0)
                self.store.fail("chunk", "before", key)
                yield piece[start : start + _CHUNK]

    async def head(self, key: str) -> ObjectInfo:
        async with self._request("head", key):
            return _describe(key, self._find(key))

    async def put(self, key: str, content: Buffer, *, precondition: Precondition | None = None) -> str | None:
        assert len(content) <= self._limits.max_put
        async with self._request("put", key):
            found = self.store.objects.get(key)
            if isinstance(precondition, CreateOnly) and found is not None:
                raise PreconditionFailedError
            if isinstance(precondition, MatchVersion) and (found is None or found.version != precondition.version):
                raise PreconditionFailedError
            return self.keep(key, bytes(content))

    async def copy(self, source: ObjectInfo, key: str) -> None:
        async with self._request("copy", key):
            self.keep(key, *self._find(source.key).pieces)

    async def delete(self, key: str) -> None:
        async with self._request("delete", key):
            self.store.objects.pop(key, None)

    async def delete_many(self, keys: Sequence[str]) -> Mapping[str, StorageError]:
        async with self._request("delete_many", ""):
            for key in keys:
                self.store.objects.pop(key, None)
        return {}

    async def list_page(
        self,
        prefix: str,
        *,
        delimiter: bool = False,
        start_after: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Page:
        assert len((start_after or "").encode()) <= 1024
        async with self._request("list_page", prefix):
            after = max(start_after or "", cursor or "")
            size = min(limit or self.store.page, self.store.page)
            objects: list[ObjectInfo] = []
            prefixes: list[str] = []
            keys = sorted(self.store.objects)
            for key in islice(keys, bisect_left(keys, max(prefix, after)), None):
                if not key.startswith(prefix):
                    break
                if key == after or (prefixes and key.startswith(prefixes[-1])):
                    continue
                if len(objects) + len(prefixes) == size:
                    return Page(objects, prefixes, max([*prefixes, *(found.key for found in objects)]))
                cut = key.find("/", len(prefix)) if delimiter else -1
                if cut < 0:
                    objects.append(_describe(key, self.store.objects[key]))
                elif cursor is None or not cursor.endswith("/") or key[: cut + 1] > cursor:
                    prefixes.append(key[: cut + 1])
            return Page(objects, prefixes, None)

    async def sign(self, key: str, *, method: str) -> str | None:
        del key, method
        return None

    async def begin_upload(self, key: str) -> str:
        async with self._request("begin_upload", key):
            upload_id = f"upload-{next(_numbers)}"
            self.store.uploads[upload_id] = _Upload(key, datetime.now(UTC))
            return upload_id

    def _upload(self, key: str, upload_id: str) -> _Upload:
        upload = self.store.uploads.get(upload_id)
        if upload is None or upload.key != key:
            raise UnknownUploadError
        return upload

    async def put_part(self, key: str, upload_id: str, number: int, content: Buffer) -> Part:
        async with self._request("put_part", key):
            return self._keep_part(key, upload_id, number, bytes(content))

    def _keep_part(self, key: str, upload_id: str, number: int, content: bytes) -> Part:
        assert 1 <= number <= self._limits.max_parts
        tag = f"t{next(_numbers)}"
        self._upload(key, upload_id).parts[number] = (content, tag)
        return Part(number, len(content), tag)

    async def copy_part(
        self, key: str, upload_id: str, number: int, source: ObjectInfo, *, offset: int, length: int
    ) -> Part:
        async with self._request("copy_part", key):
            found = self._find(source.key)
            if found.version != source.version:
                raise PreconditionFailedError
            return self._keep_part(key, upload_id, number, found.content[offset : offset + length])

    async def complete_upload(self, key: str, upload_id: str, parts: Sequence[Part]) -> None:
        async with self._request("complete_upload", key):
            upload = self._upload(key, upload_id)
            if not parts or any(upload.parts.get(part.number, (b"", ""))[1] != part.tag for part in parts):
                raise UnknownUploadError
            contents = [upload.parts[part.number][0] for part in parts]
            small = [len(content) for content in contents[:-1] if len(content) < self._limits.min_part]
            assert not small, f"parts of {small} bytes aren't the last"
            assert not self._limits.equal_parts or len({len(content) for content in contents[:-1]}) <= 1
            del self.store.uploads[upload_id]
            self.keep(key, *contents)

    async def abort_upload(self, key: str, upload_id: str) -> None:
        async with self._request("abort_upload", key):
            upload = self.store.uploads.get(upload_id)
            if upload is not None and upload.key == key:
                del self.store.uploads[upload_id]

    async def list_uploads(self, prefix: str) -> AsyncIterator[OpenUpload]:
        async with self._request("list_uploads", prefix):
            found = [
                OpenUpload(upload.key, upload_id, upload.started)
                for upload_id, upload in self.store.uploads.items()
                if upload.key.startswith(prefix)
            ]
        for upload in found:
            yield upload

    async def identify(self) -> str:
        return "nobody"

    async def aclose(self) -> None:
        self.closed = True


def _describe(key: str, found: _Object) -> ObjectInfo:
    return ObjectInfo(key, found.size, found.modified, found.version)


def limits_without(**changes: object) -> BucketLimits:
    """The limits, changed."""
    return replace(LIMITS, **changes)  # type: ignore[arg-type]
