"""Uploads of parts: the segments of a large object, before its manifest is written.

One more object, the mark, says that the upload is open, and for which key. It is written first, and deleted when the
manifest was written, or the segments were thrown away: whoever still sends parts of an upload that has ended finds no
mark, and so learns of it.

The name of each segment ends in a random word. Two processes that go on with the same upload never write the same one,
and what was committed isn't touched by who comes late. Upstream, which has the number alone, reads whatever is there.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from typing import TYPE_CHECKING, Final

import structlog

from holdfast.storage.drivers._objectstore.bucket import OpenUpload, Part, UnknownUploadError
from holdfast.storage.drivers.swift._large import Large, Segment, lagging
from holdfast.storage.drivers.swift._objects import CONTENT_TYPE, Body, copy_source, md5
from holdfast.storage.drivers.swift._waiting import Looking
from holdfast.storage.errors import PathNotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

    from holdfast.storage.driver import Buffer
    from holdfast.storage.drivers._objectstore.keys import Keys
    from holdfast.storage.drivers.swift._client import SwiftClient
    from holdfast.storage.drivers.swift._deleting import Deleter
    from holdfast.storage.drivers.swift._large import Larges

__all__ = ["Uploads"]

_AT_ONCE: Final = 8
_MARK: Final = re.compile(r".*~(?P<upload>[0-9a-f]{40})~", re.DOTALL)
_log = structlog.get_logger(__name__)


class Uploads:
    """The uploads of parts of one container and prefix.

    Args:
        client: Sends requests.
        keys: Say where marks are.
        larges: Say where segments are.
        deleter: Deletes.
    """

    def __init__(self, client: SwiftClient, keys: Keys, larges: Larges, deleter: Deleter) -> None:
        self._client = client
        self._keys = keys
        self._larges = larges
        self._deleter = deleter

    async def begin(self, key: str) -> str:
        """See `Bucket.begin_upload`."""
        upload_id = secrets.token_hex(20)
        await self._client.put(self.mark(key, upload_id), key.encode(), headers={"Content-Type": CONTENT_TYPE})
        return upload_id

    def mark(self, key: str, upload_id: str) -> str:
        """Where an upload's mark is."""
        return self._keys.part_prefix(key, upload_id)

    async def put_part(self, key: str, upload_id: str, number: int, content: Buffer) -> Part:
        """See `Bucket.put_part`."""
        etag = await md5(content)
        word = secrets.token_hex(8)
        body = Body(content)
        headers = {"Content-Type": CONTENT_TYPE, "ETag": etag}
        name = self._name(upload_id, number, word)
        try:
            await self._put(key, upload_id, name, body=body, headers=headers)
        finally:
            body.release()
        return Part(number, len(memoryview(content).cast("B")), f"{word}.{etag}")

    async def copy_segment(self, key: str, upload_id: str, number: int, source: Segment) -> Part:
        """Make a segment of another object a part, on the server."""
        word = secrets.token_hex(8)
        name = self._name(upload_id, number, word)
        headers = {"X-Copy-From": copy_source(source.container, source.name), "Content-Type": CONTENT_TYPE}
        answer = await self._put(key, upload_id, name, headers=headers)
        etag = (answer.get("ETag") or source.etag).strip('"')
        return Part(number, source.size, f"{word}.{etag}")

    async def complete(self, key: str, upload_id: str, parts: Sequence[Part], before: Large | None) -> None:
        """See `Bucket.complete_upload`.

        Args:
            key: The object.
            upload_id: The upload.
            parts: Its parts.
            before: What is at the key now, if that is a large object.
        """
        if not await self._is_marked(key, upload_id):
            raise UnknownUploadError("the upload was completed or aborted")
        segments = [self._segment(upload_id, part) for part in parts if part.size]  # an empty one is none to a cluster
        others = await self._others(upload_id, segments)
        size = sum(part.size for part in parts)
        if not segments:
            await self._client.put(key, headers={"Content-Type": CONTENT_TYPE})
            await self._drop(others)
        elif (await self._client.features()).slo:
            await self._larges.write_static(key, segments, self._larges.sized(size), upload_id)
            await self._drop(others)
        else:
            await self._drop(others)
            await self._shown(upload_id, segments)
            await self._larges.write_dynamic(key, self._larges.dynamic(upload_id), self._larges.sized(size))
        if before is not None and self._larges.upload_of(before) != upload_id:
            await self._deleter.clear(before)
        await self._deleter.delete_plain(self.mark(key, upload_id))

    async def abort(self, key: str, upload_id: str) -> None:
        """See `Bucket.abort_upload`. What was completed, and is only still marked, stays.

        The mark goes when the parts are gone, so that what is left is found if we are killed; then once more those that
        came in between.
        """
        mark = self.mark(key, upload_id)
        there = await self._larges.find(key)
        if there is not None and self._larges.upload_of(there) == upload_id:
            await self._deleter.delete_plain(mark)
            return
        await self._delete_all(upload_id)
        if await self._deleter.delete_plain(mark):
            await self._delete_all(upload_id)

    async def open_uploads(self, prefix: str) -> AsyncIterator[OpenUpload]:
        """See `Bucket.list_uploads`."""
        keys = self._keys
        if not (prefix.startswith(keys.root) or keys.root.startswith(prefix)):
            return
        beginning = keys.records_below("/" + prefix[len(keys.root) :]).removesuffix("/")
        for entry in await self._client.list_all(beginning):
            matched = _MARK.fullmatch(entry.name)
            if matched is None:  # the record of an unfinished write
                continue
            key = await self._key_of(entry.name)
            if key is not None and key.startswith(prefix):
                yield OpenUpload(key, matched["upload"], entry.info.modified)

    async def _delete_all(self, upload_id: str) -> None:
        failures = await self._deleter.delete_names(await self._larges.listed(upload_id))
        for failure in failures.values():
            raise failure

    async def _key_of(self, mark: str) -> str | None:
        """The key that a mark is of: its name has it, unless it is too long."""
        name, _, _ = mark[len(self._keys.reserved) :].rpartition("~")[0].rpartition("~")
        if "~" not in name:
            return self._keys.root + name
        try:
            answer = await self._client.call("GET", mark)
        except PathNotFoundError:
            return None
        return answer.content.decode(errors="replace")

    def _name(self, upload_id: str, number: int, word: str) -> str:
        return f"{self._larges.prefix(upload_id)}/{number:016}-{word}"

    def _segment(self, upload_id: str, part: Part) -> Segment:
        word, _, etag = part.tag.partition(".")
        return Segment(self._client.container, self._name(upload_id, part.number, word), part.size, etag)

    async def _put(
        self, key: str, upload_id: str, name: str, *, headers: Mapping[str, str], body: Body | bytes = b""
    ) -> Mapping[str, str]:
        """Write a segment. The mark is looked at meanwhile: those of an aborted upload would stay for good."""
        marked, stored = await asyncio.gather(
            self._is_marked(key, upload_id),
            self._client.put(name, body, headers=headers),
            return_exceptions=True,
        )
        if marked is False:
            await self._deleter.delete_plain(name)
            raise UnknownUploadError("the upload was aborted or completed")
        if isinstance(stored, BaseException):
            raise stored
        if isinstance(marked, BaseException):
            raise marked
        return stored

    async def _is_marked(self, key: str, upload_id: str) -> bool:
        try:
            await self._client.head(self.mark(key, upload_id))
        except PathNotFoundError:
            return False
        return True

    async def _others(self, upload_id: str, segments: Iterable[Segment]) -> list[str]:
        """The names of what else was sent; all segments must be there, which a listing that lags may not tell.

        Raises:
            UnknownUploadError: One isn't, or another part was sent later under its number.
        """
        listed = await self._larges.listed(upload_id)
        others = listed.keys() - {segment.name for segment in segments}
        rivals = {_number(name): listed[name] for name in sorted(others, key=lambda name: listed[name].last_modified)}
        for segment in segments:
            entry, rival = listed.get(segment.name), rivals.get(_number(segment.name))
            if entry is None:
                await self._require(segment)
            elif rival and rival.last_modified > entry.last_modified and rival.etag != segment.etag:
                raise UnknownUploadError("a part of the upload was replaced")
        return [name for name in others if not self._larges.is_between(name)]

    async def _require(self, segment: Segment) -> None:
        try:
            await self._client.head(segment.name)
        except PathNotFoundError:
            raise UnknownUploadError("a part of the upload was deleted") from None

    async def _shown(self, upload_id: str, segments: Sequence[Segment]) -> None:
        """Wait until the listing has these segments and nothing else."""
        wanted = {segment.name: segment.size for segment in segments}
        looking = Looking()
        while await looking.again():
            listed = await self._larges.listed(upload_id)
            if wanted == {entry.name: entry.bytes for entry in listed.values()}:
                return
        raise lagging()

    async def _drop(self, names: Sequence[str]) -> None:
        failures = await self._deleter.delete_names(names)
        if failures:
            first, why = next(iter(failures.items()))
            _log.warning("parts of a completed upload stay", objects=len(failures), first=first, error=str(why))


def _number(name: str) -> str:
    """The part's number in a segment's name, for who compares."""
    return name.rpartition("/")[2].partition("-")[0]
