"""The parts of one upload: sent while more content is collected, several at a time."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from holdfast.storage.drivers._objectstore.bucket import UnknownUploadError
from holdfast.storage.drivers._tasks import settled, stop, whole
from holdfast.storage.errors import StorageError, UnexpectedStorageError, WriteConflictError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from holdfast.storage.budget import MemoryBudget
    from holdfast.storage.drivers._objectstore.bucket import Bucket, ObjectInfo, Part
    from holdfast.storage.drivers._objectstore.parts import PartPlan
    from holdfast.storage.drivers._objectstore.sessions import Session

__all__ = ["GONE", "PartSender"]

GONE: Final = "the unfinished write was replaced or thrown away"

_IN_FLIGHT_BYTES: Final = 16 * 1024 * 1024
"""How much of one upload is on its way at once; two parts may be more."""


class PartSender:
    """What the store has of an upload, and what is on its way there.

    Args:
        bucket: The store.
        key: Where the content is to be.
        plan: The sizes of parts.
        budget: What the memory of a part is given back to.
        session: What is there already.

    Attributes:
        upload_id: The store's upload; `None` while it has none.
        began: When that was begun, in seconds since 1970, by our clock.
        is_shared: Whether it is in the record that the write was continued from, so that others may know of it.
        size: Bytes in parts, those on their way included.
        failure: What went wrong first.
    """

    def __init__(self, bucket: Bucket, key: str, plan: PartPlan, budget: MemoryBudget, session: Session) -> None:
        self._bucket = bucket
        self._key = key
        self._plan = plan
        self._budget = budget
        self._parts = {part.number: part for part in session.parts}
        self._next_number = len(session.parts) + 1
        self._first_size = session.parts[0].size if session.parts else None
        self._flying: dict[asyncio.Task[None], int] = {}
        self.upload_id = session.upload_id
        self.began = session.began
        self.is_shared = session.upload_id is not None
        self.size = session.size
        self.failure: StorageError | None = None

    @property
    def next_size(self) -> int:
        """How large the next part has to be, unless it is the last."""
        return self._plan.next_size(self._next_number, self.size, first=self._first_size)

    def may_end_early(self, size: int) -> bool:
        """Whether a part of this size can be sent although others may follow."""
        return self.failure is None and self._plan.may_end_early(self._next_number, size)

    def send(self, upload_id: str, content: bytes, held: int) -> None:
        """Send a part; returns while it is on its way.

        Args:
            upload_id: What `begun` returned.
            content: The part.
            held: The memory to give back when it has arrived.
        """
        task = asyncio.create_task(self._fly(upload_id, self._next_number, content))
        self._flying[task] = len(content)
        self._count(len(content))
        task.add_done_callback(partial(self._landed, held=held))

    async def make_room(self, size: int) -> None:
        """Wait until a part of this size may be on its way, too."""
        while self._is_full(size):
            await asyncio.wait(self._flying, return_when=asyncio.FIRST_COMPLETED)

    async def put(self, content: bytes) -> None:
        """Send a part, and wait until it has arrived; if it doesn't, it is as if it hadn't been sent."""
        upload_id = await self.begun()
        self._parts[self._next_number] = await self._bucket.put_part(self._key, upload_id, self._next_number, content)
        self._count(len(content))

    async def copy(self, source: ObjectInfo, limit: int) -> None:
        """Begin with the content of an object, copied on the server, so many bytes at a time at most."""
        upload_id = await self.begun()
        length = -(-source.size // -(-source.size // limit))  # about equal: none is too small for what may follow
        for offset in range(0, source.size, length):
            size = min(length, source.size - offset)
            self._parts[self._next_number] = await self._bucket.copy_part(
                self._key, upload_id, self._next_number, source, offset=offset, length=size
            )
            self._count(size)

    async def land(self) -> None:
        """Wait for all parts on their way, in a task that is being cancelled too; what failed is in `failure`."""
        await settled(asyncio.gather(*self._flying, return_exceptions=True))

    def arrived(self) -> tuple[Part, ...]:
        """The parts that the store has, in order, up to the first gap."""
        gap = next((number for number in range(1, self._next_number) if number not in self._parts), self._next_number)
        return tuple(self._parts[number] for number in range(1, gap))

    async def complete(self, tail: Sequence[bytes | bytearray | memoryview]) -> None:
        """Make the parts, all of which have arrived, and the rest, the object.

        Raises:
            UnknownUploadError: The store doesn't have the upload, or not with these parts.
        """
        upload_id = await self.begun()
        parts = [*self.arrived()]
        arrived = sum(part.size for part in parts)
        if arrived != self.size:
            raise UnexpectedStorageError(f"the store has {arrived} of {self.size} bytes in parts")
        if any(tail) or not parts:
            # Not one of `_parts`, should completing fail: it may be too small for any but the last one. And without
            # a name: it would be in memory until the store is done.
            parts.append(await self._bucket.put_part(self._key, upload_id, self._next_number, b"".join(tail)))
        await self._bucket.complete_upload(self._key, upload_id, parts)

    async def stop(self) -> None:
        """Call back what is on its way."""
        await stop(self._flying)

    async def abort(self) -> None:
        """Throw away what the store has."""
        await self.stop()
        if self.upload_id is not None:
            await self._bucket.abort_upload(self._key, self.upload_id)

    async def begun(self) -> str:
        """The store's upload, begun now if it wasn't: in whole, since one that nobody knows of stays for ever."""
        if self.upload_id is None:
            await whole(self._begin())
        return str(self.upload_id)

    async def _begin(self) -> None:
        began = time.time()
        self.upload_id = await self._bucket.begin_upload(self._key)
        self.began = began

    def _is_full(self, size: int) -> bool:
        at_once = self._bucket.limits.parts_at_once
        if at_once is not None and len(self._flying) >= at_once:
            return True
        return len(self._flying) > 1 and sum(self._flying.values()) + size > _IN_FLIGHT_BYTES

    def _count(self, size: int) -> None:
        self._next_number += 1
        self._first_size = self._first_size or size
        self.size += size

    async def _fly(self, upload_id: str, number: int, content: bytes) -> None:
        try:
            self._parts[number] = await self._bucket.put_part(self._key, upload_id, number, content)
        except Exception as error:  # noqa: BLE001 - whatever it is, the part isn't there
            self.failure = self.failure or _failure(error)

    def _landed(self, task: asyncio.Task[None], *, held: int) -> None:
        """Clear up after a part's task, which may have been cancelled before it had begun."""
        del self._flying[task]
        self._budget.give_back(held)
        if task.cancelled():
            self.failure = self.failure or UnexpectedStorageError("a part was called back")


def _failure(error: Exception) -> StorageError:
    """What a part's error is for who writes; its cause tells what it was."""
    failure: StorageError
    if isinstance(error, UnknownUploadError):
        failure = WriteConflictError(GONE)
    elif isinstance(error, StorageError):
        return error
    else:
        failure = UnexpectedStorageError(f"a part couldn't be sent: {error!r}")
    failure.__cause__ = error
    return failure
