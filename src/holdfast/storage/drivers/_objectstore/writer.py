"""A writer: content is collected until it makes a part."""

from __future__ import annotations

from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING, Final

from holdfast.storage.driver import Buffer, FileWriter
from holdfast.storage.drivers._objectstore.bucket import UnknownUploadError
from holdfast.storage.drivers._objectstore.reader import open_chunks
from holdfast.storage.drivers._objectstore.sending import GONE
from holdfast.storage.drivers._objectstore.sessions import Session, new_holder, token_of
from holdfast.storage.drivers._tasks import whole
from holdfast.storage.errors import (
    PathNotFoundError,
    StorageError,
    StorageFullError,
    WriteConflictError,
    WriterClosedError,
)

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from holdfast.storage.budget import MemoryBudget
    from holdfast.storage.drivers._objectstore.bucket import Bucket, ObjectInfo
    from holdfast.storage.drivers._objectstore.sending import PartSender
    from holdfast.storage.drivers._objectstore.sessions import Sessions, Stored

__all__ = ["ObjectWriter"]

_SMALL_BYTES: Final = 1024 * 1024
"""What a writer may collect without asking: many small ones needn't wait for a few large ones."""

_CLOCKS_APART: Final = 15 * 60
"""How many seconds the store's clock may differ from ours; where it is more, S3 refuses all requests."""


class _State(Enum):
    OPEN = "open"
    FAILED = "failed"
    CLOSED = "closed"
    KEPT = "kept"


_DONE: Final = frozenset({_State.CLOSED, _State.KEPT})


class ObjectWriter(FileWriter):
    """An unfinished write, and what of it isn't with the store yet.

    In memory are the part that is being collected and about 20 MiB of parts on their way, and together with all other
    writers no more than the budget. A cancelled `close`, `commit` or `cancel` has happened or failed as a whole, when
    the cancellation gets through; a cancelled `write` has accepted as much as `size` says.

    Args:
        bucket: The store.
        key: Where the content goes.
        sessions: Where the write is kept.
        session: The write.
        sender: Its parts.
        budget: The memory that all parts share.
        lock: Held while the write ends, and while another one to the path is opened.
        on_close: Told when it has ended.
        stored: The record that it continues, if it continues one.
    """

    def __init__(
        self,
        *,
        bucket: Bucket,
        key: str,
        sessions: Sessions,
        session: Session,
        sender: PartSender,
        budget: MemoryBudget,
        lock: asyncio.Lock,
        on_close: Callable[[ObjectWriter], None],
        stored: Stored | None = None,
    ) -> None:
        self._bucket = bucket
        self._key = key
        self._sessions = sessions
        self._session = session
        self._sender = sender
        self._budget = budget
        self._lock = lock
        self._on_close = on_close
        self._has_record = stored is not None
        self._version = stored.version if stored else None
        self._recorded = session.size + (len(stored.tail) if stored else 0)  # bytes that the record holds
        self._tail: list[Buffer] = [stored.tail] if stored and stored.tail else []
        self._tail_bytes = len(stored.tail) if stored else 0
        self._held = 0  # of the budget, for the tail
        self._state = _State.OPEN
        self._conflict: str | None = None
        self._unclaimed = stored
        self._unsure: str | None = None  # whose claim's answer didn't come
        self._committed = False

    @property
    def path(self) -> str:
        """Where the content is to show."""
        return self._session.path

    @property
    def size(self) -> int:
        """Bytes accepted so far."""
        return self._sender.size + self._tail_bytes

    @property
    def resume_token(self) -> str | None:
        """The write's identity, once it is closed and kept."""
        return token_of(self._session) if self._state is _State.KEPT else None

    def replace(self) -> None:
        """Note that a write began anew at the path: this one can't be committed any more."""
        self._conflict = "another writer began this write anew"

    async def write(self, data: Buffer) -> None:
        """Append; see `FileWriter.write`."""
        self._require_usable()
        try:
            await self._append(data if type(data) is bytes else bytes(data))
        except StorageError:
            self._fail()
            raise

    async def adopt(self, source: ObjectInfo) -> None:
        """Begin with the content of an object, copied on the server where that can be done.

        Raises:
            PathNotFoundError, PreconditionFailedError: It is gone, or is another one now.
        """
        limits = self._bucket.limits
        if limits.copy_part is not None and source.size >= max(1, limits.min_part) and not limits.equal_parts:
            await self._sender.copy(source, limits.copy_part)
            return
        async with open_chunks(self._bucket, source.key, version=source.version) as chunks:
            async for chunk in chunks:
                await self.write(chunk)

    async def close(self) -> None:
        """Keep what was written; see `FileWriter.close`."""
        if self._state not in _DONE:
            await whole(self._close())

    async def commit(self) -> None:
        """Make what was written the content of the path; see `FileWriter.commit`."""
        self._require_usable()
        await whole(self._commit())

    async def cancel(self) -> None:
        """Throw away what was written; see `FileWriter.cancel`."""
        if self._state in _DONE:
            raise WriterClosedError(path=self.path)
        await whole(self._cancel())

    # Appending ------------------------------------------------------------------------------------

    async def _append(self, chunk: bytes) -> None:
        if self.size + len(chunk) > self._bucket.limits.max_object:
            raise StorageFullError(f"the store takes {self._bucket.limits.max_object} bytes in an object")
        at = 0
        while at < len(chunk):
            target = self._sender.next_size
            end = min(len(chunk), at + max(0, target - self._tail_bytes))
            if end > at:
                await self._reserve(end - at, target)
                self._tail.append(chunk if end - at == len(chunk) else memoryview(chunk)[at:end])
                self._tail_bytes += end - at
                at = end
            if self._tail_bytes >= target:
                await self._send_tail()

    async def _send_tail(self) -> None:
        await self._sender.make_room(self._tail_bytes)
        self._require_usable()
        await self._require_upload()
        upload_id = await self._sender.begun()
        self._require_usable()
        content, held = b"".join(self._tail), self._held
        self._tail, self._tail_bytes, self._held = [], 0, 0
        self._sender.send(upload_id, content, held)

    async def _reserve(self, size: int, target: int) -> None:
        """Have memory for the whole part before it grows large: who holds a half and waits can wait for each other."""
        if not self._held and self._tail_bytes + size > _SMALL_BYTES:
            held = await self._budget.take(target)
            if self._state in _DONE:
                self._budget.give_back(held)
                raise WriterClosedError(path=self.path)
            self._held = held

    async def _require_upload(self) -> None:
        """Before the first part that is added to an upload of an earlier session: take it over."""
        await self._settle_claim()
        if self._unclaimed is not None and self._sender.is_shared:
            await whole(self._claim(self._unclaimed))

    async def _claim(self, stored: Stored) -> None:
        holder = new_holder()
        try:
            self._version = await self._sessions.claim(stored, holder)
        except WriteConflictError:
            self._conflict = GONE
            raise
        except StorageError:
            self._unsure = holder
            raise
        self._unclaimed = None

    async def _settle_claim(self) -> None:
        """Find out whether a claim whose answer didn't come has happened: it would look like another process's."""
        if self._unsure is None:
            return
        stored = await self._sessions.load(self.path)
        if stored is not None and stored.session.holder == self._unsure:
            self._version, self._unclaimed = stored.version, None
        self._unsure = None

    # Ending ---------------------------------------------------------------------------------------

    async def _close(self) -> None:
        async with self._lock:
            if self._state in _DONE:
                return
            told = self._state is _State.FAILED  # whoever wrote knows already
            kept = False
            try:
                await self._sender.land()
                self._note_conflict()
                if self._conflict is not None:
                    await self._leave()
                elif not self._committed:  # otherwise what failed was clearing up
                    await self._keep()
                    kept = True
            finally:
                self._end(_State.KEPT if kept else _State.CLOSED)
            if not told:
                self._raise_failure()

    async def _keep(self) -> None:
        """Write the record: of the parts that arrived before the first one that didn't, and of the rest."""
        try:
            if self._sender.may_end_early(self._tail_bytes):
                await self._end_early()
            arrived = self._sender.arrived()
            session = Session(self._session.id, self.path, self._sender.upload_id, arrived, self._sender.began)
            if session.size != self._sender.size:
                self._sender.size = session.size
                self._tail, self._tail_bytes = [], 0
            if self.size < self._recorded:
                await self._leave_record()
                return
            await self._settle_claim()
            tail, is_new = b"".join(self._tail), not self._has_record
            self._version = await self._sessions.save(session, tail, replaces=self._version, is_new=is_new)
        except WriteConflictError:
            self._conflict = self._conflict or GONE
            await self._leave()
            raise
        self._session = session

    async def _leave_record(self) -> None:
        """Let the record be as it was: its last bytes were in a part that didn't arrive."""
        self._tail_bytes = self._recorded - self._session.size
        self._sender.size = self._session.size
        if not self._sender.is_shared:
            await self._leave()

    async def _end_early(self) -> None:
        """Send the rest as a part; where that fails it goes into the record."""
        try:
            await self._require_upload()
            await self._sender.put(b"".join(self._tail))
        except UnknownUploadError as error:
            raise WriteConflictError(GONE, path=self.path) from error
        except WriteConflictError:
            raise
        except StorageError:
            return
        self._tail, self._tail_bytes = [], 0

    async def _commit(self) -> None:
        async with self._lock:
            try:
                self._require_usable()
                await self._sender.land()
                await self._require_current()
                self._raise_failure()
                if self._sender.upload_id is None and self.size <= self._bucket.limits.max_put:
                    await self._bucket.put(self._key, b"".join(self._tail))
                else:
                    await self._complete()
                self._committed = True
                if self._has_record:
                    await self._sessions.forget(self._session)
            except BaseException:
                self._fail()
                raise
            self._end(_State.CLOSED)

    async def _complete(self) -> None:
        try:
            await self._sender.complete(self._tail)
        except UnknownUploadError as error:
            if not await self._is_completed():
                self._conflict = GONE
                raise WriteConflictError(self._conflict, path=self.path) from error

    async def _is_completed(self) -> bool:
        """Whether the upload is unknown because an earlier session has completed it.

        Its answer, or the deletion of the record, got lost then. The content is as long as ours, and was made no
        sooner than the upload was begun: some stores tell when it was begun, and others when it was completed.
        """
        if not self._sender.is_shared:
            return False
        try:
            there = await self._bucket.head(self._key)
        except PathNotFoundError:
            return False
        made, began = there.modified, self._sender.began
        is_later = made is None or began is None or made.timestamp() >= began - _CLOCKS_APART
        return there.size == self.size and is_later

    async def _cancel(self) -> None:
        async with self._lock:
            if self._state in _DONE:
                raise WriterClosedError(path=self.path)
            try:
                await self._sender.stop()
                await self._settle_claim()
                await self._require_current()
                if self._conflict is not None:
                    await self._leave(is_cancelled=True)
                else:
                    await self._sender.abort()
                    if self._has_record:
                        await self._sessions.forget(self._session)
            finally:
                self._end(_State.CLOSED)

    async def _leave(self, *, is_cancelled: bool = False) -> None:
        """Free what a write has sent that isn't ours any more, unless somebody goes on with it.

        Where the record is ours all the same, what is gone are the parts. It stays unless the write is cancelled.
        """
        await self._sender.stop()
        upload_id = self._sender.upload_id
        if upload_id is None:
            return
        with suppress(StorageError):  # the conflict is what is to be told; `list_uploads` finds what stays
            stored = await self._sessions.load(self.path)
            if stored is None or stored.session.upload_id != upload_id:
                await self._sender.abort()
            elif is_cancelled and self._has_record and stored.version == self._version:
                await self._sessions.discard(stored.session)

    async def _require_current(self) -> None:
        """Note that a write isn't ours any more, as far as that can be told."""
        self._note_conflict()
        is_unsure = self._has_record and self._conflict is None
        if is_unsure and not await self._sessions.is_current(self._session, self._version):
            self._conflict = GONE

    def _note_conflict(self) -> None:
        if isinstance(self._sender.failure, WriteConflictError):
            self._conflict = self._conflict or GONE

    def _require_usable(self) -> None:
        if self._state in _DONE:
            raise WriterClosedError(path=self.path)
        if self._state is _State.FAILED:
            raise WriterClosedError("after an error, a writer can only be closed or cancelled", path=self.path)
        try:
            self._raise_failure()
        except StorageError:
            self._fail()
            raise

    def _raise_failure(self) -> None:
        if self._conflict is not None:
            raise WriteConflictError(self._conflict, path=self.path)
        if self._sender.failure is not None:
            raise self._sender.failure

    def _fail(self) -> None:
        if self._state is _State.OPEN:
            self._state = _State.FAILED

    def _end(self, state: _State) -> None:
        self._state = state
        self._tail.clear()
        self._budget.give_back(self._held)
        self._held = 0
        self._on_close(self)
