"""Drivers on a bucket in memory with limits so small that a few bytes are several parts."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from holdfast.storage.driver import FileWriter
from holdfast.storage.drivers._objectstore import parts, sending
from holdfast.storage.drivers._objectstore import writer as writing
from holdfast.storage.drivers._objectstore.bucket import BucketLimits
from holdfast.storage.drivers._objectstore.driver import ObjectStoreDriver
from holdfast.storage.drivers._objectstore.keys import Keys
from holdfast.storage.drivers._objectstore.writer import ObjectWriter
from holdfast.storage.errors import PathNotFoundError, WriteConflictError
from tests.storage.drivers.objectstore.memory_bucket import MemoryBucket, Store

__all__ = [
    "PATH",
    "SMALL",
    "bucket_of",
    "cleared",
    "content",
    "is_quiet",
    "land",
    "opened",
    "scaled",
    "text",
    "unfinished",
]

PATH = "/a/b"

SMALL = BucketLimits(
    min_part=4,
    max_part=64,
    max_parts=100,
    max_put=4000,
    max_object=1000,
    copy_part=30,
    create_only=True,
    match_version=True,
)
"""Up to 10 parts may end early; parts begin to grow after 96 bytes."""


@contextmanager
def scaled() -> Iterator[None]:
    """What is a mebibyte otherwise is a byte or a few."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "_STEP", 1)
        patch.setattr(writing, "_SMALL_BYTES", 2)
        patch.setattr(sending, "_IN_FLIGHT_BYTES", 24)
        yield


def opened(store: Store, *, chunksize: int = 8, memory: int = 64, **limits: Any) -> ObjectStoreDriver:
    """A driver, as one process has it; several on one store are several processes."""
    bucket = MemoryBucket(store, replace(SMALL, **limits))
    return ObjectStoreDriver("memory-bucket", bucket, rootdirectory="", chunksize=chunksize, buffermemory=memory)


def text(length: int, start: int = 0) -> bytes:
    """So many bytes, no two beginnings of which are alike."""
    return b"".join(b"%04x" % number for number in range(start // 4, (start + length) // 4 + 2))[start % 4 :][:length]


async def content(store: Store, path: str = PATH) -> bytes | None:
    """What a path shows to another process."""
    driver = opened(store)
    try:
        return await driver.get_content(path)
    except PathNotFoundError:
        return None
    finally:
        await driver.aclose()


async def unfinished(store: Store, path: str = PATH) -> bytes | None:
    """What another process commits that continues the write to a path, if it can; nothing of the store changes."""
    if Keys("").record(path) not in store.objects:
        return None
    copy = Store(objects=dict(store.objects), uploads=deepcopy(store.uploads))
    driver = opened(copy)
    found = await driver.writer(path, append=True)
    size = found.size
    try:
        await found.commit()
    except WriteConflictError:  # its parts are gone: it was being ended
        return None
    finally:
        await driver.aclose()
    committed = await content(copy, path)

    assert committed is not None
    assert size == len(committed)
    return committed


async def cleared(store: Store) -> bool:
    """Whether nothing is left once all unfinished writes are aborted and all content is deleted."""
    driver = opened(store)
    for upload in [upload async for upload in driver.list_uploads("/")]:
        await driver.abort_upload(upload)
    await driver.delete("/")
    await driver.aclose()
    return not (store.objects or store.uploads)


async def is_quiet(*drivers: ObjectStoreDriver, before: set[asyncio.Task[Any]]) -> bool:
    """Whether drivers hold no memory, and no task is there that wasn't before."""
    for _ in range(3):
        await asyncio.sleep(0)
    introductions = {driver._introduction for driver in drivers}
    left = asyncio.all_tasks() - before - introductions
    return not left and all(driver._budget._left == driver._budget.total for driver in drivers)


async def land(writer: FileWriter) -> None:
    """Wait until all parts on their way have arrived."""
    assert isinstance(writer, ObjectWriter)
    await writer._sender.land()


def bucket_of(driver: ObjectStoreDriver) -> MemoryBucket:
    """The bucket below what tries again."""
    bucket = driver._bucket._inner

    assert isinstance(bucket, MemoryBucket)
    return bucket
