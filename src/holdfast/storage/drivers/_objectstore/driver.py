"""The contract over a bucket: what the drivers of all object stores share.

    path -> Keys -> RetryingBucket -> the vendor's Bucket -> its SDK

A vendor's driver is a class with options and a bucket; everything else is here and in the modules beside this one.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

import structlog

from holdfast.storage.budget import MemoryBudget
from holdfast.storage.driver import Capabilities, FileInfo, StorageDriver
from holdfast.storage.drivers._objectstore.deleting import delete_keys, delete_tree
from holdfast.storage.drivers._objectstore.keys import Keys
from holdfast.storage.drivers._objectstore.listing import any_below, list_children, start_key
from holdfast.storage.drivers._objectstore.parts import PartPlan
from holdfast.storage.drivers._objectstore.reader import open_chunks
from holdfast.storage.drivers._objectstore.retrying import RetryingBucket
from holdfast.storage.drivers._objectstore.sending import PartSender
from holdfast.storage.drivers._objectstore.sessions import Session, Sessions, Stored, new_session, read_token
from holdfast.storage.drivers._objectstore.uploads import Uploads
from holdfast.storage.drivers._objectstore.walking import walk_objects
from holdfast.storage.drivers._objectstore.writer import ObjectWriter
from holdfast.storage.drivers._tasks import stop, together, whole
from holdfast.storage.errors import (
    IncompleteReadError,
    InvalidResumeTokenError,
    PathNotFoundError,
    PreconditionFailedError,
    StorageError,
    WriteConflictError,
)
from holdfast.storage.ops import throw_away
from holdfast.storage.path import is_path

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from holdfast.storage.driver import Buffer, Chunks, FileWriter, Paths, Precondition, UploadInfo
    from holdfast.storage.drivers._objectstore.bucket import Bucket, ObjectInfo

__all__ = ["BUFFER_BYTES", "ObjectStoreDriver"]

BUFFER_BYTES: Final = 256 * 1024 * 1024
"""The memory that the parts of all writes of a driver take together, unless it is configured."""

_log = structlog.get_logger(__name__)


class ObjectStoreDriver(StorageDriver):
    """Files as objects of a bucket, at the keys that Distribution writes.

    A path can be a file and a directory at once: an object's key says nothing about other keys, and looking for them
    before every write would cost a request for each directory above it. `exclusive_names` doesn't hold.

    Args:
        name: The driver's name.
        bucket: The vendor's bucket; it is closed with the driver.
        rootdirectory: What all keys begin with.
        chunksize: The size of a part, in bytes, as long as an upload has few.
        buffermemory: The memory that all parts on their way take together, in bytes.
    """

    def __init__(
        self, name: str, bucket: Bucket, *, rootdirectory: str, chunksize: int, buffermemory: int = BUFFER_BYTES
    ) -> None:
        self._name = name
        self._bucket = RetryingBucket(bucket)
        self._keys = Keys(rootdirectory)
        self._sessions = Sessions(self._bucket, self._keys)
        self._uploads = Uploads(self._bucket, self._keys, self._sessions)
        self._plan = PartPlan(bucket.limits, chunksize)
        self._budget = MemoryBudget(buffermemory)
        self._writers: WeakValueDictionary[str, ObjectWriter] = WeakValueDictionary()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._introduction: asyncio.Task[None] | None = None
        limits = bucket.limits
        self._capabilities = Capabilities(
            put_create_only=limits.create_only,
            put_match_version=limits.match_version,
            write_resume_token=True,
            write_max_bytes=self._plan.max_bytes,
            list_uploads=True,
            redirect_get=limits.sign_get,
            redirect_head=limits.sign_head,
            shared=True,
            object_prefix=self._keys.root,
        )

    def __repr__(self) -> str:
        """The class and what it is rooted at; nothing of its credentials."""
        return f"{type(self).__name__}(rootdirectory={self._keys.root!r})"

    @property
    def name(self) -> str:
        """The driver's name."""
        return self._name

    @property
    def capabilities(self) -> Capabilities:
        """What the store can do."""
        return self._capabilities

    # Reading --------------------------------------------------------------------------------------

    async def get_content(self, path: str) -> bytes:
        """See `StorageDriver.get_content`. One request."""
        self._introduce()
        return await self._bucket.get(self._keys.key(path))

    def reader(self, path: str, *, offset: int = 0, length: int | None = None) -> Chunks:
        """See `StorageDriver.reader`. One request, and one more for each connection that breaks."""
        self._introduce()
        return open_chunks(self._bucket, self._keys.key(path), offset=offset, length=length)

    async def stat(self, path: str) -> FileInfo:
        """See `StorageDriver.stat`. One request for a file, two for a directory or nothing."""
        self._introduce()
        if path == "/":
            return FileInfo(path=path, size=0, is_dir=True)
        try:
            return self._describe(await self._bucket.head(self._keys.key(path)))
        except PathNotFoundError:
            if await any_below(self._bucket, self._keys, path):
                return FileInfo(path=path, size=0, is_dir=True)
            raise

    async def list(self, path: str, *, start_after: str | None = None, limit: int | None = None) -> Paths:
        """See `StorageDriver.list`. One request for about a thousand children."""
        self._introduce()
        return await list_children(self._bucket, self._keys, path, start_after=start_after, limit=limit)

    async def walk(self, path: str, *, start_after: str | None = None) -> AsyncIterator[FileInfo]:
        """See `StorageDriver.walk`. One request for about a thousand files; of many, several at a time."""
        self._introduce()
        keys = self._keys
        start = start_key(keys, path, start_after)
        found = False
        if start_after is None or start_after < path.rstrip("/") + "0":
            async with aclosing(walk_objects(self._bucket, keys.below(path), start_after=start)) as objects:
                async for info in objects:
                    described = self._describe(info)
                    # Folder markers end in a slash, and others' objects may be anywhere: no path names them.
                    if not info.key.endswith("/") and is_path(described.path):
                        found = True
                        if start_after is None or described.path > start_after:
                            yield described
        if not (found or path == "/" or await any_below(self._bucket, keys, path)):
            raise PathNotFoundError(path=path)

    async def redirect_url(self, path: str, *, method: str = "GET") -> str | None:
        """See `StorageDriver.redirect_url`. No request; the URL is signed for this method, for 20 minutes."""
        self._introduce()
        return await self._bucket.sign(self._keys.key(path), method=method)

    async def local_path(self, path: str) -> None:
        """Nothing lies on this machine."""
        del path

    # Writing --------------------------------------------------------------------------------------

    async def put_content(self, path: str, content: Buffer, *, precondition: Precondition | None = None) -> str | None:
        """See `StorageDriver.put_content`. One request."""
        self._introduce()
        version = await self._bucket.put(self._keys.key(path), content, precondition=precondition)
        return version if self._capabilities.put_match_version else None

    async def writer(self, path: str, *, append: bool = False, resume_token: str | None = None) -> FileWriter:
        """See `StorageDriver.writer`. One request, for the record of an unfinished write."""
        self._introduce()
        key = self._keys.key(path)
        lock = self._locks.setdefault(path, asyncio.Lock())
        if append:
            self._require_free(path)  # now, not when the writer that is open has ended
        content: ObjectInfo | None = None
        async with lock:
            if append:
                self._require_free(path)
            stored = await self._sessions.load(path)
            readable = stored if stored is not None and stored.is_readable else None
            if resume_token is not None and (readable is None or readable.session.id != read_token(resume_token)):
                raise InvalidResumeTokenError(path=path)
            if append and readable is not None:
                return self._open(readable.session, lock, readable)
            if append:
                content = await self._bucket.head(key)
            if stored is not None:
                await whole(self._sessions.discard(stored.session))
            if (replaced := self._writers.get(path)) is not None:
                replaced.replace()
            writer = self._open(new_session(path), lock, None)
        if content is not None:
            await self._adopt(writer, content)
        return writer

    async def move(self, source: str, destination: str) -> None:
        """See `StorageDriver.move`. A copy on the server, verified by its size, then a delete."""
        self._introduce()
        info = await self._bucket.head(self._keys.key(source))
        if source == destination:
            return
        target = self._keys.key(destination)
        await self._bucket.copy(info, target)
        copied = await self._bucket.head(target)
        if copied.size != info.size:
            raise IncompleteReadError(f"{copied.size} of {info.size} bytes were copied to {destination}", path=source)
        await self._bucket.delete(info.key)

    async def delete(self, path: str) -> None:
        """See `StorageDriver.delete`. Five requests find what is there, three at a time; then as few as possible."""
        self._introduce()
        found = await together(delete_tree(self._bucket, self._keys, path), self._uploads.delete_below(path))
        if not (any(found) or path == "/"):
            raise PathNotFoundError(path=path)

    async def delete_files(self, paths: Sequence[str]) -> None:
        """See `StorageDriver.delete_files`. One request for as many as the store takes."""
        self._introduce()
        await delete_keys(self._bucket, self._keys, [self._keys.key(path) for path in paths])

    async def list_uploads(self, path: str) -> AsyncIterator[UploadInfo]:
        """See `StorageDriver.list_uploads`. Uploads of parts that killed processes left are among them."""
        self._introduce()
        async with aclosing(self._uploads.at_and_below(path)) as uploads:
            async for upload in uploads:
                yield upload

    async def abort_upload(self, upload: UploadInfo) -> None:
        """See `StorageDriver.abort_upload`. A write that has grown since it was listed is spared."""
        self._introduce()
        await self._uploads.abort(upload)

    async def aclose(self) -> None:
        """See `StorageDriver.aclose`. Open writers are closed first, so what they hold is kept."""
        try:
            ended = await asyncio.gather(*(writer.close() for writer in self._writers.values()), return_exceptions=True)
        finally:
            if self._introduction is not None:
                await stop([self._introduction])
            await self._bucket.aclose()
        for error in filter(None, ended):
            raise error

    # How ------------------------------------------------------------------------------------------

    def _describe(self, info: ObjectInfo) -> FileInfo:
        version = info.version if self._capabilities.put_match_version else None
        return FileInfo(path=self._keys.path(info.key), size=info.size, modified=info.modified, version=version)

    def _require_free(self, path: str) -> None:
        if path in self._writers:
            raise WriteConflictError("another writer is open on this path", path=path)

    async def _adopt(self, writer: ObjectWriter, content: ObjectInfo) -> None:
        try:
            await writer.adopt(content)
        except BaseException as error:
            await throw_away(writer, error)
            if isinstance(error, PreconditionFailedError):
                raise WriteConflictError("the content was replaced while it was copied", path=writer.path) from error
            raise

    def _open(self, session: Session, lock: asyncio.Lock, stored: Stored | None) -> ObjectWriter:
        key = self._keys.key(session.path)
        writer = ObjectWriter(
            bucket=self._bucket,
            key=key,
            sessions=self._sessions,
            session=session,
            sender=PartSender(self._bucket, key, self._plan, self._budget, session),
            budget=self._budget,
            lock=lock,
            on_close=self._forget_writer,
            stored=stored,
        )
        self._writers[session.path] = writer
        return writer

    def _forget_writer(self, writer: ObjectWriter) -> None:
        if self._writers.get(writer.path) is writer:
            del self._writers[writer.path]

    def _introduce(self) -> None:
        """Log, once, as whom we speak to the store: a registry that silently uses a broader identity is a trap."""
        if self._introduction is None:
            self._introduction = asyncio.create_task(self._log_identity())

    async def _log_identity(self) -> None:
        try:
            identity = await self._bucket.identify()
        except StorageError as error:
            _log.warning("can't tell the identity at the store", driver=self._name, error=str(error))
        else:
            _log.info("identity at the store", driver=self._name, identity=identity)
