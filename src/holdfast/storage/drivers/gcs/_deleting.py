"""Deleting objects, one request each; the JSON API has no other way than its deprecated batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from holdfast.storage.drivers._tasks import together
from holdfast.storage.errors import PathNotFoundError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from holdfast.storage.drivers.gcs._client import GCSClient

__all__ = ["delete", "delete_all"]

_AT_ONCE: Final = 16


async def delete(client: GCSClient, key: str) -> None:
    """Delete an object, or none."""
    try:
        await client.call("DELETE", client.object_url(key), type(None))
    except PathNotFoundError:
        return


async def delete_all(client: GCSClient, keys: Iterable[str]) -> Mapping[str, StorageError]:
    """Delete any number of objects, some at a time, and return those that couldn't be, with why."""
    failures: dict[str, StorageError] = {}
    left = iter(keys)
    await together(*(_delete_from(client, left, failures) for _ in range(_AT_ONCE)))
    return failures


async def _delete_from(client: GCSClient, left: Iterator[str], failures: dict[str, StorageError]) -> None:
    for key in left:
        try:
            await delete(client, key)
        except StorageError as error:
            failures[key] = error
