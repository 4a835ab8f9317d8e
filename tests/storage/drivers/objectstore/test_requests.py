from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from holdfast.storage.driver import CreateOnly
from holdfast.storage.drivers._objectstore.driver import ObjectStoreDriver
from holdfast.storage.errors import (
    PathNotFoundError,
)
from tests.storage.drivers.objectstore.memory_bucket import MemoryBucket, Store
from tests.storage.drivers.objectstore.stage import PATH, content, land, text

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("small_sizes")]


async def _read(driver: ObjectStoreDriver) -> None:
    async with driver.reader("/file") as chunks:
        async for _ in chunks:
            pass


async def _stat_missing(driver: ObjectStoreDriver) -> None:
    with pytest.raises(PathNotFoundError):
        await driver.stat("/missing")


async def _walk(driver: ObjectStoreDriver) -> None:
    async for _ in driver.walk("/dir"):
        pass


async def _uploads(driver: ObjectStoreDriver) -> None:
    async for _ in driver.list_uploads("/file"):
        pass


async def _delete_file(driver: ObjectStoreDriver) -> None:
    await driver.delete("/file")


async def _delete_directory(driver: ObjectStoreDriver) -> None:
    await driver.delete("/dir")


_LOOKING = {"head": 2, "list_page": 2, "list_uploads": 1}

_REQUESTS: dict[str, tuple[Callable[[ObjectStoreDriver], Awaitable[Any]], dict[str, int]]] = {
    "get_content": (lambda driver: driver.get_content("/file"), {"get": 1}),
    "put_content": (lambda driver: driver.put_content("/new", b"x"), {"put": 1}),
    "put_content, create": (lambda driver: driver.put_content("/new", b"x", precondition=CreateOnly()), {"put": 1}),
    "reader": (_read, {"read": 1}),
    "stat of a file": (lambda driver: driver.stat("/file"), {"head": 1}),
    "stat of a directory": (lambda driver: driver.stat("/dir"), {"head": 1, "list_page": 1}),
    "stat of nothing": (_stat_missing, {"head": 1, "list_page": 1}),
    "stat of all": (lambda driver: driver.stat("/"), {}),
    "list": (lambda driver: driver.list("/dir"), {"list_page": 1}),
    "walk": (_walk, {"list_page": 1}),
    "move": (lambda driver: driver.move("/file", "/new"), {"head": 2, "copy": 1, "delete": 1}),
    "move to itself": (lambda driver: driver.move("/file", "/file"), {"head": 1}),
    "delete of a file": (_delete_file, _LOOKING | {"delete": 1}),
    "delete of a directory": (_delete_directory, _LOOKING | {"delete_many": 1}),
    "delete_files": (lambda driver: driver.delete_files(["/file", "/dir/file"]), {"delete_many": 1}),
    "list_uploads": (_uploads, {"head": 1, "list_page": 1, "list_uploads": 1}),
    "redirect_url": (lambda driver: driver.redirect_url("/file"), {}),
    "local_path": (lambda driver: driver.local_path("/file"), {}),
}


@pytest.mark.parametrize("name", _REQUESTS)
async def test_requests(driver: ObjectStoreDriver, store: Store, name: str) -> None:
    """Each operation takes the requests that the driver's text says, and no more."""
    use, expected = _REQUESTS[name]
    for key in ("file", "dir/file"):
        MemoryBucket(store).keep(key, b"content")
    await use(driver)

    assert expected == dict(store.calls)


async def test_requests_of_a_small_write(driver: ObjectStoreDriver, store: Store) -> None:
    """A small file that is written takes two: one to see whether a write is unfinished, and one to put it."""
    writer = await driver.writer(PATH)
    await writer.write(b"x")
    await writer.commit()

    assert {"read": 1, "put": 1} == store.calls


async def test_requests_of_sessions(driver: ObjectStoreDriver, store: Store) -> None:
    """Continuing takes one request, keeping one; a part two more; committing one to be sure, and one to clear up."""
    taken: list[dict[str, int]] = []

    def lap() -> None:
        taken.append({op: number for op, number in store.calls.items() if number})
        store.calls.clear()

    writer = await driver.writer(PATH)
    await writer.write(text(3))
    lap()
    await writer.close()
    lap()
    writer = await driver.writer(PATH, append=True, resume_token=writer.resume_token)
    lap()
    await writer.write(text(20, 3))
    await land(writer)
    lap()
    await writer.close()
    lap()
    writer = await driver.writer(PATH, append=True)
    await writer.write(text(10, 23))
    await land(writer)
    lap()
    await writer.commit()
    lap()

    assert taken == [
        {"read": 1},
        {"put": 1},  # the record
        {"read": 1},
        {"begin_upload": 1, "put_part": 2},
        {"put_part": 1, "put": 1},  # the rest was enough for a part
        {"read": 1, "put": 1, "put_part": 1},  # the record, claimed before a part is added to what others may add to
        {"head": 1, "put_part": 1, "complete_upload": 1, "delete": 1},
    ]
    assert await content(store) == text(33)


async def test_requests_of_a_session_without_parts(driver: ObjectStoreDriver, store: Store) -> None:
    """What stays smaller than a part is put whole in the end."""
    writer = await driver.writer(PATH)
    await writer.write(b"x")
    await writer.close()
    store.calls.clear()
    writer = await driver.writer(PATH, append=True)
    await writer.commit()

    assert {"read": 1, "head": 1, "put": 1, "delete": 1} == store.calls


async def test_requests_of_throwing_away(driver: ObjectStoreDriver, store: Store) -> None:
    """Cancelling what has no record and no parts takes none; with both it takes three."""
    writer = await driver.writer(PATH)
    await writer.write(b"x")
    store.calls.clear()
    await writer.cancel()
    without = dict(store.calls)
    writer = await driver.writer(PATH)
    await writer.write(text(20))
    await writer.close()
    writer = await driver.writer(PATH, append=True)
    store.calls.clear()
    await writer.cancel()

    assert {} == without
    assert {"head": 1, "abort_upload": 1, "delete": 1} == store.calls
