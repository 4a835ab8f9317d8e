"""Lists of tags and of repositories (distribution-spec, end-8; Distribution's catalog)."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import msgspec
from starlette.responses import Response

from holdfast.registry.http.pagination import next_link, parse_page
from holdfast.registry.store.catalog import list_repositories

if TYPE_CHECKING:
    from starlette.requests import Request

    from holdfast.registry.http.context import Registry

__all__ = ["DEFAULT_CATALOG_ENTRIES", "get_catalog", "get_tags"]

DEFAULT_CATALOG_ENTRIES = 1000
"""How many repositories a page has where the client doesn't say, as Distribution has it."""


async def get_tags(registry: Registry, request: Request, name: str, reference: str) -> Response:
    """List a repository's tags, in byte order."""
    del reference
    page = parse_page(request)
    if page.limit == 0:
        # The spec: an empty list, and no link. Whether the repository is there is still to be told.
        await registry.tags.list(name, limit=1)
        return _json({"name": name, "tags": []})
    tags, more = await registry.tags.list(name, limit=page.limit, last=page.last)
    headers = {}
    if more and page.limit is not None:
        headers["link"] = next_link(f"/v2/{name}/tags/list", page.limit, tags[-1])
    return _json({"name": name, "tags": tags}, headers)


async def get_catalog(registry: Registry, request: Request, name: str, reference: str) -> Response:
    """List the repositories, in byte order."""
    del name, reference
    page = parse_page(request)
    limit = DEFAULT_CATALOG_ENTRIES if page.limit is None else page.limit
    names: list[str] = []
    headers = {}
    if limit:
        async with aclosing(list_repositories(registry.driver, last=page.last)) as repositories:
            async for repository in repositories:
                if len(names) == limit:
                    headers["link"] = next_link("/v2/_catalog", limit, names[-1])
                    break
                names.append(repository)
    return _json({"repositories": names}, headers)


def _json(content: object, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json", headers=headers)
