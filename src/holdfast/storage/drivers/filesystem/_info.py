"""What a file's status tells a caller."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from holdfast.storage.driver import FileInfo

if TYPE_CHECKING:
    import os

__all__ = ["describe", "modified", "version_of"]


def describe(path: str, status: os.stat_result) -> FileInfo:
    """Describe a regular file."""
    return FileInfo(path=path, size=status.st_size, modified=modified(status), version=version_of(status))


def modified(status: os.stat_result) -> datetime:
    """Return when the content was last written."""
    return datetime.fromtimestamp(status.st_mtime, UTC)


def version_of(status: os.stat_result) -> str:
    """Return the version of a file's content.

    An inode's number is used again, so the time tells two contents of one number apart: `put_content` sets it to the
    nanosecond, where writing takes the kernel's last tick, some milliseconds ago (Linux before 6.13).
    """
    return f"{status.st_ino:x}-{status.st_size:x}-{status.st_mtime_ns:x}"
