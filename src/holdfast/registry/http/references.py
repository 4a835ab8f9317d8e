"""Digests and names as they come in a URL, or the spec's error for what isn't one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.registry.http.errors import ApiError
from holdfast.registry.model.digest import DigestError, parse_digest
from holdfast.registry.model.reference import is_name, is_tag

if TYPE_CHECKING:
    from holdfast.registry.model.digest import Digest

__all__ = ["check_name", "check_tag", "digest_of"]

_SHOWN = 300


def digest_of(text: str) -> Digest:
    """Read a digest.

    Raises:
        ApiError: It is none, or of an algorithm that isn't supported.
    """
    try:
        return parse_digest(text)
    except DigestError as error:
        raise ApiError("DIGEST_INVALID", {"digest": text[:_SHOWN], "reason": str(error)}) from None


def check_name(text: str) -> None:
    """Refuse what isn't a repository's name."""
    if not is_name(text):
        raise ApiError("NAME_INVALID", {"name": text[:_SHOWN]})


def check_tag(text: str) -> None:
    """Refuse what isn't a tag."""
    if not is_tag(text):
        raise ApiError("TAG_INVALID", {"tag": text[:_SHOWN]})
