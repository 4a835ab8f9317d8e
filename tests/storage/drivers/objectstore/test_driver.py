import asyncio
import logging
from typing import Any

import pytest

from holdfast.storage import FileInfo, ops
from holdfast.storage.driver import MatchVersion
from holdfast.storage.drivers._objectstore.driver import ObjectStoreDriver
from holdfast.storage.errors import (
    AccessDeniedError,
    IncompleteReadError,
    PathNotFoundError,
    StorageUnavailableError,
)
from tests.storage.drivers.objectstore.faults import once
from tests.storage.drivers.objectstore.memory_bucket import MemoryBucket, Store
from tests.storage.drivers.objectstore.stage import PATH, SMALL, bucket_of, content, opened, text, unfinished

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("small_sizes")]


_MOVED = ("delete", "after")


@pytest.mark.parametrize("op", ["head", "copy", "delete"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_failed_move_leaves_the_source(driver: ObjectStoreDriver, store: Store, op: str, when: str) -> None:
    """Whatever fails: the source is there unless it was moved whole, and the destination is old or new."""
    await driver.put_content("/source", b"new")
    await driver.put_content("/destination", b"old")
    store.fail = once(op, when, AccessDeniedError)
    with pytest.raises(AccessDeniedError):
        await driver.move("/source", "/destination")
    moved = (await content(store, "/source"), await content(store, "/destination"))

    assert moved in {(b"new", b"old"), (b"new", b"new")} | (
        {(None, b"new")} if (op, when) == ("delete", "after") else set()
    )


async def test_copy_that_is_short_is_no_move(driver: ObjectStoreDriver, store: Store) -> None:
    """The source is deleted only once the copy is known to be as long."""
    await driver.put_content("/source", b"content")

    def shorten(op: str, when: str, key: str) -> None:
        if (op, when) == ("copy", "after"):
            MemoryBucket(store).keep(key, b"con")

    store.fail = shorten
    with pytest.raises(IncompleteReadError):
        await driver.move("/source", "/destination")

    assert await content(store, "/source") == b"content"


# Others' objects, versions, closing -------------------------------------------------------------------


async def test_file_and_directory_at_one_path(driver: ObjectStoreDriver) -> None:
    """A path can be both: it is described as a file, and what is below it is listed and walked."""
    for path in ("/a", "/a/b", "/a-b"):
        await driver.put_content(path, b"x")

    assert not (await driver.stat("/a")).is_dir
    assert await driver.list("/") == ["/a", "/a-b"]
    assert await driver.list("/a") == ["/a/b"]
    assert [info.path async for info in driver.walk("/")] == ["/a", "/a-b", "/a/b"]


@pytest.mark.parametrize("key", ["a/", "a//b", "a/b c", "a/é", "a/b/"])
async def test_what_is_not_ours_makes_no_directory(driver: ObjectStoreDriver, store: Store, key: str) -> None:
    """Folder markers and names that no path can have are passed over, also where a listing starts within them."""
    MemoryBucket(store).keep(key, b"theirs")
    with pytest.raises(PathNotFoundError):
        await driver.stat("/a")
    with pytest.raises(PathNotFoundError):
        await _walked(driver, "/a")

    assert await _walked(driver, "/") == []


async def _walked(driver: ObjectStoreDriver, path: str, start_after: str | None = None) -> list[str]:
    """All that a walk yields."""
    return [info.path async for info in driver.walk(path, start_after=start_after)]


_LONG = "/a/" + "b" * 1030
_STARTS = [None, "/a/b", "/a/é", "/a/\udc80", "/a0", "~", "/a/" + "\U0010ffff" * 300, _LONG, _LONG[:1020] + "é" * 9]


@pytest.mark.parametrize("start_after", _STARTS, ids=range(len(_STARTS)))
async def test_walk_from_any_start(driver: ObjectStoreDriver, start_after: str | None) -> None:
    """A start may be any string; a directory with nothing after it is no missing one."""
    for path in ("/a/b", "/a/c", "/b"):
        await driver.put_content(path, b"x")
    expected = [path for path in ("/a/b", "/a/c") if path > (start_after or "")]

    assert await _walked(driver, "/a", start_after) == expected
    with pytest.raises(PathNotFoundError):
        await _walked(driver, "/c", start_after)


async def test_versions_only_where_they_can_be_matched(store: Store) -> None:
    """A store that takes no `MatchVersion` tells no versions; one that does takes what it told."""
    plain, able = opened(store, match_version=False), opened(store)

    assert await plain.put_content(PATH, b"x") is None
    assert (await plain.stat(PATH)).version is None
    version = (await able.stat(PATH)).version
    assert version is not None
    assert await able.put_content(PATH, b"y", precondition=MatchVersion(version)) == (await able.stat(PATH)).version
    assert isinstance(await able.stat(PATH), FileInfo)


async def test_closing_keeps_what_is_open(store: Store) -> None:
    """A driver that is closed closes its writers, so that what they hold can be continued; then the bucket."""
    driver = opened(store)
    writers = [await driver.writer(path) for path in ("/a", "/b")]
    for writer in writers:
        await writer.write(text(7))
    await driver.aclose()
    await driver.aclose()

    assert [text(7), text(7)] == [await unfinished(store, path) for path in ("/a", "/b")]
    assert bucket_of(driver).closed


@pytest.mark.parametrize("error", [StorageUnavailableError, RuntimeError])
async def test_closing_closes_the_bucket_whatever_fails(store: Store, error: type[Exception]) -> None:
    """A writer that can't be closed leaves no connection open, and is told."""
    driver = opened(store)
    writers = [await driver.writer(path) for path in ("/a", "/b")]
    for writer in writers:
        await writer.write(text(7))

    def fail(op: str, _when: str, key: str) -> None:
        if op == "put" and key.endswith("a~"):
            raise error

    store.fail = fail
    with pytest.raises(error):
        await driver.aclose()
    store.fail = Store().fail

    assert await unfinished(store, "/b") == text(7)
    assert bucket_of(driver).closed


async def test_introduction_that_fails_is_no_failure(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """Who we are at the store is logged once; that it can't be told keeps nobody from reading."""

    class Nameless(MemoryBucket):
        async def identify(self) -> str:
            self.store.calls["identify"] += 1
            raise StorageUnavailableError

    driver = ObjectStoreDriver("memory-bucket", Nameless(store, SMALL), rootdirectory="", chunksize=8)
    with caplog.at_level(logging.WARNING):
        for number in range(3):
            await driver.put_content(f"/{number}", b"x")
            await asyncio.sleep(0)
    await driver.aclose()

    assert store.calls["identify"] == 1


def test_nothing_secret_is_shown() -> None:
    """A driver shows its class and root directory."""
    driver = ObjectStoreDriver("memory-bucket", MemoryBucket(Store()), rootdirectory="/r/", chunksize=8)

    assert repr(driver) == "ObjectStoreDriver(rootdirectory='r/')"


async def test_put_stream_that_fails_leaves_nothing(driver: ObjectStoreDriver, store: Store) -> None:
    """What `ops` throws away is gone, parts and all."""

    async def chunks() -> Any:
        yield text(30)
        raise KeyError

    with pytest.raises(KeyError):
        await ops.put_stream(driver, PATH, chunks())

    assert ({}, {}) == (store.objects, store.uploads)
