"""Repository names and tags.

OCI distribution-spec, "Pulling manifests": the grammar of `<name>` and of `<tag-or-digest>` as a tag.
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["MAX_NAME_LENGTH", "is_name", "is_tag"]

MAX_NAME_LENGTH = 255
"""Distribution's limit on a whole repository name."""

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*\Z").match
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}\Z").match


def is_name(text: str) -> bool:
    """Whether the text is a repository's name."""
    return len(text) <= MAX_NAME_LENGTH and _matches_name(text)


@lru_cache(maxsize=4096)
def _matches_name(text: str) -> bool:
    return _NAME(text) is not None


def is_tag(text: str) -> bool:
    """Whether the text is a tag."""
    return _TAG(text) is not None
