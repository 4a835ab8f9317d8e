"""Unfinished uploads whose parts are objects of their own, for stores that know no uploads of parts.

The names of an upload's objects follow one another in a listing, and begin alike (`Keys.part_prefix`). The object whose
name is just that is the mark: it has the key that the upload is for, of which a long one shows only its beginning.
"""

from __future__ import annotations

import re
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from holdfast.storage.drivers._objectstore.bucket import OpenUpload
from holdfast.storage.errors import PathNotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from datetime import datetime

    from holdfast.storage.drivers._objectstore.keys import Keys

__all__ = ["open_uploads"]

_HASH: Final = re.compile(r"[0-9a-f]{64}").fullmatch


async def open_uploads(
    found: AsyncGenerator[tuple[str, datetime | None]],
    prefix: str,
    *,
    keys: Keys,
    read_mark: Callable[[str], Awaitable[bytes]],
) -> AsyncGenerator[OpenUpload]:
    """Yield the uploads to keys with a prefix; each began when the first of its objects was written.

    Args:
        found: For each object of an upload, in the order of their names: what all of the upload's names begin with,
            and when it was written.
        prefix: Of the keys.
        keys: Say where parts are.
        read_mark: Reads a mark; raises `PathNotFoundError` where there is none.
    """
    name, started = "", None
    async with aclosing(found) as objects:
        async for upload, written in objects:
            if name and upload != name:
                if (opened := await _opened(name, started, keys, read_mark)).key.startswith(prefix):
                    yield opened
                started = None
            name = upload
            started = min(filter(None, (started, written)), default=None)
    if name and (opened := await _opened(name, started, keys, read_mark)).key.startswith(prefix):
        yield opened


async def _opened(
    name: str, started: datetime | None, keys: Keys, read_mark: Callable[[str], Awaitable[bytes]]
) -> OpenUpload:
    """The upload of which all objects' names begin so."""
    path, upload_id, _ = name[len(keys.reserved) :].rsplit("~", 2)
    beginning, _, cut = path.rpartition("~")
    if not _HASH(cut):
        return OpenUpload(keys.root + path, upload_id, started)
    try:
        marked = (await read_mark(name)).decode(errors="replace")
    except PathNotFoundError:
        marked = ""
    if keys.part_prefix(marked, upload_id) == name:
        return OpenUpload(marked, upload_id, started)
    # Parts without a mark, of a key of which only the beginning is known: this is what finds them again.
    return OpenUpload(keys.root + beginning, f"{cut}~{upload_id}", started)
