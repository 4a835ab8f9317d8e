"""What a vendor's object store must do for `ObjectStoreDriver`: objects by key, and uploads made of parts.

A bucket knows keys, requests and its SDK's errors, and nothing of paths, directories or writers. One method is one
request, or as few as the store needs; retrying is not its business (`RetryingBucket` does it), so its SDK's own
retries are switched off.

Every method raises the errors of `holdfast.storage.errors`, made by the one table of the driver's `errors.py`:
`PathNotFoundError` for a missing object only (a missing bucket is `UnexpectedStorageError`), `AccessDeniedError`,
`ThrottledError` with `retry_after`, `StorageTimeoutError`, `StorageUnavailableError`, `StorageFullError`,
`PreconditionFailedError`. The path of an error is filled in by others.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from holdfast.storage.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from holdfast.storage.driver import Buffer, Precondition

__all__ = [
    "Bucket",
    "BucketLimits",
    "ObjectInfo",
    "OpenObject",
    "OpenUpload",
    "Page",
    "Part",
    "PastEndError",
    "UnknownUploadError",
]


class PastEndError(StorageError):
    """The object exists, and ends at or before the offset that was asked for."""


class UnknownUploadError(StorageError):
    """The store doesn't have this upload of parts, or not with these parts: it was completed, aborted or replaced.

    Attributes:
        maybe_completed: Whether the request that says so may have completed it itself, since the store failed first.
    """

    def __init__(self, message: str = "", *, path: str | None = None, maybe_completed: bool = False) -> None:
        super().__init__(message, path=path)
        self.maybe_completed = maybe_completed


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketLimits:
    """What the store allows, and what it can do. Sizes are in bytes.

    Attributes:
        min_part: The least a part may have that isn't the last.
        max_part: The most a part may have.
        max_parts: The most parts of an upload.
        max_put: The most that one `put` takes.
        max_object: The most an object can have.
        equal_parts: All parts but the last must have the same size.
        copy_part: The most that `copy_part` copies at once; `None` where the store can't.
        parts_at_once: How many parts of an upload the store's client may have at once; `None` where only their bytes
            count.
        create_only: `put` takes `CreateOnly`.
        match_version: `put` takes `MatchVersion`, and versions are told.
        sign_get: `sign` makes URLs for `GET`.
        sign_head: `sign` makes URLs for `HEAD`.
    """

    min_part: int
    max_part: int
    max_parts: int
    max_put: int
    max_object: int
    equal_parts: bool = False
    copy_part: int | None = None
    parts_at_once: int | None = None
    create_only: bool = False
    match_version: bool = False
    sign_get: bool = False
    sign_head: bool = False


class ObjectInfo(msgspec.Struct, frozen=True):
    """An object, as a listing or a description has it.

    Attributes:
        key: Its key, whole.
        size: Its bytes.
        modified: When it was written, aware, UTC; `None` where the store doesn't tell.
        version: Changes with the content (an ETag without quotes, a generation); `None` where the store doesn't tell.
    """

    key: str
    size: int
    modified: datetime | None = None
    version: str | None = None


class Page(NamedTuple):
    """A piece of a listing. `objects` and `prefixes` are each in byte order of the key.

    Attributes:
        objects: The objects.
        prefixes: With a delimiter: the common prefixes, each ending in `/`.
        cursor: What the next call continues from; `None` at the end.
    """

    objects: list[ObjectInfo]
    prefixes: list[str]
    cursor: str | None


class OpenObject(NamedTuple):
    """An object that is being read.

    Attributes:
        info: The object as a whole: its size is not that of the range.
        chunks: Non-empty pieces of the range, each at most `MAX_CHUNK_BYTES`. It ends early, or raises, where the
            connection breaks: who reads counts.
    """

    info: ObjectInfo
    chunks: AsyncIterator[bytes]


class Part(msgspec.Struct, frozen=True, array_like=True):
    """A part that the store has.

    Attributes:
        number: From 1.
        size: Its bytes.
        tag: What completing the upload needs to name it (an ETag, a block id, a key).
    """

    number: int
    size: int
    tag: str


class OpenUpload(NamedTuple):
    """An upload of parts that was neither completed nor aborted.

    Attributes:
        key: Of the object that it would become.
        upload_id: The store's name for it.
        started: When it began, or last grew; aware, UTC; `None` where the store doesn't tell.
    """

    key: str
    upload_id: str
    started: datetime | None


class Bucket(ABC):
    """One bucket (or container) of one account."""

    @property
    @abstractmethod
    def limits(self) -> BucketLimits:
        """Constant for the bucket's lifetime; known without a request."""

    # Objects ---------------------------------------------------------------------------------------

    @abstractmethod
    async def get(self, key: str) -> bytes:
        """Return an object's whole content.

        Raises:
            PathNotFoundError: There is no such object.
            IncompleteReadError: Fewer bytes came than were announced.
        """

    @abstractmethod
    def read(
        self, key: str, *, offset: int = 0, length: int | None = None, version: str | None = None
    ) -> AbstractAsyncContextManager[OpenObject]:
        """Open an object, or a range of it, for streaming; entering it sends the request and waits for the head.

        Leaving it frees the connection, whatever was read.

        Args:
            key: The object.
            offset: Where to begin.
            length: How many bytes at most, more than 0; `None` to the end.
            version: Only this version.

        Raises:
            PathNotFoundError: There is no such object.
            PastEndError: It ends at or before the offset (an empty object read from offset 0 without a length doesn't
                raise: it yields nothing).
            PreconditionFailedError: It has another version.
        """

    @abstractmethod
    async def head(self, key: str) -> ObjectInfo:
        """Describe an object.

        Raises:
            PathNotFoundError: There is no such object.
        """

    @abstractmethod
    async def put(self, key: str, content: Buffer, *, precondition: Precondition | None = None) -> str | None:
        """Write an object whole, in one request; returns its version, as `head` would tell it.

        Raises:
            PreconditionFailedError: The precondition doesn't hold; for `MatchVersion`, a missing object too.
        """

    @abstractmethod
    async def copy(self, source: ObjectInfo, key: str) -> None:
        """Copy an object within the bucket on the server, however large, and wait until it is there.

        Cancelled or failed, nothing that takes space is left behind.

        Raises:
            PathNotFoundError: The source isn't there any more.
        """

    @abstractmethod
    async def delete(self, key: str) -> None:
        """Delete an object. One that isn't there is no error."""

    @abstractmethod
    async def delete_many(self, keys: Sequence[str]) -> Mapping[str, StorageError]:
        """Delete any number of objects, in as few requests as the store allows, several at a time.

        Returns:
            The keys that couldn't be deleted, each with its error. Missing ones are no error.
        """

    @abstractmethod
    async def list_page(
        self,
        prefix: str,
        *,
        delimiter: bool = False,
        start_after: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Page:
        """List a piece of what has a prefix, in byte order of the key.

        Args:
            prefix: Of the keys; empty for all.
            delimiter: Give keys that have a `/` after the prefix as common prefixes.
            start_after: Only objects with a greater key. Common prefixes may be among the answer that aren't greater:
                stores differ there, and the caller filters.
            cursor: Continue after an earlier page, of a call with the same arguments otherwise.
            limit: At most so many objects and prefixes; `None` for as many as the store gives at once.
        """

    @abstractmethod
    async def sign(self, key: str, *, method: str) -> str | None:
        """Return a URL, on the public endpoint if one is configured, good for this method and for 20 minutes."""

    # Uploads of parts ------------------------------------------------------------------------------

    @abstractmethod
    async def begin_upload(self, key: str) -> str:
        """Begin an upload of parts, and return its id (printable ASCII). It shows nowhere until it is completed."""

    @abstractmethod
    async def put_part(self, key: str, upload_id: str, number: int, content: Buffer) -> Part:
        """Send a part; one sent before under the same number is replaced.

        Raises:
            UnknownUploadError: The upload isn't there.
        """

    @abstractmethod
    async def copy_part(
        self, key: str, upload_id: str, number: int, source: ObjectInfo, *, offset: int, length: int
    ) -> Part:
        """Make a range of an object a part, on the server. Called only where `limits.copy_part` isn't `None`.

        Raises:
            UnknownUploadError: The upload isn't there.
            PreconditionFailedError: The source has another version now.
            PathNotFoundError: The source isn't there.
        """

    @abstractmethod
    async def complete_upload(self, key: str, upload_id: str, parts: Sequence[Part]) -> None:
        """Make the parts, at least one, the object, at once; what else was sent is dropped.

        Raises:
            UnknownUploadError: The upload isn't there, or a part isn't, or has been replaced.
        """

    @abstractmethod
    async def abort_upload(self, key: str, upload_id: str) -> None:
        """Throw an upload away, and free what its parts take as far as the store does that. A missing one is no error.

        Content committed at the key stays.
        """

    @abstractmethod
    def list_uploads(self, prefix: str) -> AsyncIterator[OpenUpload]:
        """Yield the open uploads of parts at keys with this prefix; none where the store can't list them."""

    # The bucket ------------------------------------------------------------------------------------

    @abstractmethod
    async def identify(self) -> str:
        """Tell as whom we speak to the store and how the credentials were found, for a log line; never a secret."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close all connections; idempotent."""
