"""Copying on the server, in one request or in many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.storage.drivers._objectstore.copying import CopyInParts, part_size
from holdfast.storage.drivers.oss import _uploads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from holdfast.storage.drivers._objectstore.bucket import BucketLimits, ObjectInfo, Part
    from holdfast.storage.drivers.oss._client import Client

__all__ = ["copy"]


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
    await _Copy(client, limits, headers, source, key).run()


class _Copy(CopyInParts):
    def __init__(
        self, client: Client, limits: BucketLimits, headers: Mapping[str, str], source: ObjectInfo, key: str
    ) -> None:
        options = client.options
        part = part_size(source.size, options.multipartcopychunksize, limits.max_parts)
        super().__init__(source, key, part=part, at_once=options.multipartcopymaxconcurrency)
        self._client = client
        self._headers = headers

    async def begin(self) -> str:
        return await _uploads.begin(self._client, self.key, self._headers)

    async def copy_part(self, upload_id: str, number: int, *, offset: int, length: int) -> Part:
        return await _uploads.copy_part(
            self._client, self.key, upload_id, number, self.source, offset=offset, length=length
        )

    async def check_source(self) -> None:
        """Each part names the version that is meant."""

    async def complete(self, upload_id: str, parts: list[Part]) -> None:
        await _uploads.complete(self._client, self.key, upload_id, parts)

    async def abort(self, upload_id: str) -> None:
        await _uploads.abort(self._client, self.key, upload_id)
