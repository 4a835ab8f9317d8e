"""The catalog: all repositories, in byte order of their names.

Repositories lie within one another, and `a-b` comes between `a` and `a/b`. So directories are opened in the order of
their names, one listing each, and a name is told as soon as nothing unopened could come before it. Only what a page
needs is opened; `_layers` and the like never are. Several directories are opened at once, since with a remote store
each is a request.
"""

from __future__ import annotations

import heapq
import re
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from holdfast.registry.model.reference import MAX_NAME_LENGTH
from holdfast.registry.store import paths
from holdfast.registry.store.catalog_walk import LEAST_NAMES, RepositoryWalk
from holdfast.registry.store.order import start_after
from holdfast.registry.store.parallel import in_parallel
from holdfast.storage.errors import PathNotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from holdfast.storage.driver import StorageDriver

__all__ = ["list_repositories", "own_directories"]

_AT_ONCE = 16
"""Directories that are opened at the same time."""

_CHUNK = 1000
"""Names that one listing brings, as many as one request to an object store does."""

_OWN = 64
"""Names beginning with `_` that one listing brings; there are four or five."""

_is_component = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*\Z").match


class _Unopened(NamedTuple):
    """A directory to open, or to go on with: what is found there comes after `key`, or has it as its name."""

    key: str
    name: str
    after: str | None


class _Opened(NamedTuple):
    own: frozenset[str]
    children: list[_Unopened]


async def list_repositories(
    driver: StorageDriver, *, last: str | None = None, limit: int | None = None, having: str = "_manifests"
) -> AsyncGenerator[str, None]:
    """Yield repositories in byte order. An empty store has none.

    Many names of a remote store are read by walking, as long as that takes fewer requests.

    Args:
        driver: The storage.
        last: Only those after this text, which need not be a name.
        limit: At most so many. Whoever knows how many they take says it: then not more is opened than that takes.
        having: What makes a directory a repository. By default, that it has a manifest or a tag; `_uploads`, for
            one, finds those where something was uploaded.
    """
    left = limit
    remote = not driver.capabilities.local_path
    if remote and (limit is None or limit >= LEAST_NAMES):
        walk = RepositoryWalk(driver, last=last, having=having, is_name=_is_name)
        async with aclosing(walk.names()) as names:
            async for name in names:
                yield name
                last = name
                left = None if left is None else left - 1
                if left == 0:
                    return
        if walk.is_complete:
            return
    async with aclosing(_by_opening(driver, last=last, limit=left, having=having)) as names:
        async for name in names:
            yield name


async def _by_opening(
    driver: StorageDriver, *, last: str | None, limit: int | None, having: str
) -> AsyncGenerator[str, None]:
    unopened = [_Unopened("", "", None)]
    found: list[str] = []
    left = limit
    while unopened and left != 0:
        wanted = _CHUNK if left is None else left
        size = min(len(unopened), _AT_ONCE, max(1, wanted - len(found)))
        batch = [heapq.heappop(unopened) for _ in range(size)]
        open_one = partial(_open, driver, last=last, chunk=min(_CHUNK, max(_AT_ONCE, wanted)))
        for entry, opened in zip(batch, await in_parallel(open_one, batch, at_once=_AT_ONCE), strict=True):
            for child in opened.children:
                heapq.heappush(unopened, child)
            if having in opened.own:
                heapq.heappush(found, entry.name)
        while found and left != 0 and (not unopened or found[0] <= unopened[0].key):
            left = None if left is None else left - 1
            yield heapq.heappop(found)


async def own_directories(driver: StorageDriver, name: str) -> frozenset[str]:
    """Return the names of what a repository has itself, such as `_manifests`; none where there is no repository."""
    directory = paths.repository(name)
    own: list[str] = []
    after = f"{directory}/_"
    while True:
        try:
            listed = await driver.list(directory, start_after=after, limit=_OWN)
        except PathNotFoundError:
            return frozenset(own)
        names = [path.rpartition("/")[2] for path in listed]
        own += [child for child in names if child.startswith("_")]
        if len(names) < _OWN or not names[-1].startswith("_"):
            return frozenset(own)
        after = listed[-1]


async def _open(driver: StorageDriver, entry: _Unopened, *, last: str | None, chunk: int) -> _Opened:
    """List one directory, or the next part of a large one."""
    directory = paths.repository(entry.name) if entry.name else paths.REPOSITORIES
    prefix = f"{entry.name}/" if entry.name else ""
    begins = entry.after is None
    component = _component_below(prefix, last) if begins else ""
    try:
        listed = await driver.list(
            directory, start_after=start_after(directory, component) if component else entry.after, limit=chunk
        )
    except PathNotFoundError:
        return _Opened(frozenset(), [])  # an empty store, a file of somebody else's, or deleted meanwhile
    names = [path.rpartition("/")[2] for path in listed]
    # What `last` itself is, and what is above it, sorts before it: the listing began after those.
    above = _above(component, MAX_NAME_LENGTH - len(prefix))
    below = [prefix + child for child in (*above, *names) if not child.startswith("_")]
    children = [_Unopened(child, child, None) for child in below if _leads_past(child, last)]
    if len(listed) == chunk:
        children.append(_Unopened(prefix + names[-1], entry.name, listed[-1]))
    if not (begins and entry.name) or (last is not None and entry.name <= last):
        return _Opened(frozenset(), children)
    if len(listed) == chunk:  # of many children, those that begin with `_` needn't be among the first
        return _Opened(await own_directories(driver, entry.name), children)
    return _Opened(frozenset(child for child in names if child.startswith("_")), children)


def _is_name(name: str) -> bool:
    return len(name) <= MAX_NAME_LENGTH and all(map(_is_component, name.split("/")))


def _component_below(prefix: str, last: str | None) -> str:
    """The part of `last` that is a name in the directory with this prefix, if `last` is below that; else nothing."""
    return last.removeprefix(prefix).partition("/")[0] if last and last.startswith(prefix) else ""


def _above(component: str, longest: int) -> Iterator[str]:
    """A name, and those before it with something below that comes after it: `a/b` comes after `a-b`, for one."""
    for end in range(1, min(len(component), longest) + 1):
        if (end == len(component) or component[end] < "/") and _is_component(component[:end]):
            yield component[:end]


def _leads_past(name: str, last: str | None) -> bool:
    """Whether a name, or anything below it, can come after `last`."""
    return last is None or name > last or name + "/" > last or last.startswith(name + "/")
