"""Lists of tags and of repositories (distribution-spec, end-8; Distribution's catalog)."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import msgspec
from starlette.responses import Response

from holdfast.registry.http.pagination import next_link, parse_page, refuse_number
from holdfast.registry.store.catalog import list_repositories
from holdfast.registry.store.joint import Listing

if TYPE_CHECKING:
    from starlette.requests import Request

    from holdfast.registry.http.context import Registry

__all__ = ["DEFAULT_CATALOG_ENTRIES", "get_catalog", "get_tags"]

_JSON = "application/json"

DEFAULT_CATALOG_ENTRIES = 100
"""How many repositories a page has where the client doesn't say, as Distribution has it."""


async def get_tags(registry: Registry, request: Request, name: str, reference: str) -> Response:
    """List a repository's tags, in byte order: all of them, unless the client asks for pages.

    Pages are cut to `tags.maxtags`, and linked, which the spec allows.
    """
    del reference
    page = parse_page(request)
    if page.limit == 0:
        # The spec: an empty list, and no link. Whether the repository is there is still to be told.
        await registry.tags.list(name, limit=1)
        return _json({"name": name, "tags": []})
    limit = None if page.limit is None else min(page.limit, registry.tags_max)

    async def read() -> Listing:
        tags, more = await registry.tags.list(name, limit=limit, last=page.last)
        return Listing(msgspec.json.encode({"name": name, "tags": tags}), tags[-1] if more else None)

    listing = await registry.listings.read(("tags", name, limit, page.last), read)
    return _answer(registry, listing, f"/v2/{name}/tags/list", limit)


async def get_catalog(registry: Registry, request: Request, name: str, reference: str) -> Response:
    """List the repositories, in byte order, at most `catalog.maxentries`: as with Distribution, more is an error."""
    del name, reference
    page = parse_page(request)
    most = registry.catalog_max_entries
    if page.limit is not None and page.limit > most:
        raise refuse_number(page.limit)
    limit = min(DEFAULT_CATALOG_ENTRIES, most) if page.limit is None else page.limit
    if limit == 0:
        return _json({"repositories": []})

    async def read() -> Listing:
        # One more than the page has: whether there is a next page is known, and not guessed from this one being full.
        async with aclosing(list_repositories(registry.driver, last=page.last, limit=limit + 1)) as repositories:
            names = [repository async for repository in repositories]
        listed = names[:limit]
        return Listing(msgspec.json.encode({"repositories": listed}), listed[-1] if len(names) > limit else None)

    listing = await registry.listings.read(("catalog", limit, page.last), read)
    return _answer(registry, listing, "/v2/_catalog", limit)


def _answer(registry: Registry, listing: Listing, path: str, limit: int | None) -> Response:
    headers = {}
    if limit is not None and listing.last is not None:
        headers = next_link(registry, path, limit, listing.last)
    return Response(listing.content, media_type=_JSON, headers=headers)


def _json(content: object) -> Response:
    return Response(msgspec.json.encode(content), media_type=_JSON)
