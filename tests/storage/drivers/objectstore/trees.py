"""Keys of all kinds for tests of listings, and what a listing of them has to tell."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable
from typing import Any, TypeVar

from hypothesis import strategies as st

from holdfast.storage.drivers._objectstore.bucket import Bucket, Page
from holdfast.storage.drivers._objectstore.keys import Keys
from holdfast.storage.path import is_path
from tests.storage.drivers.objectstore.memory_bucket import MemoryBucket, Store

__all__ = ["SparseBucket", "bucket_of", "children", "files_below", "key_sets", "paths", "run"]

T = TypeVar("T")

# What sorts before and after a slash, markers of folders, names that aren't ours, and our own records.
_NAMES = ["a", "a-b", "a.b", "a-b.c", "a-", "a0", "aa", "b"]
_FOREIGN = ["a b", "", "é", ".uploads~", "a~"]

_names = st.sampled_from(_NAMES) | st.sampled_from(_FOREIGN)
_keys = st.builds(
    lambda names, *, marks: "/".join(names) + ("/" if marks else ""),
    st.lists(_names, min_size=1, max_size=3),
    marks=st.booleans(),
).filter(bool)

key_sets = st.sets(_keys, max_size=25)
"""Any keys below a root directory."""

paths = st.lists(st.sampled_from(_NAMES), max_size=3).map(lambda names: "/" + "/".join(names))
"""Any path that may or may not be there, and `/`."""


class SparseBucket(MemoryBucket):
    """Before each page it gives an empty one with a cursor, as stores do that filter what they list."""

    async def list_page(self, prefix: str, *, cursor: str | None = None, **arguments: Any) -> Page:
        """An empty page, then the real one."""
        if cursor is None or not cursor.startswith("go on:"):
            await super().list_page(prefix, cursor=cursor, **arguments)
            return Page([], [], f"go on:{cursor or ''}")
        return await super().list_page(prefix, cursor=cursor.removeprefix("go on:") or None, **arguments)


def bucket_of(keys: Iterable[str], *, page: int = 1000, kind: type[MemoryBucket] = MemoryBucket) -> MemoryBucket:
    """A bucket with these keys, and so many entries to a page."""
    bucket = kind(Store(page=page))
    for key in keys:
        bucket.keep(key, key.encode())
    return bucket


def files_below(keys: Collection[str], root: Keys, path: str) -> list[str]:
    """The paths of the files that are below a directory, in order."""
    found = [root.path(key) for key in keys if key.startswith(root.below(path)) and not key.endswith("/")]
    return sorted(filter(is_path, found))


def children(keys: Collection[str], root: Keys, path: str) -> list[str]:
    """The paths of a directory's children, in order."""
    below = root.below(path)
    names = {key[len(below) :].partition("/")[0] for key in keys if key.startswith(below)}
    return sorted(filter(is_path, (f"{path.rstrip('/')}/{name}" for name in names)))


def run(steps: Callable[[Bucket], Coroutine[Any, Any, T]], bucket: Bucket) -> T:
    """Run steps on a loop of their own, on which nothing may be left."""

    async def all_of_it() -> T:
        result = await steps(bucket)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, left
        return result

    return asyncio.run(all_of_it())
