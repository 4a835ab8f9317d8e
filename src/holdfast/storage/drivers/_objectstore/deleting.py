"""Deleting: a file, or everything below a directory, in batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.storage.drivers._tasks import together
from holdfast.storage.errors import BatchDeleteError, PathNotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from holdfast.storage.drivers._objectstore.bucket import Bucket
    from holdfast.storage.drivers._objectstore.keys import Keys
    from holdfast.storage.errors import StorageError

__all__ = ["delete_keys", "delete_tree"]


async def delete_tree(bucket: Bucket, keys: Keys, path: str) -> bool:
    """Delete the content at and below a path, and tell whether there was any. Unfinished writes stay.

    Raises:
        BatchDeleteError: Some of it couldn't be deleted.
    """
    if path == "/":
        return await _delete_below(bucket, keys, path)
    found = await together(_delete_file(bucket, keys.key(path)), _delete_below(bucket, keys, path))
    return any(found)


async def delete_keys(bucket: Bucket, keys: Keys, doomed: Sequence[str]) -> None:
    """Delete objects; those that aren't there are no error.

    Raises:
        BatchDeleteError: Some couldn't be deleted; by path.
    """
    _raise_failures(keys, await bucket.delete_many(doomed))


async def _delete_file(bucket: Bucket, key: str) -> bool:
    try:
        await bucket.head(key)
    except PathNotFoundError:
        return False
    await bucket.delete(key)
    return True


async def _delete_below(bucket: Bucket, keys: Keys, path: str) -> bool:
    """Page after page, all of them; by names as far as there are any, since what was listed before is gone."""
    found = False
    failures: dict[str, StorageError] = {}
    last: str | None = None
    cursor: str | None = None
    while True:
        page = await bucket.list_page(keys.below(path), start_after=last, cursor=cursor)
        doomed = [info.key for info in page.objects if not info.key.startswith(keys.reserved)]
        if doomed:
            found = True
            failures.update(await bucket.delete_many(doomed))
        if page.cursor is None:
            _raise_failures(keys, failures)
            return found
        last, cursor = (page.objects[-1].key, None) if page.objects else (last, page.cursor)


def _raise_failures(keys: Keys, failures: Mapping[str, StorageError]) -> None:
    if failures:
        raise BatchDeleteError({keys.path(key): error for key, error in failures.items()})
