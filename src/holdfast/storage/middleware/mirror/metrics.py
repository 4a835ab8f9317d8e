"""What the mirror counts: for alerts, since clients notice nothing."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter

__all__ = ["FAILURES", "REPAIRS", "UNREPAIRED"]

FAILURES: Final = Counter(
    "registry_storage_mirror_failures", "The calls that one of two stores failed and the other one answered", ["store"]
)
REPAIRS: Final = Counter(
    "registry_storage_mirror_repairs", "The files that were copied to the store that lacked them", ["store"]
)
UNREPAIRED: Final = Counter(
    "registry_storage_mirror_failed_repairs", "The attempts to copy a file that a store lacks which failed", ["store"]
)
