"""Copying on the server in parts, many at once, for stores that copy ranges of objects into an upload."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final

from holdfast.storage.drivers._objectstore.bucket import UnknownUploadError
from holdfast.storage.drivers._objectstore.retrying import again
from holdfast.storage.drivers._tasks import together, whole
from holdfast.storage.errors import StorageError, StorageUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from holdfast.storage.drivers._objectstore.bucket import ObjectInfo, Part

__all__ = ["CopyInParts", "part_size"]

_STEP: Final = 1024 * 1024


def part_size(size: int, wanted: int, max_parts: int) -> int:
    """How large parts have to be, in bytes: as wanted, unless there would be too many."""
    least = -(-size // max_parts)
    return max(wanted, -(-least // _STEP) * _STEP)


class CopyInParts(ABC):
    """One copy in parts, all of the same size but the last.

    Args:
        source: The object.
        key: Of the copy.
        part: Bytes of a part.
        at_once: How many parts the store is asked to copy at once.
    """

    def __init__(self, source: ObjectInfo, key: str, *, part: int, at_once: int) -> None:
        self.source = source
        self.key = key
        self._part = part
        self._at_once = at_once
        self._upload_id = ""
        self._parts: list[Part] = []

    async def run(self) -> None:
        """Copy the object; where that fails, or is cancelled, nothing is left of it."""
        try:
            await whole(self._begin())
            offsets = iter(range(0, self.source.size, self._part))
            count = min(-(-self.source.size // self._part), self._at_once)
            await together(*(self._work(offsets) for _ in range(count)))
            await self.check_source()
            await self._complete(sorted(self._parts, key=lambda part: part.number))
        except BaseException as error:
            await whole(self._throw_away(error))
            raise

    @abstractmethod
    async def begin(self) -> str:
        """Begin an upload to the key of the copy; return its id."""

    @abstractmethod
    async def copy_part(self, upload_id: str, number: int, *, offset: int, length: int) -> Part:
        """Copy a range of the source into a part of the upload."""

    @abstractmethod
    async def check_source(self) -> None:
        """Make sure that the source was the version that is meant, where the store doesn't with each part."""

    @abstractmethod
    async def complete(self, upload_id: str, parts: list[Part]) -> None:
        """Make the parts the object."""

    @abstractmethod
    async def abort(self, upload_id: str) -> None:
        """Throw the upload away."""

    async def _begin(self) -> None:
        self._upload_id = await self.begin()

    async def _throw_away(self, reason: BaseException) -> None:
        if not self._upload_id:
            return
        try:
            await again(self.abort, self._upload_id)
        except StorageError as error:
            reason.add_note(f"aborting the copy failed as well, `list_uploads` finds it: {error}")

    async def _complete(self, parts: list[Part]) -> None:
        try:
            await self.complete(self._upload_id, parts)
        except UnknownUploadError as error:
            # Completed, most likely, and the answer was lost. To copy once more is what is sure.
            raise StorageUnavailableError("the copy's upload isn't there any more") from error

    async def _work(self, offsets: Iterator[int]) -> None:
        """Copy the next part that nobody copies, until there is none."""
        for offset in offsets:
            number = offset // self._part + 1
            length = min(self._part, self.source.size - offset)
            self._parts.append(await again(self.copy_part, self._upload_id, number, offset=offset, length=length))
