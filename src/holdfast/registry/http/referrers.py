"""Referrers: what refers to a manifest (distribution-spec, end-12a and end-12b)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.responses import Response

from holdfast.registry.http.references import digest_of
from holdfast.registry.model.manifest import OCI_INDEX

if TYPE_CHECKING:
    from starlette.requests import Request

    from holdfast.registry.http.context import Registry
    from holdfast.registry.model.digest import Digest

__all__ = ["get_referrers"]

_BEFORE = b'{"schemaVersion":2,"mediaType":"%s","manifests":[' % OCI_INDEX.encode()
_AFTER = b"]}"


async def get_referrers(registry: Registry, request: Request, name: str, reference: str) -> Response:
    """List what refers to a manifest, as an index; nothing of a manifest or a repository that isn't there.

    `artifactType` filters; where it comes several times, each of its values is let through. `last` goes on after a
    referrer, as the `Link` to the next page has it.
    """
    subject = digest_of(reference)
    kinds = tuple(dict.fromkeys(filter(None, request.query_params.getlist("artifactType"))))
    last = request.query_params.get("last")
    after = digest_of(last) if last else None
    page = await registry.referrers.page(name, subject, kinds=frozenset(kinds), after=after)
    headers = {}
    if kinds:
        headers["oci-filters-applied"] = "artifactType"
    if page.last is not None:
        headers["link"] = f'<{_next(registry, name, subject, kinds, page.last)}>; rel="next"'
    content = b"".join((_BEFORE, b",".join(page.descriptors), _AFTER))
    response = Response(b"" if request.method == "HEAD" else content, headers=headers, media_type=OCI_INDEX)
    response.headers["content-length"] = str(len(content))
    return response


def _next(registry: Registry, name: str, subject: Digest, kinds: tuple[str, ...], last: Digest) -> str:
    query = urlencode([*(("artifactType", kind) for kind in kinds), ("last", str(last))])
    return f"{registry.urls.prefix}/v2/{name}/referrers/{subject}?{query}"
