"""Header fields on the hot paths: read from a request, and encoded once for many answers.

A request's own view of its headers decodes all of them for each look; an answer's own way encodes all of them each
time. Both together took a fifth of the time that a manifest's GET spent in the application.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

__all__ = ["EncodedFields", "encode", "field"]

EncodedFields: TypeAlias = tuple[tuple[bytes, bytes], ...]
"""Header fields as ASGI has them: lower-case names."""


def field(request: Request, name: bytes) -> str | None:
    """Return a field's value, of several fields of the name joined by commas (RFC 9110, section 5.2); or `None`."""
    values = [value for key, value in request.scope["headers"] if key == name]
    return b",".join(values).decode("latin-1") if values else None


def encode(fields: Mapping[str, str]) -> EncodedFields:
    """Encode fields for answers; names are in lower case."""
    return tuple((name.encode("ascii"), value.encode("latin-1")) for name, value in fields.items())
