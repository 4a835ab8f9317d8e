"""Reading dynamic large objects of many segments, which clusters answer slowly on purpose.

After the tenth segment of an answer comes one a second, unless the operator of the cluster set that otherwise:
https://docs.openstack.org/swift/latest/middleware.html#dynamic-large-objects. All that Distribution wrote is of this
kind, in segments of 20 MiB. Asked for one by one, they come as fast as other objects.
"""

from __future__ import annotations

import hashlib
from contextlib import aclosing
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from holdfast.storage.drivers._objectstore.httpx_errors import body_pieces
from holdfast.storage.drivers.swift.errors import translated
from holdfast.storage.errors import IncompleteReadError, PathNotFoundError, PreconditionFailedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    import httpx

    from holdfast.storage.drivers._objectstore.bucket import ObjectInfo
    from holdfast.storage.drivers.swift._client import SwiftClient
    from holdfast.storage.drivers.swift._large import Larges
    from holdfast.storage.drivers.swift._objects import Entry

__all__ = ["Reader"]

_AT_ONCE: Final = 10
"""How many segments of an answer come without delay."""

_SMALLEST: Final = 1024 * 1024
"""What segments have at least, whoever wrote them: so little as ten of these isn't worth a listing."""


class Reader:
    """Reads the bodies of answers.

    Args:
        client: Sends requests.
        larges: Know large objects.
    """

    def __init__(self, client: SwiftClient, larges: Larges) -> None:
        self._client = client
        self._larges = larges

    async def pieces(self, response: httpx.Response, info: ObjectInfo, offset: int, end: int) -> AsyncGenerator[bytes]:
        """Yield a body: of a dynamic object as much as comes without delay, and the rest segment by segment.

        Args:
            response: The answer, of which the body is yet to be read.
            info: The object.
            offset: Where the body begins in it, in bytes.
            end: Where it ends.

        Raises:
            IncompleteReadError: A segment isn't there any more, or the connection broke.
        """
        async with aclosing(body_pieces(response, translated)) as answer:
            later = await self._later(response, info, offset, end)
            left = end - offset - sum(length for _, length in later)
            async for piece in answer:
                yield piece if len(piece) <= left else piece[:left]
                left -= len(piece)
                if left <= 0 and later:
                    break
        for segment, length in later:
            async with aclosing(self._segment(segment, length)) as pieces:
                async for piece in pieces:
                    yield piece

    async def _later(
        self, response: httpx.Response, info: ObjectInfo, offset: int, end: int
    ) -> list[tuple[Entry, int]]:
        """The segments that would come with delay, and how much of each is wanted; none where that isn't sure."""
        if end - offset <= _AT_ONCE * _SMALLEST:
            return []
        segments = await self._larges.segments_of(response.headers)
        if not _are_of(segments, info):
            return []
        begins = accumulate((segment.bytes for segment in segments), initial=0)
        wanted = [
            (segment, min(segment.bytes, end - begin))
            for segment, begin in zip(segments, begins, strict=False)
            if begin < end and offset < begin + segment.bytes
        ]
        return wanted[_AT_ONCE:]

    async def _segment(self, segment: Entry, length: int) -> AsyncGenerator[bytes]:
        headers = {"If-Match": f'"{segment.etag}"'}
        if length < segment.bytes:
            headers["Range"] = f"bytes=0-{length - 1}"
        try:
            async with (
                self._client.exchange("GET", segment.name, headers=headers) as response,
                aclosing(body_pieces(response, translated)) as pieces,
            ):
                async for piece in pieces:
                    yield piece
        except (PathNotFoundError, PreconditionFailedError) as error:
            raise IncompleteReadError(f"{segment.name} isn't there any more") from error


def _are_of(segments: Sequence[Entry], info: ObjectInfo) -> bool:
    """Whether an answer is made of these, all of them plain objects: its ETag is a hash of theirs."""
    if any(segment.slo_etag for segment in segments):
        return False
    joined = "".join(segment.etag for segment in segments)
    return info.version == hashlib.md5(joined.encode(), usedforsecurity=False).hexdigest()
