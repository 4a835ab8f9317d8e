"""Whole repositories: DELETE /v2/<name>/, which is Holdfast's own and off by default."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from holdfast.registry.http.errors import ApiError
from holdfast.registry.store.repositories import delete_repository

if TYPE_CHECKING:
    from starlette.requests import Request

    from holdfast.registry.http.context import Registry

__all__ = ["remove_repository"]

_NOUNS = frozenset({"blobs", "manifests", "tags", "uploads"})


async def remove_repository(registry: Registry, request: Request, name: str, reference: str) -> Response:
    """Delete a repository with all its tags, manifests, links to blobs, and uploads.

    A name that ends like the path of something in a repository is refused: `DELETE /v2/app/manifests/` is more likely
    a client that lost its tag than one that means the repository `app/manifests`. The command takes such names.
    """
    del request, reference
    registry.require_delete()
    if not registry.repository_delete_enabled:
        raise ApiError("UNSUPPORTED", "deleting whole repositories is switched off")
    if name.rpartition("/")[2] in _NOUNS:
        raise ApiError("UNSUPPORTED", "a repository of this name can only be deleted by the operator")
    await delete_repository(registry.driver, name)
    return Response(status_code=202)
