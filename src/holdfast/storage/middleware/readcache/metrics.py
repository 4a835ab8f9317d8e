"""What the cache counts."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter

__all__ = ["HITS", "MISSES", "PARTS"]

_READS: Final = Counter("registry_storage_readcache_reads", "The reads of files that a copy can be kept of", ["result"])

HITS: Final = _READS.labels("hit")
"""Answered by a copy."""

MISSES: Final = _READS.labels("miss")
"""Read from the store, to become a copy; of several at once, each counts."""

PARTS: Final = _READS.labels("part")
"""Parts of what has no copy, read from the store alone."""
