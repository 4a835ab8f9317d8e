"""An unfinished write in memory, and the writer that holds it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Final, Protocol

from holdfast.storage.driver import FileWriter
from holdfast.storage.drivers.inmemory._content import GrowingContent
from holdfast.storage.errors import WriteConflictError, WriterClosedError

if TYPE_CHECKING:
    from holdfast.storage.driver import Buffer

__all__ = ["InMemoryWriter", "Unfinished", "UnfinishedWrites"]


@dataclass(slots=True, kw_only=True, eq=False)
class Unfinished:
    """Content on its way to a path.

    Attributes:
        path: The path it would be committed to.
        upload_id: Its name.
        started: When it began.
        content: What was written.
        is_held: Whether a writer has it open.
    """

    path: str
    upload_id: str = field(default_factory=lambda: secrets.token_hex(16))
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    content: GrowingContent = field(default_factory=GrowingContent)
    is_held: bool = False


class UnfinishedWrites(Protocol):
    """What a writer asks of its driver."""

    def is_current(self, unfinished: Unfinished) -> bool:
        """Whether this is still the unfinished write of its path."""

    def finish(self, unfinished: Unfinished) -> None:
        """Make it the content of its path."""

    def discard(self, unfinished: Unfinished) -> None:
        """Throw it away, if it is still there."""


class _State(Enum):
    OPEN = "open"
    KEPT = "kept"
    DONE = "done"


_CLOSED: Final = frozenset({_State.KEPT, _State.DONE})


class InMemoryWriter(FileWriter):
    """Collects chunks. Nothing in it waits, so a cancellation comes before or after a call, never within."""

    def __init__(self, writes: UnfinishedWrites, unfinished: Unfinished) -> None:
        self._writes = writes
        self._unfinished = unfinished
        self._state = _State.OPEN
        unfinished.is_held = True

    async def write(self, data: Buffer) -> None:
        """See `FileWriter.write`."""
        self._require_open()
        self._require_current()
        self._unfinished.content.append(data)

    @property
    def size(self) -> int:
        """See `FileWriter.size`."""
        return self._unfinished.content.size

    @property
    def resume_token(self) -> str | None:
        """See `FileWriter.resume_token`."""
        return self._unfinished.upload_id if self._state is _State.KEPT else None

    async def close(self) -> None:
        """See `FileWriter.close`."""
        if self._state is _State.OPEN:
            self._leave(_State.KEPT)

    async def commit(self) -> None:
        """See `FileWriter.commit`."""
        self._require_open()
        self._require_current()
        self._writes.finish(self._unfinished)
        self._leave(_State.DONE)

    async def cancel(self) -> None:
        """See `FileWriter.cancel`."""
        self._require_open()
        self._writes.discard(self._unfinished)
        self._leave(_State.DONE)

    def _leave(self, state: _State) -> None:
        self._state = state
        self._unfinished.is_held = False

    def _require_open(self) -> None:
        if self._state in _CLOSED:
            raise WriterClosedError(path=self._unfinished.path)

    def _require_current(self) -> None:
        if not self._writes.is_current(self._unfinished):
            message = "the unfinished write was replaced or thrown away"
            raise WriteConflictError(message, path=self._unfinished.path)
