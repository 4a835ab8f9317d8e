"""Writing encrypted files."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

import structlog
from anyio import CancelScope

from holdfast.storage.driver import Buffer, FileWriter
from holdfast.storage.drivers._tasks import whole
from holdfast.storage.errors import StorageError, WriteConflictError, WriterClosedError
from holdfast.storage.middleware.encrypt.sealing import SLOT_BYTES
from holdfast.storage.middleware.encrypt.uploads import Position, Unfinished

if TYPE_CHECKING:
    from holdfast.storage.middleware.encrypt.sealing import FileKey
    from holdfast.storage.middleware.encrypt.uploads import UnfinishedWrites

__all__ = ["EncryptingWriter"]

_log = structlog.get_logger(__name__)

_STEP: Final = 16 * SLOT_BYTES
"""How much of what is to be written is taken into the buffer at once."""


class _State(Enum):
    OPEN = "open"
    FAILED = "failed"
    LOST = "lost"  # to another writer: the record isn't ours any more
    CLOSED = "closed"


class EncryptingWriter(FileWriter):
    """A writer that encrypts slot by slot. What doesn't fill one yet is in memory, and with `close` in the record.

    Args:
        inner: The store's writer.
        path: Where the content goes.
        key: The file's key.
        records: Where it is written down what continuing takes.
        record: What is continued.
        has_tokens: Whether the store tells its unfinished writes apart.
    """

    def __init__(
        self,
        inner: FileWriter,
        path: str,
        key: FileKey,
        records: UnfinishedWrites,
        record: Unfinished | None = None,
        *,
        has_tokens: bool = True,
    ) -> None:
        self._inner = inner
        self._path = path
        self._key = key
        self._records = records
        self._record = record
        self._has_tokens = has_tokens
        self._position, tail = (Position(), b"") if record is None else record.resumed(inner.size)
        self._buffer = bytearray(tail)
        lacking = self._position.file - inner.size
        self._prefix = bytes(lacking) if self._position.has_header else key.header[inner.size :]
        self._state = _State.OPEN
        self._token: str | None = None

    def __repr__(self) -> str:
        """The class and the store's writer's class; nothing of the key."""
        return f"{type(self).__name__}({type(self._inner).__name__})"

    async def settle(self) -> None:
        """Write down at once that slots are dead: the next one to look can't tell them from good ones."""
        if self._record is not None and self._position.dead != self._record.position.dead:
            await self._save(self._record.token)

    async def write(self, data: Buffer) -> None:
        """Encrypt and append; see `FileWriter.write`."""
        self._require_usable()
        with memoryview(data).cast("B") as view:
            for start in range(0, len(view), _STEP):
                self._buffer += view[start : start + _STEP]
                await self._write_slots()

    @property
    def size(self) -> int:
        """Bytes of content accepted so far."""
        return self._position.content + len(self._buffer)

    @property
    def resume_token(self) -> str | None:
        """The store's."""
        return self._token

    async def close(self) -> None:
        """Keep what was written, and write down what continuing it takes; see `FileWriter.close`."""
        if self._state is not _State.CLOSED:
            await whole(self._close())

    async def commit(self) -> None:
        """Encrypt what is left, and make the file the content of the path; see `FileWriter.commit`."""
        self._require_usable()
        try:
            await self._write_slots()
            await self._write_end()
            await self._inner.commit()
        except BaseException as error:
            self._fail(error)
            raise
        self._state = _State.CLOSED
        await self._forget()

    async def cancel(self) -> None:
        """Throw away what was written; see `FileWriter.cancel`."""
        if self._state is _State.CLOSED:
            raise WriterClosedError(path=self._path)
        await self._inner.cancel()
        is_ours = self._state is not _State.LOST
        self._state = _State.CLOSED
        if is_ours:
            await self._forget()

    async def _write_slots(self) -> None:
        """Write what fills slots. Where that fails the content is still in the buffer, and so in the record."""
        while len(self._buffer) >= SLOT_BYTES:
            with memoryview(self._buffer) as view, view[:SLOT_BYTES] as content:
                slot = self._key.seal(self._position.slots, self._position.number, content)
            await self._write(slot)
            self._position = self._position.after(1)
            del self._buffer[:SLOT_BYTES]

    async def _write_end(self) -> None:
        position, rest = self._position, bytes(self._buffer)
        end = self._key.seal(position.slots, position.number, rest, is_last=True)
        if position.dead and self._record is not None:
            await self._save(self._record.token, ends=True)  # what follows is longer than a slot, and no content
            end += self._key.seal_map(position.layout(len(rest)), position.file + len(end))
        await self._write(end)

    async def _write(self, data: bytes) -> None:
        try:
            await self._inner.write(self._prefix + data if self._prefix else data)
        except BaseException as error:
            self._fail(error)
            raise
        self._prefix = b""

    async def _close(self) -> None:
        await self._inner.close()
        token = self._inner.resume_token
        if (token is not None or not self._has_tokens) and self._state is not _State.LOST:
            await self._save(token or "")
        self._token = token
        self._state = _State.CLOSED

    async def _save(self, token: str, *, ends: bool = False) -> None:
        ends = ends or (self._state is _State.FAILED and self._record is not None and self._record.ends)
        self._record = Unfinished(
            path=self._path,
            token=token,
            header=self._key.header,
            position=self._position,
            tail=bytes(self._buffer),
            ends=ends,
        )
        await self._records.save(self._record)

    async def _forget(self) -> None:
        """Delete the record. One that stays is of no unfinished write, and is told from one that counts."""
        if self._record is None:
            return
        with CancelScope(shield=True):
            try:
                await self._records.forget(self._path)
            except StorageError as error:
                _log.warning("the record of an ended write stays", path=self._path, error=str(error))

    def _fail(self, error: BaseException) -> None:
        self._state = _State.LOST if isinstance(error, WriteConflictError) else _State.FAILED

    def _require_usable(self) -> None:
        if self._state is _State.CLOSED:
            raise WriterClosedError(path=self._path)
        if self._state is not _State.OPEN:
            raise WriterClosedError("after an error, a writer can only be closed or cancelled", path=self._path)
