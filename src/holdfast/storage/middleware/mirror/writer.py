"""Writing to two stores in step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from holdfast.storage.driver import Buffer, FileWriter
from holdfast.storage.drivers._tasks import together, whole
from holdfast.storage.errors import InvalidResumeTokenError, StorageError, WriteConflictError
from holdfast.storage.ops import throw_away

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MirroredWriter", "joined_token", "split_token"]

_SMALL_BYTES: Final = 64 * 1024
"""Up to this size, writing to one after the other costs less than two tasks."""


class MirroredWriter(FileWriter):
    """A writer of two stores. What neither has taken yet is in neither's memory twice.

    Where one has more than the other, because an earlier session was broken off, the write goes on where the shorter
    one ends; the longer one passes over what it has. So whoever continues sends the same bytes again.

    Args:
        primary: The writer of the first store.
        second: That of the second one; `None` where it is left behind.
        on_behind: Told that the second one was left behind, and why; `None` where that is an error.
    """

    def __init__(
        self, primary: FileWriter, second: FileWriter | None, on_behind: Callable[[StorageError], None] | None
    ) -> None:
        self._primary = primary
        self._second = second
        self._on_behind = on_behind
        self._size = primary.size if second is None else min(primary.size, second.size)
        self._token: str | None = None
        self._is_lost = False

    async def write(self, data: Buffer) -> None:
        """Append to both; see `FileWriter.write`."""
        second = self._second
        if second is None or len(data) <= _SMALL_BYTES:
            await self._write_second(data)
            await self._append(self._primary, data)
        else:
            await together(self._write_second(data), self._append(self._primary, data))
        self._size += len(data)

    @property
    def size(self) -> int:
        """Bytes that both have accepted."""
        return self._size

    @property
    def resume_token(self) -> str | None:
        """Both tokens in one."""
        return self._token

    async def close(self) -> None:
        """Keep what was written, in both; see `FileWriter.close`."""
        await whole(self._close())

    async def commit(self) -> None:
        """Commit, in the second store first; see `FileWriter.commit`.

        Where the first one fails then, the second one's content is what shows if the first one has none.
        """
        try:
            await self._commit()
        except WriteConflictError:
            self._is_lost = True
            raise

    async def cancel(self) -> None:
        """Throw away what was written, in both; see `FileWriter.cancel`."""
        try:
            if self._second is not None:
                await self._second.cancel()
        finally:
            await self._primary.cancel()

    async def _commit(self) -> None:
        if self._second is not None:
            try:
                await self._second.commit()
            except StorageError as error:
                await self._leave_behind(error)
        await self._primary.commit()

    async def _append(self, writer: FileWriter, data: Buffer) -> None:
        known = min(max(0, writer.size - self._size), len(data))
        if known < len(data) or not data:
            await writer.write(memoryview(data)[known:] if known else data)

    async def _write_second(self, data: Buffer) -> None:
        second = self._second
        if second is None:
            return
        try:
            await self._append(second, data)
        except StorageError as error:
            await self._leave_behind(error)

    async def _leave_behind(self, error: StorageError) -> None:
        """Go on without the second store, where that is allowed."""
        if self._on_behind is None or self._second is None:
            raise error
        second, self._second = self._second, None
        await throw_away(second, error)
        self._on_behind(error)

    async def _close(self) -> None:
        second = self._second
        try:
            try:
                if second is not None:
                    await second.close()
            except StorageError as error:
                await self._leave_behind(error)
            finally:
                await self._primary.close()
        except WriteConflictError:
            if not self._is_lost:  # otherwise it is known
                raise
        self._token = joined_token(self._primary.resume_token, second.resume_token if second else None)


def joined_token(primary: str | None, second: str | None) -> str | None:
    """Both stores' tokens in one; `None` where the first store has none. The second one's may be missing."""
    return None if primary is None else f"{len(primary)}:{primary}{second or ''}"


def split_token(token: str) -> tuple[str, str]:
    """The two tokens in one; the second one may be empty.

    Raises:
        InvalidResumeTokenError: It isn't one.
    """
    length, colon, rest = token.partition(":")
    if not colon or not length.isdecimal() or len(length) > 4 or not 0 < int(length) <= len(rest):
        raise InvalidResumeTokenError("isn't a token of two stores")
    return rest[: int(length)], rest[int(length) :]
