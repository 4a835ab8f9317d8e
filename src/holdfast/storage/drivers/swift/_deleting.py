"""Deleting objects, large ones with their segments; many in one request, where the cluster can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import httpx
import msgspec
import structlog

from holdfast.storage.drivers._tasks import together
from holdfast.storage.drivers.swift._objects import quoted
from holdfast.storage.drivers.swift.errors import status_error, translated
from holdfast.storage.errors import PathNotFoundError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from holdfast.storage.drivers.swift._client import SwiftClient
    from holdfast.storage.drivers.swift._large import Large, Larges

__all__ = ["Deleter"]

_AT_ONCE: Final = 16
_log = structlog.get_logger(__name__)


class Deleter:
    """Deletes in a container.

    Segments go before their manifest: if it ends in the middle, it can be begun again with what the manifest says.

    Args:
        client: Sends requests.
        larges: Know the segments.
        reserved: What the names of our own records begin with, none of which is large.
    """

    def __init__(self, client: SwiftClient, larges: Larges, reserved: str) -> None:
        self._client = client
        self._larges = larges
        self._reserved = reserved

    async def delete(self, key: str) -> None:
        """Delete an object, or none, with its segments."""
        for failure in (await self.delete_many([key])).values():
            raise failure

    async def delete_plain(self, key: str) -> bool:
        """Delete an object, and of a large one the manifest only; tell whether it was there."""
        try:
            await self._client.call("DELETE", key)
        except PathNotFoundError:
            return False
        return True

    async def delete_many(self, keys: Sequence[str]) -> Mapping[str, StorageError]:
        """Delete objects with their segments, and return those that couldn't be, with why."""
        failures: dict[str, StorageError] = {}
        segments: dict[str, str] = {}
        left = iter(keys)
        await together(*(self._look(left, segments, failures) for _ in range(min(_AT_ONCE, len(keys)))))
        for name, error in (await self.delete_names(segments)).items():
            failures[segments[name]] = error
        doomed = [key for key in keys if key not in failures]
        return failures | dict(await self.delete_names(doomed))

    async def delete_names(self, names: Iterable[str]) -> Mapping[str, StorageError]:
        """Delete objects as they are, and return those that couldn't be, with why."""
        names = [*names]
        most = (await self._client.features()).bulk_delete
        failures: dict[str, StorageError] = {}
        if most < 1 or len(names) <= 1:
            left = iter(names)
            await together(*(self._delete_from(left, failures) for _ in range(min(_AT_ONCE, len(names)))))
            return failures
        for start in range(0, len(names), most):
            failures |= await self._bulk(names[start : start + most])
        return failures

    async def clear(self, before: Large | None, now: Large | None = None) -> None:
        """Delete the segments of an object that was replaced; what can't be deleted is told in the log."""
        if before is None or before.shares(now):
            return
        try:
            names = await self._larges.owned(before)
            failures = dict(await self.delete_names(names))
        except StorageError as error:
            failures = {before.key: error}
        if failures:
            first, why = next(iter(failures.items()))
            _log.warning("segments of a replaced object stay", objects=len(failures), first=first, error=str(why))

    async def _look(self, left: Iterator[str], segments: dict[str, str], failures: dict[str, StorageError]) -> None:
        for key in left:
            if key.startswith(self._reserved):
                continue
            try:
                large = await self._larges.find(key)
                if large is not None:
                    segments |= dict.fromkeys(await self._larges.owned(large), key)
            except StorageError as error:
                failures[key] = error

    async def _delete_from(self, left: Iterator[str], failures: dict[str, StorageError]) -> None:
        for name in left:
            try:
                await self.delete_plain(name)
            except StorageError as error:
                failures[name] = error

    async def _bulk(self, names: Sequence[str]) -> dict[str, StorageError]:
        """https://docs.openstack.org/swift/latest/middleware.html#bulk-delete."""
        start = f"/{self._client.container}/"
        body = "".join(f"{quoted(start + name)}\n" for name in names).encode()
        headers = {"Content-Type": "text/plain", "Accept": "application/json"}
        response = await self._client.call(
            "POST", None, params={"bulk-delete": ""}, headers=headers, body=body, of_account=True
        )
        with translated():
            answer = msgspec.json.decode(response.content, type=dict[str, Any])
        refused = {unquote(name).removeprefix(start): str(status) for name, status in answer.get("Errors", [])}
        status = str(answer.get("Response Status", ""))
        is_told = status.startswith("2") or (refused and status.startswith(str(httpx.codes.BAD_REQUEST.value)))
        if not is_told:
            refused = dict.fromkeys(names, status) | refused
        return {name: status_error(why) for name, why in refused.items() if not why.startswith("404")}
