"""Names in the order of keys, read directory by directory."""

import pytest

from holdfast.storage.drivers._bridge.backend import Traits
from holdfast.storage.drivers._bridge.listing import Listings
from holdfast.storage.drivers._bridge.names import path_of
from tests.storage.drivers.bridge.folder_backend import FolderBackend

pytestmark = pytest.mark.anyio

_KEYS = sorted(["a-b", "a.b", "a/b", "a/c/d", "a0", "aa", "b/x", ".uploads~/a~"])


def _filled(*keys: str, removes_empty: bool = True) -> FolderBackend:
    backend = FolderBackend(Traits(tree=True, rename=True, replaces=True, removes_empty=removes_empty))
    for key in keys:
        path = path_of(key)
        backend.files[path] = b"x"
        while path := path.rpartition("/")[0]:
            backend.directories.add(path)
    return backend


async def _pages(listings: Listings, prefix: str, limit: int | None, start_after: str | None = None) -> list[str]:
    found: list[str] = []
    cursor = None
    while True:
        page = await listings.page(prefix, delimiter=False, start_after=start_after, cursor=cursor, limit=limit)
        assert limit is None or len(page.objects) <= limit
        found += [info.key for info in page.objects]
        cursor = page.cursor
        if cursor is None:
            return found


@pytest.mark.parametrize("limit", [None, 1, 2, 3])
async def test_pages_make_the_whole(limit: int | None) -> None:
    """All keys come once, in byte order, however they are cut into pages; a prefix need not end at a directory."""
    listings = Listings(_filled(*_KEYS))

    assert _KEYS == await _pages(listings, "", limit)
    assert ["a-b", "a.b", "a/b", "a/c/d", "a0", "aa"] == await _pages(listings, "a", limit)
    assert ["a/b", "a/c/d"] == await _pages(listings, "a/", limit)
    assert [] == await _pages(listings, "c/", limit)


@pytest.mark.parametrize("start", ["", "a", "a-", "a/b", "a/bb", "a/c/", "a0", "zz"])
async def test_start_after(start: str) -> None:
    """Only greater keys come, and directories that are wholly before aren't read."""
    backend = _filled(*_KEYS)

    assert [key for key in _KEYS if key > start] == await _pages(Listings(backend), "", 2, start)
    if start == "a0":
        assert "scan a" not in backend.calls


async def test_a_page_goes_on_where_the_last_one_ended() -> None:
    """A directory is read once for all its pages; after many other listings it is read again, and nothing lost."""
    keys = [f"d/{number:03}" for number in range(100)]
    backend = _filled(*keys)
    listings = Listings(backend)
    assert keys == await _pages(listings, "", 7)
    assert 1 == backend.calls.count("scan d")

    page = await listings.page("d/", delimiter=False, start_after=None, cursor=None, limit=50)
    for number in range(40):
        await listings.page("d/", delimiter=False, start_after=keys[number], cursor=None, limit=1)
    rest = await listings.page("d/", delimiter=False, start_after=None, cursor=page.cursor, limit=None)

    assert keys == [info.key for info in [*page.objects, *rest.objects]]


@pytest.mark.parametrize("limit", [None, 1, 2])
async def test_delimiter(limit: int | None) -> None:
    """What is below a slash is one prefix, once, over all pages."""
    listings = Listings(_filled(*_KEYS))
    objects, prefixes = [], []
    cursor = None
    while True:
        page = await listings.page("", delimiter=True, start_after=None, cursor=cursor, limit=limit)
        objects += [info.key for info in page.objects]
        prefixes += page.prefixes
        if (cursor := page.cursor) is None:
            break

    assert ["a-b", "a.b", "a0", "aa"] == objects
    assert [".uploads~/", "a/", "b/"] == prefixes


async def test_empty_directories_do_not_show() -> None:
    """Where they can't be removed safely, directories are looked into: one is there as long as a file is below it."""
    backend = _filled("a/b/c", removes_empty=False)
    backend.directories |= {"empty", "empty/deep"}
    page = await Listings(backend).page("", delimiter=True, start_after=None, cursor=None, limit=None)

    assert ["a/"] == page.prefixes


async def test_cut_names_are_put_together() -> None:
    """What was cut for a file system's sake is listed as it is meant, in its place."""
    name = "n" * 255 + "~" + "0" * 32 + "~00001-89abcdef"
    keys = sorted([f".uploads~/a/{name}", f".uploads~/a/{name}2", ".uploads~/a/b~"])

    assert keys == await _pages(Listings(_filled(*keys)), ".uploads~/a/", 1)
