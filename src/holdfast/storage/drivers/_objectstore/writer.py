"""A writer: content is collected until it makes a part."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

from holdfast.storage.driver import Buffer, FileWriter
from holdfast.storage.drivers._objectstore.bucket import UnknownUploadError
from holdfast.storage.drivers._objectstore.sending import GONE
from holdfast.storage.drivers._objectstore.sessions import Session, token_of
from holdfast.storage.drivers._tasks import whole
from holdfast.storage.errors import PathNotFoundError, WriteConflictError, WriterClosedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from holdfast.storage.budget import MemoryBudget
    from holdfast.storage.drivers._objectstore.bucket import Bucket, ObjectInfo
    from holdfast.storage.drivers._objectstore.sending import PartSender
    from holdfast.storage.drivers._objectstore.sessions import Sessions, Stored

__all__ = ["ObjectWriter"]

_SMALL_BYTES: Final = 1024 * 1024
"""What a writer may collect without asking: many small ones needn't wait for a few large ones."""


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
        on_close: Callable[[ObjectWriter], None],
        stored: Stored | None = None,
    ) -> None:
        self._bucket = bucket
        self._key = key
        self._sessions = sessions
        self._session = session
        self._sender = sender
        self._budget = budget
        self._on_close = on_close
        self._has_record = stored is not None
        self._version = stored.version if stored else None
        self._tail: list[Buffer] = [stored.tail] if stored and stored.tail else []
        self._tail_bytes = len(stored.tail) if stored else 0
        self._held = 0  # of the budget, for the tail
        self._state = _State.OPEN
        self._conflict: str | None = None
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
        chunk = data if type(data) is bytes else bytes(data)
        at = 0
        while True:
            target = self._sender.next_size
            if self._tail_bytes >= target:
                await self._send_tail()
            elif at >= len(chunk):
                return
            else:
                end = min(len(chunk), at + target - self._tail_bytes)
                await self._reserve(end - at, target)
                self._tail.append(chunk if end - at == len(chunk) else memoryview(chunk)[at:end])
                self._tail_bytes += end - at
                at = end

    async def adopt(self, source: ObjectInfo) -> None:
        """Begin with the content of an object, copied on the server where that can be done.

        Raises:
            PathNotFoundError, PreconditionFailedError: It is gone, or is another one now.
        """
        limits = self._bucket.limits
        if limits.copy_part is not None and source.size >= max(1, limits.min_part) and not limits.equal_parts:
            await self._sender.copy(source, limits.copy_part)
            return
        async with self._bucket.read(source.key, version=source.version) as opened:
            async for chunk in opened.chunks:
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

    async def _close(self) -> None:
        told = self._state is _State.FAILED  # whoever wrote knows already
        kept = False
        try:
            await self._sender.land()
            if self._conflict is not None:
                await self._sender.abort()
            elif not self._committed:  # otherwise what failed was clearing up
                await self._keep()
                kept = True
        finally:
            self._end(_State.KEPT if kept else _State.CLOSED)
        if not told:
            self._raise_failure()

    async def _keep(self) -> None:
        """Write the record: of the parts that arrived before the first one that didn't, and of the rest."""
        if self._sender.may_end_early(self._tail_bytes):
            await self._send_tail()
            await self._sender.land()
            # What fails here is told by `close`: less was kept than was accepted.
        arrived = self._sender.arrived()
        session = Session(self._session.id, self.path, self._sender.upload_id, arrived)
        if session.size != self._sender.size:
            self._sender.size = session.size
            self._tail, self._tail_bytes = [], 0
        tail = b"".join(self._tail)
        self._version = await self._sessions.save(session, tail, replaces=self._version, is_new=not self._has_record)
        self._session = session

    async def _commit(self) -> None:
        try:
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
            self._state = _State.FAILED
            raise
        self._end(_State.CLOSED)

    async def _complete(self) -> None:
        try:
            await self._sender.complete(self._tail)
        except UnknownUploadError as error:
            if not await self._is_there():
                self._conflict = GONE
                raise WriteConflictError(self._conflict, path=self.path) from error

    async def _is_there(self) -> bool:
        """Whether the upload is unknown because it was completed: its answer, or the record's deletion, got lost."""
        try:
            return (await self._bucket.head(self._key)).size == self.size
        except PathNotFoundError:
            return False

    async def _cancel(self) -> None:
        try:
            await self._sender.abort()
            is_ours = self._has_record and self._conflict is None
            if is_ours and await self._sessions.is_current(self._session, self._version):
                await self._sessions.forget(self._session)
        finally:
            self._end(_State.CLOSED)

    async def _require_current(self) -> None:
        """Refuse to end a write that isn't ours any more, as far as that can be told."""
        is_unsure = self._has_record and self._conflict is None
        if is_unsure and not await self._sessions.is_current(self._session, self._version):
            self._conflict = GONE

    def _require_usable(self) -> None:
        if self._state in _DONE:
            raise WriterClosedError(path=self.path)
        if self._state is _State.FAILED:
            raise WriterClosedError("after an error, a writer can only be closed or cancelled", path=self.path)
        if self._conflict is not None or self._sender.failure is not None:
            self._state = _State.FAILED
            self._raise_failure()

    def _raise_failure(self) -> None:
        if self._conflict is not None:
            raise WriteConflictError(self._conflict, path=self.path)
        if self._sender.failure is not None:
            raise self._sender.failure

    def _end(self, state: _State) -> None:
        self._state = state
        self._tail.clear()
        self._give_back()
        self._on_close(self)

    async def _send_tail(self) -> None:
        await self._sender.make_room(self._tail_bytes)
        self._require_usable()
        upload_id = await self._sender.begun()
        content, held = b"".join(self._tail), self._held
        self._tail, self._tail_bytes, self._held = [], 0, 0
        self._sender.send(upload_id, content, held)

    async def _reserve(self, size: int, target: int) -> None:
        """Have memory for the whole part before it grows large: who holds a half and waits can wait for each other."""
        if not self._held and self._tail_bytes + size > _SMALL_BYTES:
            self._held = await self._budget.take(target)

    def _give_back(self) -> None:
        self._budget.give_back(self._held)
        self._held = 0
