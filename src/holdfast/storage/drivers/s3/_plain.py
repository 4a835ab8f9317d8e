"""Reading large ranges from a store without TLS, which takes two thirds of the time of the fast reader.

Whatever goes wrong before the first byte isn't told: the fast reader is asked the same then.
"""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from botocore.utils import get_environ_proxies

from holdfast.storage.drivers._objectstore.bucket import ObjectInfo, OpenObject
from holdfast.storage.drivers._objectstore.plain_http import PlainConnections
from holdfast.storage.drivers.s3._client import CONNECT_SECONDS, READ_SECONDS, user_agent
from holdfast.storage.drivers.s3._doubt import Doubt
from holdfast.storage.drivers.s3._signing import sign_for_us
from holdfast.storage.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from holdfast.storage.drivers._objectstore.plain_http import PlainAnswer
    from holdfast.storage.drivers.s3._client import Client

__all__ = ["PlainReader"]

_LARGE_BYTES: Final = 1024 * 1024
"""For less, signing a URL takes longer than is gained."""

_KEPT: Final = 16
"""Idle connections."""

_PARTIAL: Final = 206


class PlainReader:
    """Reads that are answered at once, or not at all: `None` means that another reader has to be asked.

    Args:
        client: The SDK's; it signs, and it knows the endpoint.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._doubt = Doubt("GET by signed URLs", client.bucket)
        self._able: bool | None = None
        self._connections = PlainConnections(connect_seconds=CONNECT_SECONDS, read_seconds=READ_SECONDS, keep=_KEPT)

    async def open(self, key: str, *, offset: int, length: int | None, version: str | None) -> OpenObject | None:
        """An open object; its chunks are to be closed."""
        if length is None or not self._takes(length):
            return None
        url = await sign_for_us(self._client, key)
        if self._able is None:
            self._able = url.startswith("http:") and not get_environ_proxies(url)
        if not self._able:
            return None
        fields = {
            "Range": f"bytes={offset}-{offset + length - 1}",
            "Accept-Encoding": "identity",
            "User-Agent": user_agent(self._client.options),
        }
        if version is not None:
            fields["If-Match"] = f'"{version}"'
        return await self._ask(key, url, fields, offset)

    def note_doubt(self, length: int | None) -> None:
        """Note that another reader could read a range where this answered with `None`."""
        if length is not None and self._takes(length):
            self._doubt.note()

    def close(self) -> None:
        """Close its connections; idempotent."""
        self._connections.close()

    def _takes(self, length: int) -> bool:
        return length >= _LARGE_BYTES and self._able is not False and not self._doubt.holds

    async def _ask(self, key: str, url: str, fields: Mapping[str, str], offset: int) -> OpenObject | None:
        started = time.monotonic()
        outcome = "left to another reader"
        try:
            answer = await self._connections.get(url, fields)
            info = _described(key, answer, offset)
            if info is None:
                await answer.aclose()
                return None
            outcome = "found"
        except StorageError:
            return None
        finally:
            self._client.trace.fast("GET", key, started, outcome)
        self._doubt.clear()
        self._client.prove_bucket()
        return OpenObject(info, answer)


def _described(key: str, answer: PlainAnswer, offset: int) -> ObjectInfo | None:
    """What the answer says of the object; `None` if it isn't that of the range, which a success would be."""
    unit, _, told = answer.fields.get("content-range", "").partition(" ")
    sent, _, size = told.partition("/")
    modified, etag = answer.fields.get("last-modified"), answer.fields.get("etag", "")
    if (
        answer.status != _PARTIAL
        or answer.fields.get("content-encoding", "identity") != "identity"
        or not (unit == "bytes" and size.isdigit() and modified)
        or sent != f"{offset}-{offset + answer.length - 1}"
    ):
        return None
    return ObjectInfo(
        key=key, size=int(size), modified=parsedate_to_datetime(modified), version=etag.strip('"') or None
    )
