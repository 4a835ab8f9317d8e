"""How content is cut into parts: within the store's limits, whatever its length, which nobody knows beforehand."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from holdfast.storage.errors import StorageFullError

if TYPE_CHECKING:
    from holdfast.storage.drivers._objectstore.bucket import BucketLimits

__all__ = ["PartPlan"]

_EARLY: Final = 10
"""One in so many of a store's parts may be small, since a session ended there."""

_STEP: Final = 1024 * 1024
"""What sizes are a multiple of once they grow, and the least that is worth a part of its own."""


class PartPlan:
    """The sizes of an upload's parts.

    Parts have the configured size until they would become too many; from then on each has a fixed fraction of what
    was sent before it. That grows as interest does: with 10,000 parts and the least size of 5 MiB, parts begin to grow
    at 5.9 GiB, have 9 MiB at 10 GiB and 43 MiB at 50 GiB, and 5 TiB take about 9,200 parts, the largest of 4.3 GiB.

    Args:
        limits: The store's.
        chunksize: The configured size of a part, in bytes; less than 1 MiB counts as 1 MiB.
    """

    def __init__(self, limits: BucketLimits, chunksize: int) -> None:
        self._limits = limits
        self._least = max(limits.min_part, _STEP)
        self._chunksize = min(max(chunksize, self._least), limits.max_part)
        self._fraction = max(1, limits.max_parts * 12 // 100)

    def next_size(self, number: int, offset: int, *, first: int | None = None) -> int:
        """How large a part has to be that isn't the last.

        Args:
            number: The part's, from 1.
            offset: The bytes in the parts before it.
            first: The bytes of the first part, which may come from a time of another configuration.

        Raises:
            StorageFullError: The store takes no such part any more.
        """
        if number > self._limits.max_parts:
            raise StorageFullError(
                f"the store takes {self._limits.max_parts} parts of an object; a larger chunksize allows larger objects"
            )
        if self._limits.equal_parts:
            return first or self._chunksize
        grown = -(-offset // self._fraction // _STEP) * _STEP
        return min(max(self._chunksize, grown), self._limits.max_part)

    def may_end_early(self, number: int, size: int) -> bool:
        """Whether a part may be sent although it hasn't the planned size and may not be the last."""
        few = number <= self._limits.max_parts // _EARLY
        return few and size >= self._least and not self._limits.equal_parts

    @property
    def max_bytes(self) -> int:
        """The largest object, in bytes, that surely fits: however many sessions it takes."""
        if self._limits.equal_parts:
            return min(self._limits.max_object, self._limits.max_parts * self._chunksize)
        return _capacity(self._limits, self._chunksize)


@lru_cache(maxsize=64)
def _capacity(limits: BucketLimits, chunksize: int) -> int:
    """What fits if as many parts as may be small are as small as they may be."""
    plan, least = PartPlan(limits, chunksize), max(limits.min_part, _STEP)
    offset = 0
    for number in range(1, limits.max_parts + 1):
        offset += least if plan.may_end_early(number, least) else plan.next_size(number, offset)
        if offset >= limits.max_object:
            break
    return min(offset, limits.max_object)
