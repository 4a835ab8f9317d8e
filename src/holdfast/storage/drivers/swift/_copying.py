"""Copying and moving on the server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from holdfast.storage.drivers._objectstore.retrying import again
from holdfast.storage.drivers._tasks import settled, whole
from holdfast.storage.drivers.swift._objects import copy_source, described
from holdfast.storage.drivers.swift._waiting import Looking
from holdfast.storage.errors import IncompleteReadError, StorageError

if TYPE_CHECKING:
    from holdfast.storage.drivers._objectstore.bucket import Part
    from holdfast.storage.drivers.swift._client import SwiftClient
    from holdfast.storage.drivers.swift._deleting import Deleter
    from holdfast.storage.drivers.swift._large import Large, Larges, Segment
    from holdfast.storage.drivers.swift._uploads import Uploads

__all__ = ["Copier"]

_AT_ONCE: Final = 4


class Copier:
    """Copies and moves in a container.

    Args:
        client: Sends requests.
        larges: Know large objects.
        deleter: Deletes.
        uploads: Make large objects of copied segments.
    """

    def __init__(self, client: SwiftClient, larges: Larges, deleter: Deleter, uploads: Uploads) -> None:
        self._client = client
        self._larges = larges
        self._deleter = deleter
        self._uploads = uploads

    async def copy(self, source: str, target: str) -> None:
        """Copy an object; a large one with its segments, so that each owns its own.

        Raises:
            PathNotFoundError: There is no such object.
        """
        large = await self._larges.read(source, await self._client.head(source))
        before = await self._larges.find(target)
        segments = None if large is None else await self._larges.whole_segments(large)
        if segments:
            await self._copy_segments(segments, target, before)
            return
        await self._copy_whole(source, target)
        await self._deleter.clear(before)

    async def move(self, source: str, target: str) -> bool:
        """Move an object, the segments of a large one staying where they are; tell whether that could be done.

        At each step it may end without a loss: the old manifest tells of the new one before that is there, and whoever
        deletes it looks there before he deletes segments.

        Raises:
            PathNotFoundError: There is no such object.
            IncompleteReadError: What is at the target has another size.
        """
        headers = await self._client.head(source)
        large = await self._larges.read(source, headers)
        if large is not None and not await self._may_move(large, target):
            return False
        before = await self._larges.find(target)
        if large is None:
            await self._copy_whole(source, target)
        else:
            await self._move_manifest(large, target)
        await self._verify(target, self._larges.described(source, headers).size)
        # Not begun anew with the rest, should its answer be lost: the source would be missing.
        await again(self._deleter.delete_plain, source)
        await self._deleter.clear(before, large)
        return True

    async def _may_move(self, large: Large, target: str) -> bool:
        """Whether no earlier move, to somewhere else, came so far that what is there has taken the segments over."""
        if large.moved_to in {"", target}:
            return True
        return not large.shares(await self._larges.find(large.moved_to))

    async def _move_manifest(self, large: Large, target: str) -> None:
        await self._finish(large)
        upload_id = self._larges.upload_of(large)
        if upload_id is not None:  # completed, and still marked: who clears up would take it for an open upload
            await self._deleter.delete_plain(self._uploads.mark(large.key, upload_id))
        await self._larges.note_move(large, target)
        await self._larges.repeat(large, target)

    async def _copy_whole(self, source: str, target: str) -> None:
        """Copy the content, whatever it is made of, into one object."""
        await self._client.put(target, headers={"X-Copy-From": copy_source(self._client.container, source)})

    async def _finish(self, large: Large) -> None:
        """Delete the manifest that this one was moved from, if that was left."""
        if not large.moved_from:
            return
        left = await self._larges.find(large.moved_from)
        if left is not None and left.moved_to == large.key and left.shares(large):
            await self._deleter.delete_plain(left.key)

    async def _verify(self, target: str, size: int) -> None:
        there = 0
        looking = Looking()
        while await looking.again():
            there = described(target, await self._client.head(target)).size
            if there == size:
                return
        raise IncompleteReadError(f"{there} of {size} bytes show at {target}")

    async def _copy_segments(self, segments: list[Segment], target: str, before: Large | None) -> None:
        upload_id = await self._uploads.begin(target)
        try:
            parts = await self._copies(segments, target, upload_id)
            await self._uploads.complete(target, upload_id, parts, before)
        except BaseException:
            await whole(self._uploads.abort(target, upload_id))
            raise

    async def _copies(self, segments: list[Segment], target: str, upload_id: str) -> list[Part]:
        """Copy each segment, some at a time.

        What was begun is waited for, whatever goes wrong: the server goes on with a copy that nobody waits for, and
        would write it after all else was cleared up.
        """
        limit = asyncio.Semaphore(_AT_ONCE)
        failures: list[BaseException] = []

        async def copy(number: int, segment: Segment) -> Part | None:
            async with limit:
                if failures:
                    return None
                try:
                    return await again(self._uploads.copy_segment, target, upload_id, number, segment)
                except StorageError as error:
                    failures.append(error)
                    return None

        copies = asyncio.gather(*(copy(number, segment) for number, segment in enumerate(segments, 1)))
        try:
            parts = await asyncio.shield(copies)
        except asyncio.CancelledError as error:
            failures.append(error)
            await settled(copies)
            raise
        for failure in failures:
            raise failure
        return [part for part in parts if part is not None]
