"""Doubt about a fast way to read, once only a slower one could often do it."""

from __future__ import annotations

import time
from typing import Final

import structlog

__all__ = ["Doubt"]

_log = structlog.get_logger(__name__)

_TIMES: Final = 5
"""So often in a row."""

_SECONDS: Final = 300


class Doubt:
    """Whether a way to read is worth being tried.

    Args:
        way: What it is called in the log.
        bucket: The bucket's name.
    """

    def __init__(self, way: str, bucket: str) -> None:
        self._way = way
        self._bucket = bucket
        self._times = 0
        self._until = 0.0

    @property
    def holds(self) -> bool:
        """Whether it is better left alone for now."""
        return time.monotonic() < self._until

    def note(self) -> None:
        """Note that another way could do what this one couldn't."""
        self._times += 1
        if self._times >= _TIMES:
            self._times = 0
            self._until = time.monotonic() + _SECONDS
            _log.warning("reading a slower way for a while", doubted=self._way, bucket=self._bucket, seconds=_SECONDS)

    def clear(self) -> None:
        """Note that it could."""
        self._times = 0
