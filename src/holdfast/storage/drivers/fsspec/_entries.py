"""Descriptions of files, as fsspec's filesystems give them: `name`, `size` and `type` are agreed on, times aren't."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from holdfast.storage.drivers._bridge.backend import Entry

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["entry_of"]

_TIMES: Final = ("mtime", "LastModified", "last_modified", "modified", "updated", "created")
"""Where filesystems tell when content was written; where only creation is told, content is never changed."""

_TAGS: Final = ("ETag", "etag")
"""What tells contents apart, alone: times of one object may differ, by their resolution, from call to call."""


def entry_of(info: Mapping[str, Any]) -> Entry:
    """Read a description.

    Raises:
        KeyError: It has no name, or no type.
    """
    name = str(info["name"]).rstrip("/").rpartition("/")[2]
    if info["type"] == "directory":
        return Entry(name=name, is_dir=True)
    size = info.get("size")
    modified = _moment(next((info[key] for key in _TIMES if info.get(key)), None))
    version = next((str(info[key]).strip('"') for key in _TAGS if info.get(key)), None)
    if version is not None and modified is not None:  # a store's description has seconds, its listing thousandths
        modified = modified.replace(microsecond=0)
    if version is None and modified is not None:
        version = f"{info.get('ino', '')}-{modified.timestamp()}-{size}"
    return Entry(name=name, size=None if size is None else int(size), modified=modified, version=version)


def _moment(time: Any) -> datetime | None:
    """A time as an aware one, UTC; `None` where it is none, or in words that aren't ISO 8601."""
    if isinstance(time, int | float):
        return datetime.fromtimestamp(time, UTC)
    if isinstance(time, str):
        try:
            time = datetime.fromisoformat(time)
        except ValueError:
            return None
    if not isinstance(time, datetime):
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
