"""Uploads of parts: uncommitted blocks at the name of the blob that they become.

The service knows no uploads, only blocks by name and id. So an upload's id is the beginning of its blocks' ids, and
several uploads to one name are told apart. What follows from the service's rules:

- Uncommitted blocks show nowhere, cost what content costs, and are dropped a week after the last one was sent.
- Whatever is committed at the name, by `put` or another upload, drops them. Completing then fails.
- Nothing discards blocks but that, and deleting a blob that has no content. Committing an empty list to delete the
  result at once would do, too, and show an empty blob in between, or for ever if we were killed there: never done.
- A blob of another type takes no blocks. Then they are collected at a name of their own, and copied in the end.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from typing import TYPE_CHECKING, Final

from holdfast.storage.drivers._objectstore.bucket import OpenUpload, Part, UnknownUploadError
from holdfast.storage.drivers.azure._answers import BLOCK_BLOB, block_list, read_blocks
from holdfast.storage.drivers.azure._deleting import delete_blob
from holdfast.storage.drivers.azure._replacing import other_type
from holdfast.storage.errors import PathNotFoundError, PreconditionFailedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from holdfast.storage.drivers.azure._listing import Lister
    from holdfast.storage.drivers.azure._service import Body, Service

__all__ = ["Uploads", "is_staged", "staging_key"]

_AT_NAME, _STAGED = "b", "s"
_BLOCK_ID: Final = re.compile(rf"([{_AT_NAME}{_STAGED}][0-9a-f]{{16}})-(\d{{5}})", re.ASCII)
_STAGING_KEY: Final = re.compile(rf"(.+)~({_STAGED}[0-9a-f]{{16}})", re.ASCII | re.DOTALL)

_TOMBSTONE: Final = 0
"""The number of the block that says that an upload was aborted: parts have numbers from 1."""

_BEFORE_ALL_CONTENT: Final = "Sat, 01 Jan 2000 00:00:00 GMT"
"""The service is younger."""

_REMEMBERED: Final = 10_000


def is_staged(upload_id: str) -> bool:
    """Whether an upload's blocks are collected at a name of their own."""
    return upload_id.startswith(_STAGED)


def staging_key(key: str, upload_id: str) -> str:
    """Where an upload's blocks are collected."""
    return f"{key}~{upload_id}" if is_staged(upload_id) else key


class Uploads:
    """The uploads of a container.

    Args:
        service: The container.
        lister: Lists it.
    """

    def __init__(self, service: Service, lister: Lister) -> None:
        self._service = service
        self._lister = lister
        # Uploads that ended here, the oldest first: the service doesn't know that they did.
        self._ended: dict[str, None] = {}

    async def begin(self, key: str) -> str:
        """See `Bucket.begin_upload`. The request tells whether the name takes blocks."""
        staged = await other_type(self._service, key) is not None
        return (_STAGED if staged else _AT_NAME) + secrets.token_hex(8)

    async def put(self, key: str, upload_id: str, number: int, body: Body, size: int) -> Part:
        """Send a part; the service refuses empty blocks, and an empty part adds nothing."""
        self._require_open(upload_id)
        tag = _block_id(upload_id, number)
        if size:
            query = {"comp": "block", "blockid": tag}
            await self._service.send("PUT", staging_key(key, upload_id), query=query, body=body, length=size)
        return Part(number, size, tag)

    async def put_from(
        self, key: str, upload_id: str, number: int, source: Mapping[str, str], *, offset: int, length: int
    ) -> Part:
        """Have the service make a part of a range of a blob, which headers name."""
        self._require_open(upload_id)
        tag = _block_id(upload_id, number)
        headers = {**source, "x-ms-source-range": f"bytes={offset}-{offset + length - 1}"}
        query = {"comp": "block", "blockid": tag}
        await self._service.send("PUT", staging_key(key, upload_id), query=query, headers=headers)
        return Part(number, length, tag)

    async def complete(self, key: str, upload_id: str, parts: Sequence[Part]) -> None:
        """See `Bucket.complete_upload`; a staged upload is then complete at its own name.

        The blocks are looked at first: the service would commit what an aborted upload has left, and another block than
        was sent here under the same id.
        """
        self._require_open(upload_id)
        name = staging_key(key, upload_id)
        blocks = await self._blocks(name)
        wanted = {part.tag: part.size for part in parts if part.size}
        if _block_id(upload_id, _TOMBSTONE) in blocks or wanted.items() - blocks.items():
            raise UnknownUploadError("the upload was aborted, or the service doesn't have all of its blocks")
        body = block_list(part.tag for part in parts if part.size)
        headers = {"x-ms-blob-content-type": "application/octet-stream"}
        await self._service.send("PUT", name, query={"comp": "blocklist"}, headers=headers, body=body)

    async def abort(self, key: str, upload_id: str) -> None:
        """See `Bucket.abort_upload`.

        One more block keeps the upload from being completed. Where neither content nor another upload is at the name,
        all are discarded; elsewhere they stay until the service drops them.
        """
        self.end(upload_id)
        name = staging_key(key, upload_id)
        if is_staged(upload_id):
            await delete_blob(self._service, name)  # in case that it was completed
            await self._discard(name)
            return
        blocks = await self._blocks(name)
        owners = _open_owners(blocks)
        if upload_id not in owners:
            return
        query = {"comp": "block", "blockid": _block_id(upload_id, _TOMBSTONE)}
        await self._service.send("PUT", name, query=query, body=b"\0")
        if owners == {upload_id}:
            await self._discard(name)

    async def find(self, prefix: str) -> AsyncIterator[OpenUpload]:
        """See `Bucket.list_uploads`. Those to a name that has content aren't found, but when that is empty.

        One request for each thousand blobs with the prefix, and one for each that is empty or uncommitted.
        """
        async for listed in self._lister.with_uncommitted(prefix):
            if listed.type != BLOCK_BLOB:
                continue
            staged = _STAGING_KEY.fullmatch(listed.info.key)
            if listed.info.size and staged:  # killed between completing and copying
                yield OpenUpload(staged[1], staged[2], listed.info.modified)
            elif not listed.info.size:
                for upload_id in await self._open_at(listed.info.key):
                    key = staged[1] if staged and is_staged(upload_id) else listed.info.key
                    yield OpenUpload(key, upload_id, listed.info.modified)

    def end(self, upload_id: str) -> None:
        """Note that an upload was completed or aborted here."""
        self._ended[upload_id] = None
        if len(self._ended) > _REMEMBERED:
            del self._ended[next(iter(self._ended))]

    def _require_open(self, upload_id: str) -> None:
        if upload_id in self._ended:
            raise UnknownUploadError("the upload was completed or aborted")

    async def _open_at(self, name: str) -> list[str]:
        """The uploads whose blocks are at a name, but for aborted ones."""
        return sorted(owner for owner in _open_owners(await self._blocks(name)) if owner is not None)

    async def _blocks(self, name: str) -> dict[str, int]:
        """The uncommitted blocks at a name, each with its size; none where nothing is."""
        query = {"comp": "blocklist", "blocklisttype": "uncommitted"}
        try:
            return read_blocks((await self._service.send("GET", name, query=query)).content)
        except PathNotFoundError:
            return {}

    async def _discard(self, name: str) -> None:
        """Discard all blocks at a name where no content is.

        Deleting a blob without content discards its blocks. The condition is one that no content meets, so what is
        committed in between stays; `If-None-Match: *` would say so, but not all operations heed it.
        """
        try:
            await self._service.send("DELETE", name, headers={"If-Unmodified-Since": _BEFORE_ALL_CONTENT})
        except (PathNotFoundError, PreconditionFailedError):
            return


def _block_id(upload_id: str, number: int) -> str:
    """A block's id; all at one name must have the same length."""
    return base64.b64encode(f"{upload_id}-{number:05}".encode("ascii")).decode("ascii")


def _open_owners(blocks: Mapping[str, int]) -> set[str | None]:
    """The uploads that blocks are of, but for aborted ones; `None` stands for somebody else's."""
    owners = {_owner(block) for block in blocks}
    return {owner for owner in owners if owner is None or _block_id(owner, _TOMBSTONE) not in blocks}


def _owner(block_id: str) -> str | None:
    """The upload that a block is of; `None` where it isn't one of ours."""
    try:
        found = _BLOCK_ID.fullmatch(base64.b64decode(block_id, validate=True).decode("ascii"))
    except (binascii.Error, UnicodeDecodeError):
        return None
    return found[1] if found else None
