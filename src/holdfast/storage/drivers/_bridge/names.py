"""Keys as a tree's paths: components of at most 255 characters, which is what file systems take.

Only our own names can be longer, as they add to a component of a path. Such a one is cut, and becomes a directory whose
name ends in `~~`, as no other does, with the rest in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from holdfast.storage.path import MAX_COMPONENT_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from holdfast.storage.drivers._bridge.backend import Traits

__all__ = ["CUT", "RESERVED", "beside", "path_of", "paths_of"]

RESERVED: Final = ".uploads~/"
"""What the keys of unfinished writes begin with."""

CUT: Final = "~~"
"""What the name of a directory ends in that holds the rest of a long name."""

_AT: Final = 200
_SHOWN: Final = 120


def path_of(key: str) -> str:
    """Where the file of a key is."""
    if len(key) <= MAX_COMPONENT_BYTES:
        return key
    return "/".join(
        f"{name[:_AT]}{CUT}/{name[_AT:]}" if len(name) > MAX_COMPONENT_BYTES else name for name in key.split("/")
    )


def paths_of(traits: Traits) -> Callable[[str], str]:
    """How a backend's keys become paths: where there are no directories a name can be as long as a key."""
    return path_of if traits.tree else str


def beside(key: str, upload_id: str) -> str:
    """The key of content that is being written and will be that of a key.

    It lies flat among our own names, so that no directory has to be made for it, and tells the beginning of the path:
    should it stay, that is how it is found.
    """
    shown = key.removeprefix(RESERVED).partition("~")[0].replace("/", "~")
    return f"{RESERVED}~{upload_id}~{shown[:_SHOWN]}"
