"""Listing a container."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from holdfast.storage.drivers._objectstore.bucket import Page
from holdfast.storage.drivers.azure._answers import read_listing
from holdfast.storage.drivers.azure.errors import answer_code
from holdfast.storage.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from holdfast.storage.drivers.azure._answers import Listed, Listing
    from holdfast.storage.drivers.azure._service import Service

__all__ = ["Lister"]

_PAGE: Final = 1000
"""The service would give 5,000, whose document keeps the event loop for a twentieth of a second."""

_UNKNOWN_PARAMETER: Final = frozenset({"InvalidQueryParameterValue", "UnsupportedQueryParameter"})


class Lister:
    """Pages of names, in the byte order in which the service keeps them.

    Args:
        service: The container.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._begins_anywhere = True

    async def page(
        self, prefix: str, *, delimiter: bool, start_after: str | None, cursor: str | None, limit: int | None
    ) -> Page:
        """See `Bucket.list_page`."""
        query = {
            "prefix": prefix,
            "delimiter": "/" if delimiter else "",
            "marker": cursor or "",
            "maxresults": str(min(limit or _PAGE, _PAGE)),
        }
        listing = await self._begun(query, _first(prefix, start_after, delimiter=delimiter))
        blobs = [found.info for found in listing.blobs if start_after is None or found.info.key > start_after]
        return Page(blobs, listing.prefixes, listing.marker)

    async def with_uncommitted(self, prefix: str) -> AsyncIterator[Listed]:
        """Yield all blobs with a prefix, those that have uncommitted blocks only among them, with 0 bytes."""
        query = {"prefix": prefix, "include": "uncommittedblobs", "maxresults": str(_PAGE)}
        while True:
            listing = await self._list(query)
            for found in listing.blobs:
                yield found
            if listing.marker is None:
                return
            query["marker"] = listing.marker

    async def _begun(self, query: dict[str, str], first: str | None) -> Listing:
        """Have the listing begin where it is wanted; who calls filters, for a service that can't do that."""
        if first is None or not self._begins_anywhere:
            return await self._list(query)
        try:
            return await self._list(query | {"startFrom": first})
        except StorageError as error:
            if answer_code(error) not in _UNKNOWN_PARAMETER:
                raise
            listing = await self._list(query)
            self._begins_anywhere = False
            return listing

    async def _list(self, query: dict[str, str]) -> Listing:
        answer = await self._service.send("GET", query={"restype": "container", "comp": "list", **query})
        return read_listing(answer.content)


def _first(prefix: str, start_after: str | None, *, delimiter: bool) -> str | None:
    """The name that a listing begins with. With a delimiter it can be one below the prefix, no deeper."""
    if start_after is None or start_after <= prefix:
        return None
    if delimiter and start_after.startswith(prefix):
        return prefix + start_after[len(prefix) :].partition("/")[0]
    return start_after
