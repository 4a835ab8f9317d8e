"""The one validator of storage paths.

A path is absolute and made of non-empty components of `[A-Za-z0-9._-]`, separated by single
slashes (the rule of the Docker Registry's drivers). `/` alone is legal only where a directory is
meant. `.` and `..` match upstream's expression, but name nothing on an object store and escape on
a filesystem, so they are refused here.
"""

from __future__ import annotations

import re
from functools import lru_cache

from holdfast.storage.errors import InvalidPathError

__all__ = ["MAX_COMPONENT_BYTES", "MAX_PATH_BYTES", "check_directory_path", "check_path", "is_path"]

MAX_COMPONENT_BYTES = 255
"""What the filesystems in use take for one name, and so what every driver is held to."""

MAX_PATH_BYTES = 1023
"""One less than an object key's limit on S3, Azure, GCS and OSS (1024): keys drop the leading slash, prefixes add."""

# Not possessive, which Python 3.11.2 gets wrong: there `/a/` would match. A slash is in no component, so that trying
# again ends soon all the same.
_PATH = re.compile(r"(?:/(?!\.\.?(?:/|\Z))[A-Za-z0-9._-]{1,255})+\Z").match


@lru_cache(maxsize=1024)
def is_path(path: str) -> bool:
    """Whether a path can name a file. Remembered for those last asked for: the expression takes 1 microsecond."""
    return _PATH(path) is not None and len(path) <= MAX_PATH_BYTES


def check_path(path: str) -> None:
    """Refuse a path that can't name a file.

    Raises:
        InvalidPathError: The path is empty, relative, `/`, ends with a slash, has an empty component, `.`,
            `..` or a character outside `[A-Za-z0-9._-]`, or is too long.
    """
    if not is_path(path):
        raise InvalidPathError(_reason(path), path=path)


def check_directory_path(path: str) -> None:
    """As `check_path`, and `/` is legal: for `stat`, `list`, `walk`, `delete` and `list_uploads`."""
    if path != "/":
        check_path(path)


def _reason(path: str) -> str:
    parts = path.split("/")[1:]
    rules = (
        (not path.startswith("/"), "a path starts with '/'"),
        (len(path) > MAX_PATH_BYTES, f"a path has at most {MAX_PATH_BYTES} characters"),
        (path == "/", "'/' is a directory"),
        ("" in parts, "a path has no empty component"),
        ("." in parts or ".." in parts, "'.' and '..' are no components"),
        (
            max(map(len, parts), default=0) > MAX_COMPONENT_BYTES,
            f"a component has at most {MAX_COMPONENT_BYTES} characters",
        ),
    )
    fallback = "a component is made of A-Z, a-z, 0-9, '.', '_' and '-'"
    return next((reason for broken, reason in rules if broken), fallback)
