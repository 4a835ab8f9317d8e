"""Uploads of parts: objects below a prefix of the upload, composed into the object that they become.

One more object, the mark, says that the upload is open, and for which key: of a long one the names of its objects only
have the beginning. It is written first and deleted first: whoever still sends parts of an upload that was aborted finds
no mark, and so learns of it.

Composing takes 32 objects at most. More parts are composed in groups, those in groups again, and the last request makes
the object, at once. What is composed is named with its generation: a part that was replaced or deleted meanwhile fails
the request.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import structlog

from holdfast.storage.drivers._objectstore.bucket import Part, UnknownUploadError
from holdfast.storage.drivers._objectstore.keys import MAX_KEY_BYTES
from holdfast.storage.drivers._objectstore.marked import open_uploads
from holdfast.storage.drivers._tasks import together
from holdfast.storage.drivers.gcs._deleting import delete, delete_all
from holdfast.storage.drivers.gcs._objects import CONTENT_TYPE, LIST_FIELDS, Body, Listing, StoredObject
from holdfast.storage.errors import PathNotFoundError, PreconditionFailedError, StorageError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
    from datetime import datetime

    from holdfast.storage.driver import Buffer
    from holdfast.storage.drivers._objectstore.bucket import OpenUpload
    from holdfast.storage.drivers._objectstore.keys import Keys
    from holdfast.storage.drivers.gcs._client import GCSClient

__all__ = ["MAX_PARTS", "Uploads"]

_SOURCES: Final = 32
"""The most objects that one request composes."""

MAX_PARTS: Final = _SOURCES**3
"""As many as two levels of groups take."""

_AT_ONCE: Final = 8

_SURELY_WHOLE: Final = MAX_KEY_BYTES - 128
"""So much of a key is in the names of an upload's objects, however long the key is."""

_UPLOAD: Final = re.compile(r"(?P<upload>.*~[0-9a-f]{32}~)[0-9.]*", re.DOTALL)

_log = structlog.get_logger(__name__)


class _Source(NamedTuple):
    key: str
    generation: str


class Uploads:
    """The uploads of parts of one bucket and root directory.

    Args:
        client: Sends the requests.
        keys: Say where parts are.
    """

    def __init__(self, client: GCSClient, keys: Keys) -> None:
        self._client = client
        self._keys = keys

    async def begin(self, key: str) -> str:
        """See `Bucket.begin_upload`."""
        upload_id = secrets.token_hex(16)
        mark = self._keys.part_prefix(key, upload_id)
        await self._client.upload(Body(mark, key.encode()), StoredObject)
        return upload_id

    async def put_part(self, key: str, upload_id: str, number: int, content: Buffer) -> Part:
        """See `Bucket.put_part`. The mark is looked at meanwhile: parts of an aborted upload would stay for good."""
        prefix = self._keys.part_prefix(key, upload_id)
        part_key = _part_key(prefix, number)
        missing, stored = await asyncio.gather(
            self._is_unmarked(prefix),
            self._client.upload(Body(part_key, content), StoredObject),
            return_exceptions=True,
        )
        if missing is True:
            await delete(self._client, part_key)
            raise UnknownUploadError("the upload was aborted or completed")
        if isinstance(stored, BaseException):
            raise stored
        if isinstance(missing, BaseException):
            raise missing
        return Part(number, len(memoryview(content).cast("B")), stored.generation)

    async def complete(self, key: str, upload_id: str, parts: Sequence[Part]) -> None:
        """See `Bucket.complete_upload`."""
        prefix = self._keys.part_prefix(key, upload_id)
        there = {item.name: item.generation async for item in self._objects_below(prefix)}
        sources = [_Source(_part_key(prefix, part.number), part.tag) for part in parts]
        if prefix not in there or any(there.get(source.key) != source.generation for source in sources):
            raise UnknownUploadError("the upload, or a part of it, was completed, aborted or replaced")
        groups: list[_Source] = []
        level = 1
        while len(sources) > _SOURCES:
            sources = await self._compose_groups(prefix, level, sources)
            groups += sources
            level += 1
        await self._compose(key, sources)
        await self._clear(prefix, [*there, *(group.key for group in groups)])

    async def abort(self, key: str, upload_id: str) -> None:
        """See `Bucket.abort_upload`."""
        prefix = self._keys.part_prefix(key, upload_id)
        await delete(self._client, prefix)
        failures = await delete_all(self._client, [item.name async for item in self._objects_below(prefix)])
        for failure in failures.values():
            raise failure

    async def open_uploads(self, prefix: str) -> AsyncIterator[OpenUpload]:
        """See `Bucket.list_uploads`."""
        keys = self._keys
        if not (prefix.startswith(keys.root) or keys.root.startswith(prefix)):
            return
        beginning = prefix[len(keys.root) :][: _SURELY_WHOLE - len(keys.reserved)]
        found = self._of_uploads(keys.reserved + beginning)
        async with aclosing(open_uploads(found, prefix, keys=keys, read_mark=self._client.content)) as uploads:
            async for upload in uploads:
                yield upload

    async def _of_uploads(self, prefix: str) -> AsyncGenerator[tuple[str, datetime | None]]:
        async for item in self._objects_below(prefix):
            matched = _UPLOAD.fullmatch(item.name)
            if matched is not None:  # otherwise it is the record of an unfinished write
                yield matched["upload"], item.time_created

    async def _is_unmarked(self, prefix: str) -> bool:
        try:
            await self._client.get(prefix, StoredObject, fields="name,generation")
        except PathNotFoundError:
            return True
        return False

    async def _objects_below(self, prefix: str) -> AsyncIterator[StoredObject]:
        params = {"prefix": prefix, "fields": LIST_FIELDS}
        while True:
            page = await self._client.list(Listing, **params)
            for item in page.items:
                yield item
            if not page.next_page_token:
                return
            params["pageToken"] = page.next_page_token

    async def _compose_groups(self, prefix: str, level: int, sources: Sequence[_Source]) -> list[_Source]:
        """Compose groups of objects, some groups at a time."""
        limit = asyncio.Semaphore(_AT_ONCE)

        async def compose(number: int, group: Sequence[_Source]) -> _Source:
            async with limit:
                return await self._compose(f"{prefix}{level}.{number:05}", group)

        groups = [sources[start : start + _SOURCES] for start in range(0, len(sources), _SOURCES)]
        return await together(*(compose(number, group) for number, group in enumerate(groups, 1)))

    async def _compose(self, key: str, sources: Sequence[_Source]) -> _Source:
        url = f"{self._client.object_url(key)}/compose"
        request: dict[str, Any] = {
            "destination": {"contentType": CONTENT_TYPE},
            "sourceObjects": [
                {"name": source.key, "objectPreconditions": {"ifGenerationMatch": source.generation}}
                for source in sources
            ],
        }
        try:
            composed = await self._client.call("POST", url, StoredObject, json=request)
        except (PathNotFoundError, PreconditionFailedError) as error:
            raise UnknownUploadError(f"a part was deleted or replaced meanwhile: {error.message}") from error
        return _Source(key, composed.generation)

    async def _clear(self, prefix: str, keys: Iterable[str]) -> None:
        """Delete what a completed upload leaves; what can't be deleted is found as an open upload later."""
        failures: dict[str, StorageError] = {}
        try:
            await delete(self._client, prefix)
        except StorageError as error:
            failures[prefix] = error
        failures |= await delete_all(self._client, (key for key in keys if key != prefix))
        if failures:
            first, why = next(iter(failures.items()))
            _log.warning("parts of a completed upload stay", objects=len(failures), first=first, error=str(why))


def _part_key(prefix: str, number: int) -> str:
    return f"{prefix}{number:05}"
