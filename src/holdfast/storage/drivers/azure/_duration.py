"""Durations as the Docker Registry's configuration writes them: Go's `100ms`, `1m30s`."""

from __future__ import annotations

import re

__all__ = ["seconds"]

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)"


def seconds(duration: str) -> float:
    """Read a duration (https://pkg.go.dev/time#ParseDuration), without a sign.

    Raises:
        ValueError: It isn't one.
    """
    if duration == "0":
        return 0.0
    if not re.fullmatch(f"(?:{_PART})+", duration):
        raise ValueError(f"{duration!r} isn't a duration, such as 100ms or 1m30s")
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(_PART, duration))
