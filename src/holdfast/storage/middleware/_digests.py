"""Digests that paths tell: of content that never changes, since another content would have another path."""

from __future__ import annotations

import hashlib
import re
from typing import Final, NamedTuple

__all__ = ["BLOBS", "WrittenDigest", "digest_in"]

_ALGORITHMS: Final = ("sha256", "sha384", "sha512")

BLOBS: Final = r"/docker/registry/v2/blobs/(?P<algorithm>sha256|sha512)/[0-9a-f]{2}/(?P<hex>[0-9a-f]+)/data"
"""Where registries keep blobs, as Docker Distribution does."""


class WrittenDigest(NamedTuple):
    """A digest that a path tells."""

    algorithm: str
    hex: str


def digest_in(pattern: re.Pattern[str], path: str) -> WrittenDigest | None:
    """The digest that a path tells, or `None` where it tells none that can be checked."""
    found = pattern.fullmatch(path)
    if found is None or found["algorithm"] not in _ALGORITHMS:
        return None
    digits = found["hex"]
    is_whole = len(digits) == 2 * hashlib.new(found["algorithm"]).digest_size
    return WrittenDigest(found["algorithm"], digits) if is_whole and re.fullmatch("[0-9a-f]+", digits) else None
