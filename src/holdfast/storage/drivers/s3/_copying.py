"""Copying on the server, in one request or in many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.storage.drivers._objectstore.copying import CopyInParts, part_size
from holdfast.storage.drivers.s3 import _multipart
from holdfast.storage.errors import UnsupportedOperationError

if TYPE_CHECKING:
    from holdfast.storage.drivers._objectstore.bucket import ObjectInfo, Part
    from holdfast.storage.drivers.s3._client import Client
    from holdfast.storage.drivers.s3._profiles import Profile
    from holdfast.storage.drivers.s3.options import S3Options

__all__ = ["copy"]


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
        await _Copy(client, profile, parameters, source, key).run()
    else:
        raise UnsupportedOperationError(f"the store copies no object larger than {profile.max_put} bytes")


def _threshold(options: S3Options, profile: Profile) -> int:
    """Up to which size an object is copied by one request."""
    is_chosen = "multipartcopythresholdsize" in options.model_fields_set
    if not profile.copy_parts or (profile.copy_by_reference and not is_chosen):
        return profile.max_put
    return min(options.multipartcopythresholdsize, profile.max_put)


class _Copy(CopyInParts):
    def __init__(
        self, client: Client, profile: Profile, parameters: dict[str, Any], source: ObjectInfo, key: str
    ) -> None:
        options = client.options
        part = part_size(source.size, options.multipartcopychunksize, profile.max_parts)
        super().__init__(source, key, part=part, at_once=options.multipartcopymaxconcurrency)
        self._client = client
        self._profile = profile
        self._parameters = parameters

    async def begin(self) -> str:
        return await _multipart.begin(self._client, self.key, self._parameters)

    async def copy_part(self, upload_id: str, number: int, *, offset: int, length: int) -> Part:
        return await _multipart.copy_part(
            self._client, self.key, upload_id, number, self.source, offset=offset, length=length
        )

    async def check_source(self) -> None:
        await _multipart.check_source(self._client, self._profile, self.source)

    async def complete(self, upload_id: str, parts: list[Part]) -> None:
        await _multipart.complete(self._client, self.key, upload_id, parts)

    async def abort(self, upload_id: str) -> None:
        await _multipart.abort(self._client, self.key, upload_id)
