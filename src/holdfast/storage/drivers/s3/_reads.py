"""Reading by the SDK: what the fast reader can't, or failed at."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from holdfast.storage.drivers._objectstore.bucket import ObjectInfo, OpenObject, PastEndError
from holdfast.storage.drivers.s3.errors import SDK_ERRORS, storage_error
from holdfast.storage.errors import UnexpectedStorageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from holdfast.storage.drivers.s3._client import Client

__all__ = ["describe", "get", "head", "open_object"]

_CHUNK_BYTES: Final = 1024 * 1024


async def get(client: Client, key: str) -> bytes:
    """See `Bucket.get`."""
    async with open_object(client, key) as opened:
        return b"".join([chunk async for chunk in opened.chunks])


async def head(client: Client, key: str) -> ObjectInfo:
    """See `Bucket.head`."""
    answer = await client.call("head_object", Key=key)
    return describe(key, answer, answer["ContentLength"])


@asynccontextmanager
async def open_object(
    client: Client, key: str, *, offset: int = 0, length: int | None = None, version: str | None = None
) -> AsyncIterator[OpenObject]:
    """See `Bucket.read`."""
    parameters: dict[str, Any] = {}
    if offset or length is not None:
        parameters["Range"] = f"bytes={offset}-" + ("" if length is None else str(offset + length - 1))
    if version is not None:
        parameters["IfMatch"] = f'"{version}"'
    answer = await client.call("get_object", Key=key, **parameters)
    body = answer["Body"]
    try:
        size = _whole_size(answer, offset, length)
        yield OpenObject(describe(key, answer, size), _chunks(body, client.bucket))
    finally:
        body.close()


def describe(key: str, answer: dict[str, Any], size: int) -> ObjectInfo:
    """Describe an object as an answer of the SDK has it."""
    etag = answer.get("ETag")
    return ObjectInfo(
        key=key, size=size, modified=answer.get("LastModified"), version=etag.strip('"') if etag else None
    )


def _whole_size(answer: dict[str, Any], offset: int, length: int | None) -> int:
    """The size of the object, of which the answer may have a range.

    Raises:
        PastEndError: The store answers with nothing where others refuse.
        UnexpectedStorageError: The answer is the whole object, and wasn't to be.
    """
    total = str(answer.get("ContentRange", "")).rpartition("/")[2]
    if total.isdigit():
        return int(total)
    if "ContentLength" not in answer:
        raise UnexpectedStorageError("the store doesn't tell how long the content is")
    size = int(answer["ContentLength"])
    if (offset or length is not None) and offset >= size:
        raise PastEndError("the object ends before the range")
    if offset or (length is not None and length < size):
        raise UnexpectedStorageError("the store answers with whole objects where ranges were asked for")
    return size


async def _chunks(body: Any, bucket: str) -> AsyncIterator[bytes]:
    try:
        async for chunk in body.iter_chunks(_CHUNK_BYTES):
            yield chunk
    except SDK_ERRORS as error:
        raise storage_error(error, bucket) from error
