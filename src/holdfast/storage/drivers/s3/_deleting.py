"""Deleting many objects: a thousand with one request, or one by one where the store can't."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any, Final

from holdfast.storage.drivers._tasks import together
from holdfast.storage.drivers.s3.errors import code_error
from holdfast.storage.errors import PathNotFoundError, StorageError, UnsupportedOperationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from holdfast.storage.drivers.s3._client import Client

__all__ = ["Deletions", "attach_digest"]

_BATCH: Final = 1000
"""https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html"""

_BATCHES_AT_ONCE: Final = 4
_SINGLES_AT_ONCE: Final = 32


def attach_digest(events: Any) -> None:
    """Have an SDK's client send `Content-MD5` with DeleteObjects, as it did before 2025: most stores want it still."""
    events.register("before-sign.s3.DeleteObjects", _add_digest)


class Deletions:
    """Deletes the objects of a bucket.

    Args:
        client: The bucket's.
        batches: Whether the store has DeleteObjects; if it turns out that it hasn't, objects are deleted one by one.
    """

    def __init__(self, client: Client, *, batches: bool) -> None:
        self._client = client
        self._batches = batches

    async def one(self, key: str) -> None:
        """See `Bucket.delete`."""
        try:
            await self._client.call("delete_object", Key=key)
        except PathNotFoundError:
            return

    async def many(self, keys: Sequence[str]) -> dict[str, StorageError]:
        """See `Bucket.delete_many`."""
        failures: dict[str, StorageError] = {}
        if self._batches and len(keys) > 1:
            batches = iter([keys[begin : begin + _BATCH] for begin in range(0, len(keys), _BATCH)])
            await together(*(self._delete_batches(batches, failures) for _ in range(_BATCHES_AT_ONCE)))
        else:
            singles = iter(keys)
            await together(*(self._delete_singles(singles, failures) for _ in range(_SINGLES_AT_ONCE)))
        return failures

    async def _delete_batches(self, batches: Iterator[Sequence[str]], failures: dict[str, StorageError]) -> None:
        for batch in batches:
            try:
                failures |= await self._delete_batch(batch)
            except UnsupportedOperationError:
                self._batches = False
                await self._delete_singles(iter(batch), failures)

    async def _delete_batch(self, keys: Sequence[str]) -> dict[str, StorageError]:
        named = {"Objects": [{"Key": key} for key in keys], "Quiet": True}
        answer = await self._client.call("delete_objects", Delete=named)
        told = {
            str(error.get("Key")): code_error(error.get("Code", ""), error.get("Message", ""), self._client.bucket)
            for error in answer.get("Errors", ())
        }
        return {key: error for key, error in told.items() if not isinstance(error, PathNotFoundError)}

    async def _delete_singles(self, keys: Iterator[str], failures: dict[str, StorageError]) -> None:
        for key in keys:
            try:
                await self.one(key)
            except StorageError as error:
                failures[key] = error


def _add_digest(request: Any, **_: Any) -> None:
    digest = hashlib.md5(request.data, usedforsecurity=False).digest()
    for name in ("x-amz-checksum-crc32", "x-amz-sdk-checksum-algorithm"):
        del request.headers[name]
    request.headers["Content-MD5"] = base64.b64encode(digest).decode("ascii")
