"""Copying on the server, in one request or in many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from holdfast.storage.drivers._objectstore.bucket import UnknownUploadError
from holdfast.storage.drivers._objectstore.retrying import again
from holdfast.storage.drivers._tasks import together, whole
from holdfast.storage.drivers.s3 import _multipart
from holdfast.storage.errors import StorageError, StorageUnavailableError, UnsupportedOperationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from holdfast.storage.drivers._objectstore.bucket import ObjectInfo, Part
    from holdfast.storage.drivers.s3._client import Client
    from holdfast.storage.drivers.s3._profiles import Profile
    from holdfast.storage.drivers.s3.options import S3Options

__all__ = ["copy", "part_size"]

_STEP: Final = 1024 * 1024


async def copy(client: Client, profile: Profile, parameters: dict[str, Any], source: ObjectInfo, key: str) -> None:
    """See `Bucket.copy`.

    Args:
        client: The bucket's.
        profile: What the store can do.
        parameters: What goes with everything that makes an object.
        source: The object.
        key: Of the copy.
    """
    options = client.options
    if source.size <= _threshold(options, profile):
        origin = {"Bucket": client.bucket, "Key": source.key}
        await client.call("copy_object", Key=key, CopySource=origin, **parameters)
    elif profile.copy_parts:
        part = part_size(source.size, options.multipartcopychunksize, profile)
        await _Copy(client, profile, source, key, part).run(parameters)
    else:
        raise UnsupportedOperationError(f"the store copies no object larger than {profile.max_put} bytes")


def _threshold(options: S3Options, profile: Profile) -> int:
    """Up to which size an object is copied by one request."""
    is_chosen = "multipartcopythresholdsize" in options.model_fields_set
    if not profile.copy_parts or (profile.copy_by_reference and not is_chosen):
        return profile.max_put
    return min(options.multipartcopythresholdsize, profile.max_put)


def part_size(size: int, wanted: int, profile: Profile) -> int:
    """How large parts have to be: as wanted, unless there would be too many."""
    least = -(-size // profile.max_parts)
    return max(wanted, -(-least // _STEP) * _STEP)


class _Copy:
    """One copy in parts, all of the same size but the last."""

    def __init__(self, client: Client, profile: Profile, source: ObjectInfo, key: str, part: int) -> None:
        self._client = client
        self._profile = profile
        self._source = source
        self._key = key
        self._part = part
        self._upload_id: str | None = None
        self._parts: list[Part] = []

    async def run(self, parameters: dict[str, Any]) -> None:
        try:
            await whole(self._begin(parameters))
            offsets = iter(range(0, self._source.size, self._part))
            count = min(-(-self._source.size // self._part), self._client.options.multipartcopymaxconcurrency)
            await together(*(self._work(offsets) for _ in range(count)))
            await _multipart.check_source(self._client, self._profile, self._source)
            parts = sorted(self._parts, key=lambda part: part.number)
            await self._complete(parts)
        except BaseException as error:
            await whole(self._throw_away(error))
            raise

    @property
    def _id(self) -> str:
        return str(self._upload_id)

    async def _begin(self, parameters: dict[str, Any]) -> None:
        self._upload_id = await _multipart.begin(self._client, self._key, parameters)

    async def _throw_away(self, reason: BaseException) -> None:
        if self._upload_id is None:
            return
        try:
            await again(_multipart.abort, self._client, self._key, self._upload_id)
        except StorageError as error:
            reason.add_note(f"aborting the copy failed as well, `list_uploads` finds it: {error}")

    async def _complete(self, parts: list[Part]) -> None:
        try:
            await _multipart.complete(self._client, self._key, self._id, parts)
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
                    _multipart.copy_part,
                    self._client,
                    self._key,
                    self._id,
                    number,
                    self._source,
                    offset=offset,
                    length=length,
                )
            )
