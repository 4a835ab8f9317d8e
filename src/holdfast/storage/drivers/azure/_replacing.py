"""Writing over a blob of another type, which the service refuses: Distribution's append blobs give way to ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from holdfast.storage.driver import CreateOnly, MatchVersion
from holdfast.storage.drivers.azure._answers import BLOCK_BLOB, if_match, told_version
from holdfast.storage.drivers.azure.errors import answer_code
from holdfast.storage.errors import PathNotFoundError, PreconditionFailedError, StorageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from holdfast.storage.driver import Precondition
    from holdfast.storage.drivers.azure._service import Service

__all__ = ["other_type", "replacing"]

T = TypeVar("T")


async def other_type(service: Service, key: str) -> str | None:
    """The version of the blob at a name, if it isn't one of those that we write; `None` if it is, or isn't there."""
    try:
        answer = await service.send("HEAD", key)
    except PathNotFoundError:
        return None
    return None if answer.headers.get("x-ms-blob-type") == BLOCK_BLOB else told_version(answer.headers)


async def replacing(
    service: Service,
    key: str,
    write: Callable[[Precondition | None], Awaitable[T]],
    *,
    precondition: Precondition | None = None,
) -> T:
    """Write a blob; where one of another type is in the way, delete that one and write again.

    Between the two nothing is at the name: the service has no way to exchange them at once.

    Args:
        service: The container.
        key: The name.
        write: Writes the blob, if its precondition holds.
        precondition: What has to hold before.

    Raises:
        PreconditionFailedError: It doesn't.
    """
    try:
        return await write(precondition)
    except StorageError as error:
        if answer_code(error) != "InvalidBlobType":
            raise
        found = await other_type(service, key)
        if not isinstance(precondition, MatchVersion):
            await _delete(service, key, found)
            return await write(precondition)
        if found != precondition.version or not await _delete(service, key, found):
            raise PreconditionFailedError("the blob has another version, or is gone") from error
    return await write(CreateOnly())


async def _delete(service: Service, key: str, version: str | None) -> bool:
    """Delete a version of a blob, and tell whether it was there. If it wasn't, somebody else has written or deleted."""
    if version is None:
        return False
    try:
        await service.send("DELETE", key, headers=if_match(version) | {"x-ms-delete-snapshots": "include"})
    except (PathNotFoundError, PreconditionFailedError):
        return False
    return True
