"""Pages of a listing: `n`, `last`, and the link to the next page (RFC 5988)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from holdfast.registry.http.errors import ApiError

if TYPE_CHECKING:
    from starlette.requests import Request

    from holdfast.registry.http.context import Registry

__all__ = ["Page", "next_link", "parse_page", "refuse_number"]

_MAX_DIGITS = 18
"""Any such number is one in Distribution too, whose integers have 64 bits."""

_SHOWN = 64


class Page(NamedTuple):
    """What a client asked for.

    Attributes:
        limit: At most so many entries; `None` where it doesn't say.
        last: Only entries after this one.
    """

    limit: int | None
    last: str | None


def parse_page(request: Request) -> Page:
    """Read `n` and `last`.

    Raises:
        ApiError: `n` is no number, negative, or beyond all bounds.
    """
    query = request.query_params
    text = query.get("n") or None
    if text is not None and not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
        raise refuse_number(text)
    return Page(int(text) if text else None, query.get("last") or None)


def refuse_number(number: str | int) -> ApiError:
    """Return the answer to a number of entries that can't be had."""
    return ApiError(
        "UNSUPPORTED",
        {"n": number[:_SHOWN] if isinstance(number, str) else number},
        status=400,
        message="invalid number of results requested",
    )


def next_link(registry: Registry, path: str, limit: int, last: str) -> dict[str, str]:
    """Return the `Link` header that leads to the entries after `last`: a path, as Distribution has it."""
    query = urlencode({"last": last, "n": limit})
    return {"link": f'<{registry.urls.prefix}{path}?{query}>; rel="next"'}
