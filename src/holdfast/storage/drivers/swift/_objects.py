"""The wire format: objects as headers and listings have them, and bodies of requests."""

from __future__ import annotations

import email.utils
import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import msgspec
from anyio import to_thread

from holdfast.storage.drivers._objectstore.bucket import ObjectInfo

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from holdfast.storage.driver import Buffer

__all__ = ["CONTENT_TYPE", "Body", "Entry", "copy_source", "described", "md5", "quoted"]

CONTENT_TYPE: Final = "application/octet-stream"
"""What upstream stores everything as."""

_PIECE: Final = 128 * 1024
_QUICK: Final = 256 * 1024
"""What is hashed at once: a thread costs more."""


class Entry(msgspec.Struct, frozen=True, rename={"etag": "hash"}):
    """A line of a listing: an object, or with a delimiter a common prefix."""

    name: str = ""
    bytes: int = 0
    etag: str = ""
    slo_etag: str = ""
    last_modified: str = ""
    subdir: str | None = None

    @property
    def info(self) -> ObjectInfo:
        """The object as the contract has it."""
        moment = datetime.fromisoformat(self.last_modified).replace(microsecond=0, tzinfo=UTC)
        return ObjectInfo(self.name, self.bytes, moment, (self.slo_etag or self.etag).strip('"') or None)


def described(key: str, headers: Mapping[str, str]) -> ObjectInfo:
    """Describe an object by the headers of an answer about it, or about a range of it.

    Its time is that of `X-Timestamp`, in whole seconds: `Last-Modified` is rounded up, so listings would differ.
    """
    _, _, whole = headers.get("Content-Range", "").partition("/")
    size = int(whole or headers.get("Content-Length") or 0)
    stamp, written = headers.get("X-Timestamp"), headers.get("Last-Modified")
    modified = None
    if stamp:
        modified = datetime.fromtimestamp(int(float(stamp)), UTC)
    elif written:
        modified = email.utils.parsedate_to_datetime(written).astimezone(UTC)
    return ObjectInfo(key, size, modified, headers.get("ETag", "").strip('"') or None)


def quoted(name: str) -> str:
    """A name as it stands in a URL, and in headers that name objects."""
    return quote(name, safe="/~")


def copy_source(container: str, name: str) -> str:
    """How a header names what is copied."""
    return quoted(f"/{container}/{name}")


async def md5(content: Buffer) -> str:
    """What Swift checks content with."""
    if len(content) <= _QUICK:
        return _md5(content)
    return await to_thread.run_sync(_md5, content)


def _md5(content: Buffer) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


class Body:
    """Content as a request's body, sent in pieces, as often as it must be."""

    def __init__(self, content: Buffer) -> None:
        self._content = memoryview(content).cast("B")
        self.size = len(self._content)

    def release(self) -> None:
        """Let go of the content: requests and answers of httpx refer to each other, and would keep it for a while."""
        self._content = memoryview(b"")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield it from the beginning, each time anew."""
        for start in range(0, len(self._content), _PIECE):
            yield bytes(self._content[start : start + _PIECE])
