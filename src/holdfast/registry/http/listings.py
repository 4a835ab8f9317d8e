"""Lists of tags and of repositories (distribution-spec, end-8; Distribution's catalog)."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import msgspec
from starlette.responses import Response

from holdfast.registry.http.pagination import next_link, parse_page, refuse_number
from holdfast.registry.store.catalog import list_repositories

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from holdfast.registry.http.context import Registry

__all__ = ["DEFAULT_CATALOG_ENTRIES", "get_catalog", "get_tags"]

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
    tags, more = await registry.tags.list(name, limit=limit, last=page.last)
    headers = {}
    if more and limit is not None:
        headers = next_link(registry, f"/v2/{name}/tags/list", limit, tags[-1])
    return _json({"name": name, "tags": tags}, headers)


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
    # One more than the page has: whether there is a next page is known, and not guessed from this one being full.
    async with aclosing(list_repositories(registry.driver, last=page.last, limit=limit + 1)) as repositories:
        names = [repository async for repository in repositories]
    headers = {}
    if len(names) > limit:
        headers = next_link(registry, "/v2/_catalog", limit, names[limit - 1])
    return _json({"repositories": names[:limit]}, headers)


def _json(content: object, headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json", headers=headers)
