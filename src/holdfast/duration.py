"""Durations as Go writes them, which is how the configuration file has them: `30s`, `1m30s`, `1.5h`, `0`.

The grammar is that of Go's `time.ParseDuration` (https://pkg.go.dev/time#ParseDuration).
"""

from __future__ import annotations

import re
from datetime import timedelta
from fractions import Fraction
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

__all__ = ["Duration", "PositiveDuration", "format_duration", "parse_duration"]

_NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,  # the micro sign, U+00B5
    "μs": 10**3,  # the Greek letter, U+03BC, which Go takes as well
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_TERM = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?P<unit>[^0-9.]*)")
_MAX_NANOSECONDS = 2**63 - 1
"""What Go's durations, whole nanoseconds in 64 bits, can hold: about 292 years."""

_LEAST_BARE_NANOSECONDS = 10**6


def parse_duration(text: str) -> timedelta:
    """Parse a Go duration, to the microsecond; what is finer is cut off.

    Raises:
        ValueError: The text is empty, lacks a unit (only `0` may), names an unknown one or is over 292 years.
    """
    sign = -1 if text.startswith("-") else 1
    unsigned = text[1:] if text[:1] in {"+", "-"} else text
    if unsigned == "0":
        return timedelta()
    if not unsigned:
        raise ValueError("a duration is empty; write for instance 30s")
    nanoseconds = sum(_terms(unsigned), start=Fraction())
    if nanoseconds > _MAX_NANOSECONDS:
        raise ValueError("a duration is at most 292 years")
    return sign * timedelta(microseconds=int(nanoseconds / 1000))


def format_duration(duration: timedelta) -> str:
    """Write a duration so that `parse_duration` reads it back: `1m30s`, `1.5s`, `0s`."""
    microseconds = duration // timedelta(microseconds=1)
    sign = "-" if microseconds < 0 else ""
    if 0 < abs(microseconds) < 10**6:
        milliseconds, rest = divmod(abs(microseconds), 1000)
        return f"{sign}{abs(microseconds)}us" if rest else f"{sign}{milliseconds}ms"
    hours, rest = divmod(abs(microseconds), 3600 * 10**6)
    minutes, rest = divmod(rest, 60 * 10**6)
    seconds = f"{rest // 10**6}.{rest % 10**6:06d}".rstrip("0").rstrip(".")
    parts = [f"{hours}h" if hours else "", f"{minutes}m" if minutes else "", f"{seconds}s" if rest else ""]
    return sign + "".join(parts) if microseconds else "0s"


def _terms(text: str) -> list[Fraction]:
    terms = []
    position = 0
    while position < len(text):
        term = _TERM.match(text, position)
        if term is None:
            raise ValueError(f"{text!r} isn't a duration; write for instance 30s, 1m30s or 1.5h")
        unit = term["unit"]
        if not unit:
            raise ValueError(f"{text!r} lacks a unit: one of ns, us, ms, s, m, h; write for instance {term['number']}s")
        if unit not in _NANOSECONDS:
            raise ValueError(f"{text!r} has an unknown unit {unit!r}: it is one of ns, us, ms, s, m, h")
        terms.append(_fraction(term["number"]) * _NANOSECONDS[unit])
        position = term.end()
    return terms


def _fraction(number: str) -> Fraction:
    whole, _, decimals = number.partition(".")
    return Fraction(int(whole + decimals or "0"), 10 ** len(decimals))


def _not_negative(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        duration = _bare_number(value) if value.isascii() and value.isdigit() else parse_duration(value)
    except ValueError as error:
        raise PydanticCustomError("duration", "{reason}", {"reason": str(error)}) from error
    if duration < timedelta():
        raise PydanticCustomError("duration", "a duration can't be negative here")
    return duration


def _bare_number(text: str) -> timedelta:
    """Nanoseconds, as upstream takes them. Less than a millisecond of them is somebody who meant seconds."""
    if len(text) > len(str(_MAX_NANOSECONDS)) or int(text) > _MAX_NANOSECONDS:
        raise ValueError("a duration is at most 292 years")
    if 0 < int(text) < _LEAST_BARE_NANOSECONDS:
        raise ValueError(f"{text!r} lacks a unit, and would be nanoseconds; write for instance {text}s")
    return timedelta(microseconds=int(text) // 1000)


Duration = Annotated[timedelta, BeforeValidator(_not_negative)]
"""A duration in the configuration: zero or more."""

PositiveDuration = Annotated[Duration, Field(gt=timedelta())]
"""A duration in the configuration: more than zero."""
