"""Unfinished writes, found and thrown away: the records, and uploads of parts that no record tells of."""

from __future__ import annotations

from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Final

from holdfast.storage.driver import UploadInfo
from holdfast.storage.drivers._objectstore.listing import pages
from holdfast.storage.errors import PathNotFoundError
from holdfast.storage.ops import is_below
from holdfast.storage.path import is_path

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from holdfast.storage.drivers._objectstore.bucket import ObjectInfo
    from holdfast.storage.drivers._objectstore.keys import Keys
    from holdfast.storage.drivers._objectstore.retrying import RetryingBucket
    from holdfast.storage.drivers._objectstore.sessions import Sessions

__all__ = ["Uploads"]

_RECORD: Final = "record"
_PARTS: Final = "parts"


class Uploads:
    """The unfinished writes of a bucket.

    Their identities begin with what they are: `record:` and the version of the record, so that a write that has grown
    since it was listed isn't thrown away, or `parts:` and the store's own id of an upload without a record, which is
    what a killed process leaves, ours or Distribution's.
    """

    def __init__(self, bucket: RetryingBucket, keys: Keys, sessions: Sessions) -> None:
        self._bucket = bucket
        self._keys = keys
        self._sessions = sessions

    async def at_and_below(self, path: str) -> AsyncGenerator[UploadInfo]:
        """Yield the unfinished writes at and below a path."""
        records = {record_path: record async for record, record_path in self._records(path)}
        for record_path, record in records.items():
            yield UploadInfo(path=record_path, upload_id=f"{_RECORD}:{record.version or ''}", started=record.modified)
        prefix = self._keys.root if path == "/" else self._keys.key(path)
        async with aclosing(self._bucket.list_uploads(prefix)) as uploads:
            async for upload in uploads:
                upload_path = self._keys.path(upload.key)
                is_ours = is_path(upload_path) and self._keys.key(upload_path) == upload.key
                if not (is_ours and is_below(upload_path, path)):
                    continue
                if upload_path in records and await self._is_of_record(upload_path, upload.upload_id):
                    continue
                yield UploadInfo(path=upload_path, upload_id=f"{_PARTS}:{upload.upload_id}", started=upload.started)

    async def abort(self, upload: UploadInfo) -> None:
        """Throw an unfinished write away, if it still is the one that was listed."""
        kind, _, identity = upload.upload_id.partition(":")
        if kind == _PARTS and identity and not await self._is_of_record(upload.path, identity):
            await self._bucket.abort_upload(self._keys.key(upload.path), identity)
        elif kind == _RECORD:
            stored = await self._sessions.load(upload.path)
            if stored is not None and (stored.version or "") == identity:
                await self._sessions.discard(stored.session)

    async def delete_below(self, path: str) -> bool:
        """Throw away all unfinished writes at and below a path, and tell whether there were any."""
        found = False
        async with aclosing(self.at_and_below(path)) as uploads:
            async for upload in uploads:
                found = True
                await self.abort(upload)
        return found

    async def _records(self, path: str) -> AsyncGenerator[tuple[ObjectInfo, str]]:
        """The records at and below a path, each with the path that it is of."""
        if path != "/":
            with suppress(PathNotFoundError):  # most paths have none
                yield await self._bucket.head(self._keys.record(path)), path
        async with aclosing(pages(self._bucket, self._keys.records_below(path))) as listing:
            async for page in listing:
                for record in page.objects:
                    record_path = await self._path_of(record.key)
                    if record_path is not None and is_below(record_path, path):
                        yield record, record_path

    async def _path_of(self, key: str) -> str | None:
        path = self._keys.recorded_path(key)
        if path is not None or not self._keys.is_long_record(key):
            return path
        stored = await self._sessions.load_record(key, "")
        return stored.session.path or None if stored is not None else None

    async def _is_of_record(self, path: str, upload_id: str) -> bool:
        stored = await self._sessions.load(path)
        return stored is not None and stored.session.upload_id == upload_id
