"""Keys of objects: what Distribution writes, and a prefix of our own for unfinished writes.

    <root>docker/registry/v2/...          content: the storage path below the root directory
    <root>.uploads~/<path>~               the record of the unfinished write to a path
    <root>.uploads~/<path>~<id>~...       what a store keeps of its parts, where they are objects

A storage path can't contain `~`, so no path meets the second and third kind.
"""

from __future__ import annotations

__all__ = ["RESERVED", "Keys"]

RESERVED = ".uploads~"
"""The top-level name, below the root, of everything that isn't content."""


class Keys:
    """The keys of one root directory.

    Args:
        rootdirectory: As configured: slashes at its ends don't matter, and empty is the bucket's root.
    """

    def __init__(self, rootdirectory: str) -> None:
        inner = rootdirectory.strip("/")
        self.root = f"{inner}/" if inner else ""
        """What all keys begin with: empty, or ending in `/`."""
        self.reserved = f"{self.root}{RESERVED}/"
        """What the keys of unfinished writes begin with."""

    def key(self, path: str) -> str:
        """The key of a file's content."""
        return self.root + path[1:]

    def below(self, path: str) -> str:
        """What the keys of everything below a directory begin with."""
        return self.root if path == "/" else f"{self.root}{path[1:]}/"

    def path(self, key: str) -> str:
        """The path of a content's key, or of a common prefix."""
        return "/" + key[len(self.root) :].rstrip("/")

    def is_reserved(self, key: str) -> bool:
        """Whether a key, or a common prefix, isn't content."""
        return key.startswith(self.reserved)

    def record(self, path: str) -> str:
        """The key of the record of the unfinished write to a path."""
        return f"{self.reserved}{path[1:]}~"

    def records_below(self, path: str) -> str:
        """What the keys of the records of all paths below a directory begin with."""
        return self.reserved if path == "/" else f"{self.reserved}{path[1:]}/"

    def recorded_path(self, key: str) -> str | None:
        """The path whose record a reserved key is; `None` for what else is kept there."""
        rest = key[len(self.reserved) :]
        return f"/{rest[:-1]}" if rest.endswith("~") and rest.count("~") == 1 else None

    def part_prefix(self, key: str, upload_id: str) -> str:
        """What the keys of an upload's parts begin with, for stores that keep parts as objects."""
        return f"{self.reserved}{key[len(self.root) :]}~{upload_id}~"
