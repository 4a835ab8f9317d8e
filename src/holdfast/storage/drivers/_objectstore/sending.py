"""The parts of one upload: sent while more content is collected, several at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from holdfast.storage.drivers._objectstore.bucket import Part, UnknownUploadError
from holdfast.storage.drivers._tasks import settled, whole
from holdfast.storage.errors import StorageError, WriteConflictError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from holdfast.storage.budget import MemoryBudget
    from holdfast.storage.drivers._objectstore.bucket import Bucket, ObjectInfo
    from holdfast.storage.drivers._objectstore.parts import PartPlan
    from holdfast.storage.drivers._objectstore.sessions import Session

__all__ = ["GONE", "PartSender"]

GONE: Final = "the unfinished write was replaced or thrown away"

_IN_FLIGHT_BYTES: Final = 20 * 1024 * 1024
"""How much of one upload is on its way at once; a single part may be more."""


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
        number = self._next_number
        self._next_number += 1
        self._first_size = self._first_size or len(content)
        self.size += len(content)
        task = asyncio.create_task(self._fly(upload_id, number, content, held))
        self._flying[task] = len(content)
        task.add_done_callback(self._flying.pop)

    async def make_room(self, size: int) -> None:
        """Wait until a part of this size may be on its way, too."""
        while self._flying and sum(self._flying.values()) + size > _IN_FLIGHT_BYTES:
            await asyncio.wait(self._flying, return_when=asyncio.FIRST_COMPLETED)

    async def copy(self, source: ObjectInfo, limit: int) -> None:
        """Begin with the content of an object, copied on the server, so many bytes at a time."""
        upload_id = await self.begun()
        for offset in range(0, source.size, limit):
            length = min(limit, source.size - offset)
            number = self._next_number
            self._parts[number] = await self._bucket.copy_part(
                self._key, upload_id, number, source, offset=offset, length=length
            )
            self._next_number += 1
            self._first_size = self._first_size or length
            self.size += length

    async def land(self) -> None:
        """Wait for all parts on their way, in a task that is being cancelled too; what failed is in `failure`."""
        await settled(asyncio.gather(*self._flying, return_exceptions=True))

    def arrived(self) -> tuple[Part, ...]:
        """The parts that the store has, in order, up to the first gap."""
        gap = next((number for number in range(1, self._next_number) if number not in self._parts), self._next_number)
        return tuple(self._parts[number] for number in range(1, gap))

    async def complete(self, tail: Sequence[bytes | bytearray | memoryview]) -> None:
        """Make the parts, and the rest, the object.

        Raises:
            UnknownUploadError: The store doesn't have the upload, or not with these parts.
        """
        upload_id = await self.begun()
        parts = [*self.arrived()]
        rest = b"".join(tail)
        if rest or not parts:
            # Not one of `_parts`, should completing fail: it may be too small for any but the last one.
            parts.append(await self._bucket.put_part(self._key, upload_id, self._next_number, rest))
        await self._bucket.complete_upload(self._key, upload_id, parts)

    async def abort(self) -> None:
        """Throw away what the store has."""
        for task in self._flying:
            task.cancel()
        await self.land()
        if self.upload_id is not None:
            await self._bucket.abort_upload(self._key, self.upload_id)

    async def begun(self) -> str:
        """The store's upload, begun now if it wasn't: in whole, since one that nobody knows of stays for ever."""
        if self.upload_id is None:
            await whole(self._begin())
        return str(self.upload_id)

    async def _begin(self) -> None:
        self.upload_id = await self._bucket.begin_upload(self._key)

    async def _fly(self, upload_id: str, number: int, content: bytes, held: int) -> None:
        try:
            self._parts[number] = await self._bucket.put_part(self._key, upload_id, number, content)
        except UnknownUploadError as error:
            conflict = WriteConflictError(GONE)
            conflict.__cause__ = error
            self.failure = self.failure or conflict
        except StorageError as error:
            self.failure = self.failure or error
        finally:
            self._budget.give_back(held)
