"""Deleting many objects: a thousand with one request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from holdfast.storage.drivers._tasks import together
from holdfast.storage.drivers.oss._checksums import md5_header
from holdfast.storage.drivers.oss._documents import deletion, read_deleted
from holdfast.storage.errors import StorageError, StorageUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from holdfast.storage.drivers.oss._client import Client

__all__ = ["delete_all"]

_BATCH: Final = 1000
"""https://www.alibabacloud.com/help/en/oss/developer-reference/deletemultipleobjects"""

_BATCHES_AT_ONCE: Final = 4


async def delete_all(client: Client, keys: Sequence[str]) -> dict[str, StorageError]:
    """See `Bucket.delete_many`."""
    failures: dict[str, StorageError] = {}
    batches = iter([keys[begin : begin + _BATCH] for begin in range(0, len(keys), _BATCH)])
    await together(*(_delete_batches(client, batches, failures) for _ in range(_BATCHES_AT_ONCE)))
    return failures


async def _delete_batches(client: Client, batches: Iterator[Sequence[str]], failures: dict[str, StorageError]) -> None:
    for batch in batches:
        body = deletion(batch)
        answer = await client.call(
            "DeleteMultipleObjects",
            "POST",
            query={"delete": "", "encoding-type": "url"},
            headers={"Content-Type": "application/xml", **md5_header(body)},
            body=body,
        )
        # The store says which are gone, those that never were among them, and nothing of the others.
        gone = read_deleted(answer.content)
        failures.update(
            (key, StorageUnavailableError("the store doesn't say that it has deleted this"))
            for key in batch
            if key not in gone
        )
