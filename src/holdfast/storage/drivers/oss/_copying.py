"""Copying on the server, in one request or in many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from holdfast.storage.drivers._objectstore.bucket import UnknownUploadError
from holdfast.storage.drivers._objectstore.retrying import again
from holdfast.storage.drivers._tasks import together, whole
from holdfast.storage.drivers.oss import _uploads
from holdfast.storage.errors import StorageError, StorageUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from holdfast.storage.drivers._objectstore.bucket import BucketLimits, ObjectInfo, Part
    from holdfast.storage.drivers.oss._client import Client

__all__ = ["copy", "part_size"]

_STEP: Final = 1024 * 1024


async def copy(client: Client, limits: BucketLimits, headers: Mapping[str, str], source: ObjectInfo, key: str) -> None:
    """See `Bucket.copy`.

    Args:
        client: The bucket's.
        limits: The bucket's.
        headers: What goes with everything that makes an object.
        source: The object.
        key: Of the copy.
    """
    options = client.options
    if source.size <= min(options.multipartcopythresholdsize, limits.max_put):
        origin = _uploads.copy_source(client, source.key)
        await client.call("CopyObject", "PUT", key, headers={**headers, **origin})
        return
    part = part_size(source.size, options.multipartcopychunksize, limits)
    await _Copy(client, source, key, part).run(headers)


def part_size(size: int, wanted: int, limits: BucketLimits) -> int:
    """How large parts have to be: as wanted, unless there would be too many."""
    least = -(-size // limits.max_parts)
    return max(wanted, -(-least // _STEP) * _STEP)


class _Copy:
    """One copy in parts, all of the same size but the last."""

    def __init__(self, client: Client, source: ObjectInfo, key: str, part: int) -> None:
        self._client = client
        self._source = source
        self._key = key
        self._part = part
        self._upload_id = ""
        self._parts: list[Part] = []

    async def run(self, headers: Mapping[str, str]) -> None:
        try:
            await whole(self._begin(headers))
            offsets = iter(range(0, self._source.size, self._part))
            count = min(-(-self._source.size // self._part), self._client.options.multipartcopymaxconcurrency)
            await together(*(self._work(offsets) for _ in range(count)))
            await self._complete(sorted(self._parts, key=lambda part: part.number))
        except BaseException as error:
            await whole(self._throw_away(error))
            raise

    async def _begin(self, headers: Mapping[str, str]) -> None:
        self._upload_id = await _uploads.begin(self._client, self._key, headers)

    async def _throw_away(self, reason: BaseException) -> None:
        if not self._upload_id:
            return
        try:
            await again(_uploads.abort, self._client, self._key, self._upload_id)
        except StorageError as error:
            reason.add_note(f"aborting the copy failed as well, `list_uploads` finds it: {error}")

    async def _complete(self, parts: list[Part]) -> None:
        try:
            await _uploads.complete(self._client, self._key, self._upload_id, parts)
        except UnknownUploadError as error:
            # Completed, most likely, and the answer was lost. To copy once more is what is sure.
            raise StorageUnavailableError("the copy's upload isn't there any more") from error

    async def _work(self, offsets: Iterator[int]) -> None:
        """Copy the next part that nobody copies, until there is none."""
        for offset in offsets:
            number = offset // self._part + 1
            length = min(self._part, self._source.size - offset)
            self._parts.append(
                await again(
                    _uploads.copy_part,
                    self._client,
                    self._key,
                    self._upload_id,
                    number,
                    self._source,
                    offset=offset,
                    length=length,
                )
            )
