"""Where to go on in a listing, for the `last` of a client: any text, which storage may not take as a path."""

from __future__ import annotations

import re

from holdfast.storage.path import MAX_COMPONENT_BYTES, MAX_PATH_BYTES

__all__ = ["start_after"]

_prefix = re.compile(rf"(?!\.)[A-Za-z0-9._-]{{1,{MAX_COMPONENT_BYTES}}}").match


def start_after(directory: str, name: str) -> str | None:
    """Return a child's path that no child greater than `name` comes before; `None` for the directory's beginning.

    It is the longest part of the name that can be in a path: children that are smaller than the name may follow it.
    """
    found = _prefix(name)
    return f"{directory}/{found[0]}"[:MAX_PATH_BYTES] if found else None
