"""Deleting many blobs, up to 256 by a request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from holdfast.storage.drivers._tasks import together
from holdfast.storage.drivers.azure.errors import AnsweredError
from holdfast.storage.errors import (
    PathNotFoundError,
    PreconditionFailedError,
    StorageError,
    StorageUnavailableError,
    UnexpectedStorageError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from holdfast.storage.drivers.azure._service import Service

__all__ = ["delete_blob", "delete_blobs"]

_BATCH: Final = 256
_BATCHES_AT_ONCE: Final = 4
_SINGLES_AT_ONCE: Final = 16

_DELETE: Final = {"x-ms-delete-snapshots": "include", "If-Match": "*"}
"""On the condition that there is content: deleting a blob without any discards the blocks of uploads to it."""

_GONE: Final = {(202, ""), (404, "BlobNotFound"), (412, "ConditionNotMet")}


async def delete_blob(service: Service, key: str) -> None:
    """Delete a blob with its snapshots. One that isn't there is no error."""
    try:
        await service.send("DELETE", key, headers=_DELETE)
    except (PathNotFoundError, PreconditionFailedError):
        return


async def delete_blobs(service: Service, keys: Sequence[str]) -> Mapping[str, StorageError]:
    """Delete any number of blobs; see `Bucket.delete_many`."""
    failures: dict[str, StorageError] = {}
    batches = iter([keys[at : at + _BATCH] for at in range(0, len(keys), _BATCH)])

    async def work() -> None:
        for batch in batches:
            if not await _delete_batch(service, batch):
                failures.update(await _delete_singly(service, batch))

    await together(*(work() for _ in range(_BATCHES_AT_ONCE)))
    return failures


async def _delete_batch(service: Service, keys: Sequence[str]) -> bool:
    """Delete by one request, and tell whether all are gone.

    Which answer is about which blob isn't certain, so where one failed nothing is said of the others.
    """
    try:
        answers = await service.batch([("DELETE", key, _DELETE) for key in keys])
    except (StorageUnavailableError, UnexpectedStorageError) as error:
        if not isinstance(error.__cause__, AnsweredError):
            raise
        return False  # a service that can't do batches
    return len(answers) == len(keys) and all(answer in _GONE for answer in answers)


async def _delete_singly(service: Service, keys: Sequence[str]) -> dict[str, StorageError]:
    failures: dict[str, StorageError] = {}
    free = asyncio.Semaphore(_SINGLES_AT_ONCE)

    async def delete(key: str) -> None:
        async with free:
            try:
                await delete_blob(service, key)
            except StorageError as error:
                failures[key] = error

    await together(*(delete(key) for key in keys))
    return failures
