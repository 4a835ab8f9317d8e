"""`Retry-After`: how long a store asks to wait (https://www.rfc-editor.org/rfc/rfc9110#name-retry-after)."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["seconds_to_wait"]


def seconds_to_wait(retry_after: str | None) -> float | None:
    """Read the field, a number of seconds or a date; `None` where there is none, or it is neither."""
    value = (retry_after or "").strip()
    if value.isdecimal():
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
