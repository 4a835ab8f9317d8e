"""Byte ranges: of a download (RFC 9110, section 14) and of an upload's chunk (distribution-spec)."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["ByteRange", "UnsatisfiableRangeError", "parse_chunk_range", "parse_range"]

_SINGLE = re.compile(r"bytes=(?:(\d{1,4000})-(\d{0,4000})|-(\d{1,4000}))\s*\Z", re.ASCII | re.IGNORECASE).match
_CHUNK = re.compile(r"(\d{1,19})-(\d{1,19})\Z", re.ASCII).match


class UnsatisfiableRangeError(ValueError):
    """The range lies outside of the content."""


class ByteRange(NamedTuple):
    """A part of some content.

    Attributes:
        start: The first byte's offset.
        length: Bytes.
    """

    start: int
    length: int

    @property
    def last(self) -> int:
        """The last byte's offset."""
        return self.start + self.length - 1


def parse_range(header: str, size: int) -> ByteRange | None:
    """Read a `Range` header for content of `size` bytes.

    Returns:
        The range, cut at the content's end; `None` where the header is to be ignored, as RFC 9110 allows for
        other units, malformed ranges and several ranges.

    Raises:
        UnsatisfiableRangeError: No byte of the content is in the range.
    """
    match = _SINGLE(header)
    if match is None:
        return None
    first, last, suffix = match.groups()
    if suffix is not None:
        length = min(int(suffix), size)
        if length == 0:
            raise UnsatisfiableRangeError
        return ByteRange(size - length, length)
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    if start > end:
        raise UnsatisfiableRangeError
    return ByteRange(start, end - start + 1)


def parse_chunk_range(header: str) -> ByteRange | None:
    """Read the `Content-Range` of an upload's chunk, `<start>-<end>`; `None` where it is malformed."""
    match = _CHUNK(header)
    if match is None:
        return None
    start, last = int(match[1]), int(match[2])
    return ByteRange(start, last - start + 1) if last >= start else None
