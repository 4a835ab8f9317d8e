"""The wire format of the JSON API: objects, pages, and bodies of uploads."""

from __future__ import annotations

import base64
import email.utils
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import google_crc32c
import msgspec

from holdfast.storage.drivers._objectstore.bucket import ObjectInfo

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from holdfast.storage.driver import Buffer

__all__ = [
    "LIST_FIELDS",
    "OBJECT_FIELDS",
    "Body",
    "Listing",
    "Rewrite",
    "StoredObject",
    "checksum",
    "media_info",
    "quoted",
]

OBJECT_FIELDS: Final = "name,size,generation,timeCreated"
"""What answers are asked to tell of an object."""

LIST_FIELDS: Final = f"items({OBJECT_FIELDS}),prefixes,nextPageToken"

CONTENT_TYPE: Final = "application/octet-stream"
_PIECE: Final = 128 * 1024


class StoredObject(msgspec.Struct, frozen=True, rename="camel"):
    """An object's metadata, as far as they are asked for."""

    name: str
    generation: str
    size: str = "0"
    time_created: datetime | None = None
    """When this content was written; `updated` would change with metadata, too."""

    @property
    def info(self) -> ObjectInfo:
        """The object as the contract has it; its time in whole seconds, which is what downloads tell."""
        modified = self.time_created.replace(microsecond=0) if self.time_created else None
        return ObjectInfo(self.name, int(self.size), modified, self.generation)


class Listing(msgspec.Struct, frozen=True, rename="camel"):
    """A page of a listing."""

    items: list[StoredObject] = []
    prefixes: list[str] = []
    next_page_token: str | None = None


class Rewrite(msgspec.Struct, frozen=True, rename="camel"):
    """How far a copy has come."""

    done: bool
    rewrite_token: str | None = None


def quoted(name: str) -> str:
    """A name as one segment of a URL's path."""
    return quote(name, safe="")


def media_info(key: str, headers: httpx.Headers) -> ObjectInfo:
    """Describe an object by the headers of its download, whole or of a range."""
    _, _, whole = headers.get("Content-Range", "").partition("/")
    size = whole or headers.get("X-Goog-Stored-Content-Length") or headers.get("Content-Length") or "0"
    written = headers.get("Last-Modified")
    modified = email.utils.parsedate_to_datetime(written).astimezone(UTC) if written else None
    return ObjectInfo(key, int(size), modified, headers.get("X-Goog-Generation"))


def checksum(content: Buffer) -> str:
    """The CRC32C as the service writes it."""
    view, value = memoryview(content).cast("B"), 0
    for start in range(0, len(view), _PIECE):
        value = google_crc32c.extend(value, bytes(view[start : start + _PIECE]))  # it takes nothing but bytes
    return base64.b64encode(value.to_bytes(4, "big")).decode()


class Body:
    """The body of an upload in one request: the object's metadata, then its content, sent in pieces.

    With metadata in front the service checks the content against its checksum before it shows the object.
    """

    def __init__(self, key: str, content: Buffer) -> None:
        boundary = secrets.token_hex(16)
        metadata = msgspec.json.encode({"name": key, "contentType": CONTENT_TYPE, "crc32c": checksum(content)})
        self._head = (
            f"--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n".encode()
            + metadata
            + f"\r\n--{boundary}\r\nContent-Type: {CONTENT_TYPE}\r\n\r\n".encode()
        )
        self._content = memoryview(content).cast("B")
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self.headers = {
            "Content-Type": f"multipart/related; boundary={boundary}",
            "Content-Length": str(len(self._head) + len(self._content) + len(self._tail)),
        }

    def release(self) -> None:
        """Let go of the content: requests and answers of httpx refer to each other, and would keep it for a while."""
        self._content = memoryview(b"")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield it from the beginning, each time anew."""
        if len(self._content) <= _PIECE:
            yield b"".join((self._head, self._content, self._tail))
            return
        yield self._head
        for start in range(0, len(self._content), _PIECE):
            yield bytes(self._content[start : start + _PIECE])
        yield self._tail
