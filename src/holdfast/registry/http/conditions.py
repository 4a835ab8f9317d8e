"""Conditional requests (RFC 9110, section 13): here an entity tag is a digest in quotes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.registry.http.fields import field

if TYPE_CHECKING:
    from starlette.requests import Request

    from holdfast.registry.model.digest import Digest

__all__ = ["is_unmodified", "range_applies"]


def is_unmodified(request: Request, digest: Digest | str) -> bool:
    """Whether `If-None-Match` names the content, or any; quotes may be missing, as Distribution allows."""
    asked = field(request, b"if-none-match")
    if asked is None:
        return False
    tags = {tag.strip().removeprefix("W/").strip('"') for tag in asked.split(",")}
    return str(digest) in tags or "*" in tags


def range_applies(request: Request, digest: str) -> bool:
    """Whether `If-Range`, if it is there, lets the range be sent: only for this content, by a strong tag."""
    condition = field(request, b"if-range")
    return condition is None or condition.strip().strip('"') == digest
