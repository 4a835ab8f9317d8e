"""Keys of objects: what Distribution writes, and a prefix of our own for unfinished writes.

    <root>docker/registry/v2/...          content: the storage path below the root directory
    <root>.uploads~/<path>~               the record of the unfinished write to a path
    <root>.uploads~/<path>~<id>~...       its parts, in a store that keeps parts as objects
    <root>.uploads~/<beginning>~<hash>~   the record of a path that is too long to be a part of a key

A storage path can't contain `~`, so no path meets any but the first kind.
"""

from __future__ import annotations

import hashlib
from typing import Final

from holdfast.storage.errors import InvalidPathError
from holdfast.storage.path import is_path

__all__ = ["MAX_KEY_BYTES", "Keys"]

MAX_KEY_BYTES: Final = 1024
"""The longest key on S3, Azure and Google Cloud Storage."""

_RESERVED: Final = ".uploads~"
_HASH: Final = 64
"""The characters of a hash."""

_LONGEST: Final = MAX_KEY_BYTES - _HASH - 64
"""How much of a path can be in a key, with room for a hash, a part's id and number, and what separates them."""


class Keys:
    """The keys of one root directory.

    Args:
        rootdirectory: As configured: slashes at its ends don't matter, and empty is the bucket's root.
    """

    def __init__(self, rootdirectory: str) -> None:
        inner = rootdirectory.strip("/")
        self.root = f"{inner}/" if inner else ""
        """What all keys begin with: empty, or ending in `/`."""
        self.reserved = f"{self.root}{_RESERVED}/"
        """What the keys of unfinished writes begin with."""
        self._room = max(0, _LONGEST - len(self.reserved))

    def key(self, path: str) -> str:
        """The key of a file's content.

        Raises:
            InvalidPathError: It is longer than a key can be, with the root directory before it.
        """
        key = self.root + path[1:]
        if len(key) > MAX_KEY_BYTES:
            raise InvalidPathError(f"with the root directory its key has more than {MAX_KEY_BYTES} bytes", path=path)
        return key

    def below(self, path: str) -> str:
        """What the keys of everything below a directory begin with."""
        return self.root if path == "/" else f"{self.root}{path[1:]}/"

    def path(self, key: str) -> str:
        """The path of a content's key, or of a common prefix; others' keys may give one that names nothing."""
        return "/" + key[len(self.root) :].removesuffix("/")

    def record(self, path: str) -> str:
        """The key of the record of the unfinished write to a path."""
        return f"{self.reserved}{self._name(path[1:])}~"

    def records_below(self, path: str) -> str:
        """What the keys of the records of all paths below a directory begin with; others' may begin so, too."""
        return self.reserved if path == "/" else self.reserved + f"{path[1:]}/"[: self._room]

    def recorded_path(self, key: str) -> str | None:
        """The path whose record a reserved key is; `None` for what doesn't tell, or isn't a record."""
        path = f"/{key[len(self.reserved) : -1]}"
        return path if key.endswith("~") and is_path(path) else None

    def is_long_record(self, key: str) -> bool:
        """Whether a reserved key is a record that doesn't tell its path."""
        parts = key[len(self.reserved) :].split("~")
        return len(parts) == 3 and len(parts[1]) == _HASH and not parts[2]

    def part_prefix(self, key: str, upload_id: str) -> str:
        """What the keys of an upload's parts begin with, for stores that keep parts as objects."""
        return f"{self.reserved}{self._name(key[len(self.root) :])}~{upload_id}~"

    def _name(self, rest: str) -> str:
        room = self._room
        return rest if len(rest) <= room else f"{rest[:room]}~{hashlib.sha256(rest.encode('ascii')).hexdigest()}"
