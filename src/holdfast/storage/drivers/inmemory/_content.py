"""Content in blocks, so that growing, committing and streaming it copies no more than a block."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from holdfast.storage.driver import Buffer

__all__ = ["Content", "GrowingContent"]

_BLOCK: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Bytes that don't change: blocks of one size, and a shorter last one.

    Attributes:
        blocks: The blocks, none of them empty.
        size: Bytes in all.
    """

    blocks: tuple[bytes, ...]
    size: int

    def whole(self) -> bytes:
        """Return all of it."""
        return self.blocks[0] if len(self.blocks) == 1 else b"".join(self.blocks)

    def pieces(self, offset: int, end: int) -> Iterator[bytes]:
        """Yield what is from an offset to an end, in pieces that aren't empty."""
        while offset < end:
            number, first = divmod(offset, _BLOCK)
            piece = self.blocks[number][first : first + end - offset]
            yield piece
            offset += len(piece)


@dataclass(slots=True, kw_only=True)
class GrowingContent:
    """Bytes that are appended to.

    Attributes:
        size: Bytes so far.
    """

    size: int = 0
    _blocks: list[bytes] = field(default_factory=list)
    _tail: bytearray = field(default_factory=bytearray)

    def append(self, data: Buffer) -> None:
        """Take a copy of `data` at the end."""
        self.size += len(data)
        self._tail += data
        while len(self._tail) >= _BLOCK:
            with memoryview(self._tail) as tail:
                self._blocks.append(bytes(tail[:_BLOCK]))
            del self._tail[:_BLOCK]

    def content(self) -> Content:
        """Return what is there now."""
        last = (bytes(self._tail),) if self._tail else ()
        return Content(blocks=(*self._blocks, *last), size=self.size)
