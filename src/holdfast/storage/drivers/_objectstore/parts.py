"""How content is cut into parts: within the store's limits, whatever its length, which nobody knows beforehand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from holdfast.storage.errors import StorageFullError

if TYPE_CHECKING:
    from holdfast.storage.drivers._objectstore.bucket import BucketLimits

__all__ = ["PartPlan"]

_EARLY: Final = 10
"""One in so many of a store's parts may be as small as the store allows."""

_STEP: Final = 1024 * 1024


class PartPlan:
    """The sizes of an upload's parts.

    Parts have the configured size until they would become too many; from then on each has a fixed fraction of what
    was sent before it. That grows as interest does: with 10,000 parts and the least size of 5 MiB, parts begin to grow
    at 6 GiB, have 44 MiB at 50 GiB, and 5 TiB take fewer than 9,700 parts, the largest of 4.3 GiB.

    Args:
        limits: The store's.
        chunksize: The configured size of a part, in bytes.
    """

    def __init__(self, limits: BucketLimits, chunksize: int) -> None:
        self._limits = limits
        self._chunksize = min(max(chunksize, limits.min_part), limits.max_part)
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
        return few and size >= self._limits.min_part and not self._limits.equal_parts
