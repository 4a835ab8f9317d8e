"""Which endpoint a path leads to.

A repository's name may hold slashes and the very words that follow it, so a path is read from its end: the last
two segments say what is asked for.

    base                /v2/                                     the interface is here
    catalog             /v2/_catalog                             repositories
    tags                /v2/<name>/tags/list                     tags
    manifest            /v2/<name>/manifests/<tag or digest>     a manifest
    referrers           /v2/<name>/referrers/<digest>            what refers to a manifest
    blob                /v2/<name>/blobs/<digest>                a blob
    blob_upload         /v2/<name>/blobs/uploads/                a new upload
    blob_upload_chunk   /v2/<name>/blobs/uploads/<uuid>          an upload
    repository          /v2/<name>/                              a whole repository, to be deleted

The endpoints have Distribution's names for its routes, where it has them.
"""

from __future__ import annotations

from typing import TypeAlias

__all__ = ["Place", "read_path"]

Place: TypeAlias = tuple[str, str | None, str]
"""The endpoint, the repository's name (`None` where there is none to be), and the last segment."""

_BY_REFERENCE = {"manifests": "manifest", "blobs": "blob", "referrers": "referrers"}
_NAMELESS = {"/v2/": "base", "/v2": "base", "/v2/_catalog": "catalog"}


def read_path(path: str) -> Place | None:
    """Find what a path leads to; `None` for a path that leads nowhere. Names and references aren't checked."""
    head, _, last = path.rpartition("/")
    before, _, noun = head.rpartition("/")
    if before.startswith("/v2/"):
        if last and noun in _BY_REFERENCE:
            return _BY_REFERENCE[noun], before[4:], last
        if noun == "uploads" and before.endswith("/blobs"):
            endpoint = "blob_upload_chunk" if last else "blob_upload"
            return endpoint, before[4:].removesuffix("blobs").removesuffix("/"), last
        if noun == "tags" and last == "list":
            return "tags", before[4:], last
    if path in _NAMELESS:
        return _NAMELESS[path], None, ""
    return ("repository", path[4:-1], "") if path.startswith("/v2/") and not last else None
