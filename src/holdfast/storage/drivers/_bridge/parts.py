"""Uploads of parts, in a backend that knows none: files below a prefix, joined into what they become.

One more file, the mark, says that the upload is open, and for which key: of a long one the names of its files have only
the beginning. It is written first and deleted first: who still sends parts of an upload that was aborted finds no mark,
and so learns of it. A part that is sent again has another name, and completing names the one that counts.

Joining reads the parts and writes them again, which costs their size twice in traffic; a backend shows no way to put
files together that all of them have.
"""

from __future__ import annotations

import re
import secrets
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

import structlog

from holdfast.storage.drivers._bridge.names import RESERVED, beside, paths_of
from holdfast.storage.drivers._objectstore.bucket import OpenUpload, Part, UnknownUploadError
from holdfast.storage.drivers._objectstore.marked import open_uploads
from holdfast.storage.errors import IncompleteReadError, PathNotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence
    from datetime import datetime

    from holdfast.storage.drivers._bridge.backend import Backend
    from holdfast.storage.drivers._bridge.listing import Listings
    from holdfast.storage.drivers._bridge.writing import Writing
    from holdfast.storage.drivers._objectstore.keys import Keys

__all__ = ["AT_ONCE", "MAX_PARTS", "Parts"]

MAX_PARTS: Final = 32_768

AT_ONCE: Final = 2
"""Parts of one upload on their way: libraries copy what they are given, and so each takes its size twice."""

_SURELY_WHOLE: Final = 800
"""So much of a key is in the names of an upload's files, however long the key is."""

_UPLOAD: Final = re.compile(r"(?P<upload>.*~[0-9a-f]{32}~)(?:[0-9]{5}-[0-9a-f]{8})?", re.DOTALL).fullmatch
_BESIDE: Final = re.compile(r"~(?P<id>[0-9a-f]{32})~(?P<shown>.*)", re.DOTALL).fullmatch
_IDENTITY: Final = re.compile(r"(?:[0-9a-f]{64}~)?[0-9a-f]{32}").fullmatch

_log = structlog.get_logger(__name__)


class Parts:
    """The uploads of parts of one backend.

    Args:
        backend: Where they are.
        listings: Find them.
        writing: Writes and removes them.
        keys: Say where they are.
    """

    def __init__(self, backend: Backend, listings: Listings, writing: Writing, keys: Keys) -> None:
        self._backend = backend
        self._listings = listings
        self._writing = writing
        self._keys = keys
        self._path = paths_of(backend.traits)

    async def begin(self, key: str) -> str:
        """See `Bucket.begin_upload`."""
        upload_id = secrets.token_hex(16)
        await self._writing.write_part(self._keys.part_prefix(key, upload_id), key.encode())
        return upload_id

    async def put_part(self, key: str, upload_id: str, number: int, content: bytes) -> Part:
        """See `Bucket.put_part`. The mark is looked at afterwards: parts of an aborted upload would stay for good."""
        prefix, tag = self._keys.part_prefix(key, upload_id), secrets.token_hex(4)
        part_key = f"{prefix}{number:05}-{tag}"
        await self._writing.write_part(part_key, content)
        try:
            await self._backend.stat(self._path(prefix))
        except PathNotFoundError as error:
            await self._writing.remove(part_key)
            raise UnknownUploadError("the upload was aborted or completed") from error
        return Part(number, len(content), tag)

    async def complete(self, key: str, upload_id: str, parts: Sequence[Part]) -> None:
        """See `Bucket.complete_upload`."""
        prefix = self._keys.part_prefix(key, upload_id)
        there = {info.key: info.size async for info in self._listings.files(prefix)}
        wanted = {f"{prefix}{part.number:05}-{part.tag}": part.size for part in parts}
        if prefix not in there or any(there.get(name) != size for name, size in wanted.items()):
            raise UnknownUploadError("the upload, or a part of it, was completed, aborted or replaced")
        await self._writing.write(key, lambda: self._joined(wanted), size=sum(wanted.values()))
        await self._clear(prefix, there)

    async def abort(self, key: str, upload_id: str) -> None:
        """See `Bucket.abort_upload`. What was left while content was written has an identity, too."""
        if not _IDENTITY(upload_id):
            return
        prefix = self._keys.part_prefix(key, upload_id)
        doomed = [info.key async for info in self._listings.files(prefix)]
        if prefix in doomed:
            await self._writing.remove(prefix)
            doomed.remove(prefix)
        if self._backend.traits.tree:
            doomed.append(beside(key, upload_id))
        failures = await self._writing.remove_all(doomed)
        for failure in failures.values():
            raise failure

    async def open_uploads(self, prefix: str) -> AsyncGenerator[OpenUpload]:
        """See `Bucket.list_uploads`."""
        found = self._of_uploads(RESERVED + prefix[: _SURELY_WHOLE - len(RESERVED)])
        async with aclosing(open_uploads(found, prefix, keys=self._keys, read_mark=self._content)) as uploads:
            async for upload in uploads:
                yield upload
        if self._backend.traits.tree:
            async with aclosing(self._left_beside(prefix)) as uploads:
                async for upload in uploads:
                    yield upload

    async def _of_uploads(self, prefix: str) -> AsyncGenerator[tuple[str, datetime | None]]:
        async with aclosing(self._listings.files(prefix)) as files:
            async for info in files:
                matched = _UPLOAD(info.key)
                # A record, or what comes below, is none.
                if matched is not None and not _BESIDE(info.key.removeprefix(RESERVED)):
                    yield matched["upload"], info.modified

    async def _left_beside(self, prefix: str) -> AsyncGenerator[OpenUpload]:
        """What was being written when its process was killed, and what is just being written."""
        async with aclosing(self._listings.files(f"{RESERVED}~")) as files:
            async for info in files:
                left = _BESIDE(info.key.removeprefix(RESERVED))
                if left is not None and (key := left["shown"].replace("~", "/").rstrip("/")).startswith(prefix):
                    yield OpenUpload(key, left["id"], info.modified)

    async def _content(self, key: str) -> bytes:
        async with self._backend.open(self._path(key), offset=0) as opened:
            return b"".join([chunk async for chunk in opened.chunks])

    async def _joined(self, wanted: Mapping[str, int]) -> AsyncGenerator[bytes]:
        """The parts one after the other."""
        for name, size in wanted.items():
            came = 0
            try:
                async with self._backend.open(self._path(name), offset=0) as opened:
                    async for chunk in opened.chunks:
                        came += len(chunk)
                        yield chunk
            except PathNotFoundError as error:
                raise UnknownUploadError("a part was deleted meanwhile") from error
            if came != size:
                raise IncompleteReadError(f"{came} of {size} bytes of a part")

    async def _clear(self, prefix: str, keys: Mapping[str, int]) -> None:
        """Delete what a completed upload leaves; what can't be deleted is found as an open upload later."""
        failures = dict(await self._writing.remove_all([prefix]))
        failures |= await self._writing.remove_all([key for key in keys if key != prefix])
        if failures:
            first, why = next(iter(failures.items()))
            _log.warning("parts of a completed upload stay", files=len(failures), first=first, error=str(why))
