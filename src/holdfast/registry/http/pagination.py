"""Pages of a listing: `n`, `last`, and the link to the next page (RFC 5988)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from holdfast.registry.http.errors import ApiError

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["Page", "next_link", "parse_page"]


class Page(NamedTuple):
    """What a client asked for.

    Attributes:
        limit: At most so many entries; `None` for all.
        last: Only entries after this one.
    """

    limit: int | None
    last: str | None


def parse_page(request: Request) -> Page:
    """Read `n` and `last`.

    Raises:
        ApiError: `n` is no number, or negative.
    """
    query = request.query_params
    text = query.get("n") or None
    if text is not None and not (text.isascii() and text.isdigit() and len(text) < 19):
        raise ApiError("PAGINATION_NUMBER_INVALID", {"n": text[:64]})
    return Page(int(text) if text else None, query.get("last") or None)


def next_link(path: str, limit: int, last: str) -> str:
    """Return the `Link` header that leads to the entries after `last`."""
    return f'<{path}?{urlencode({"last": last, "n": limit})}>; rel="next"'
