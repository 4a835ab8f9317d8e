"""Many tags and many repositories, put into a bucket without a registry: pushing them would take minutes."""

import asyncio
import hashlib
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from typing import Any

from holdfast import storage
from holdfast.registry.model.digest import Digest
from holdfast.registry.store import paths

__all__ = ["REPOSITORIES", "TAGGED", "TAGS", "put_crowd"]

TAGGED = "bench/many-tags"
"""The repository with many tags."""

TAGS = 10_000
REPOSITORIES = 2_000

_AT_ONCE = 32


def put_crowd(parameters: Mapping[str, Any], manifest: bytes, *, tags: int, repositories: int) -> None:
    """Write so many tags, all of one manifest, and so many repositories, each with a manifest, a tag and a layer.

    Args:
        parameters: The bucket, as the driver takes it.
        manifest: What they point to.
        tags: Of the repository `TAGGED`.
        repositories: Beside it.
    """
    digest = Digest("sha256", hashlib.sha256(manifest).hexdigest())
    files = {paths.blob_data(digest): manifest}
    link = str(digest).encode()
    names = [TAGGED, *(f"team-{number % 40}/service-{number}" for number in range(repositories))]
    for name in names:
        files[paths.revision_link(name, digest)] = link
        files[paths.layer_link(name, digest)] = link
        for tag in (f"v1.{number}" for number in range(tags if name == TAGGED else 1)):
            files[paths.tag_current_link(name, tag)] = link
            files[paths.tag_index_link(name, tag, digest)] = link
    asyncio.run(_put(parameters, files.items()))


async def _put(parameters: Mapping[str, Any], files: Iterable[tuple[str, bytes]]) -> None:
    left = iter(files)
    async with aclosing(storage.create("s3", parameters)) as driver:

        async def put() -> None:
            for path, content in left:
                await driver.put_content(path, content)

        await asyncio.gather(*(put() for _ in range(_AT_ONCE)))
