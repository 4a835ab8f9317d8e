from __future__ import annotations

import inspect
import threading
from typing import TYPE_CHECKING, Any

import pytest

from holdfast import storage
from holdfast.storage import blocking, factory
from holdfast.storage.blocking import BlockingDriver
from holdfast.storage.driver import CreateOnly, StorageDriver, UploadInfo
from holdfast.storage.errors import (
    InvalidPathError,
    InvalidStorageDriverError,
    PathNotFoundError,
    ThrottledError,
)
from holdfast.storage.layers import compose
from tests.storage.fakes import ABLE, ScriptedDriver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Any:
    """Whatever a test does, the loop's thread ends with its block."""
    before = set(threading.enumerate())
    yield
    left = [thread.name for thread in threading.enumerate() if thread not in before]

    assert [] == left


def test_every_operation_is_mirrored() -> None:
    """What the contract has, the facade has, with the same parameters; streams are `open`, closing is the block."""
    own = {name for name in StorageDriver.__abstractmethods__ if name in vars(BlockingDriver)}

    assert StorageDriver.__abstractmethods__ - {"reader", "writer", "aclose"} == own
    for name in own - {"name", "capabilities"}:
        mirrored, contract = getattr(BlockingDriver, name), getattr(StorageDriver, name)
        assert list(inspect.signature(contract).parameters.values()) == list(
            inspect.signature(mirrored).parameters.values()
        )


def test_operations_answer() -> None:
    """Each does what the driver's does."""
    inner = ScriptedDriver()
    with blocking.wrap(compose(inner)) as driver:
        version = driver.put_content("/a/b", b"content", precondition=CreateOnly())
        driver.move("/a/b", "/a/c")

        assert ("scripted", ABLE, "1") == (driver.name, driver.capabilities, version)
        assert b"content" == driver.get_content("/a/c")
        assert 7 == driver.stat("/a/c").size
        assert ["/a/c"] == driver.list("/a", start_after="/a/", limit=5)
        assert ["/a/c"] == [info.path for info in driver.walk("/", start_after="/a/b")]
        assert "https://example.invalid/a/c?HEAD" == driver.redirect_url("/a/c", method="HEAD")
        assert ("/srv/a/c", 7) == driver.local_path("/a/c")
        inner.uploads["/u"] = b""
        assert ["/u"] == [upload.path for upload in driver.list_uploads("/")]
        driver.abort_upload(UploadInfo(path="/u", upload_id="1"))
        driver.delete_files(["/a/c"])
        with pytest.raises(PathNotFoundError):
            driver.delete("/a")
        assert repr(driver).startswith("BlockingDriver(ChecksLayer(")

    assert ({}, {}) == (inner.files, inner.uploads)


def test_errors_are_the_same_classes() -> None:
    """With driver, operation and path."""
    with blocking.wrap(compose(ScriptedDriver())) as driver:
        with pytest.raises(PathNotFoundError) as caught:
            driver.get_content("/a")
        with pytest.raises(InvalidPathError):
            driver.stat("a")
        with pytest.raises(InvalidPathError):
            list(driver.walk("a"))

    assert ("scripted", "get_content", "/a") == (caught.value.driver, caught.value.op, caught.value.path)


def test_create_is_the_factorys() -> None:
    """By name, parameters and middleware; a wrong name is an error before a thread is started."""
    storage.register("facade", ScriptedDriver)
    try:
        redirect = ("redirect", {"baseurl": "https://cdn.example"})
        with blocking.create("facade", middleware=[redirect]) as driver:
            driver.put_content("/a", b"1")
            url = driver.redirect_url("/a")
    finally:
        factory.unregister("facade")
    threads = threading.active_count()
    with pytest.raises(InvalidStorageDriverError), blocking.create("facades"):
        pass

    assert "https://cdn.example/a" == url
    assert threads == threading.active_count()


@pytest.mark.parametrize("error", [None, ValueError("the block's"), KeyboardInterrupt()])
def test_leaving_the_block_closes_the_driver(error: BaseException | None) -> None:
    """Once, whether the block raises or not, and its exception passes."""
    inner = ScriptedDriver()

    def use() -> None:
        with blocking.wrap(inner):
            if error:
                raise error

    if error is None:
        use()
    else:
        with pytest.raises(type(error)) as caught:
            use()
        assert error is caught.value
    assert 1 == inner.closed


def test_a_closed_driver_is_of_no_use() -> None:
    """It says so instead of waiting for a loop that has ended."""
    with blocking.wrap(ScriptedDriver()) as driver:
        pass
    with pytest.raises(RuntimeError, match="not running"):
        driver.stat("/")


def test_a_walk_of_many_files_keeps_its_order() -> None:
    """Items cross in batches, all of them, in order."""
    inner = ScriptedDriver()
    inner.files = {f"/{number:05}": b"" for number in range(1000)}
    with blocking.wrap(compose(inner)) as driver:
        walked = [info.path for info in driver.walk("/")]

    assert sorted(inner.files) == walked


def test_a_walk_that_fails_yields_what_came_before() -> None:
    """An error in the middle of a batch is raised where it happened."""

    class Failing(ScriptedDriver):
        async def walk(self, path: str, *, start_after: str | None = None) -> AsyncIterator[Any]:
            async for info in super().walk(path, start_after=start_after):
                if info.path == "/3":
                    raise ThrottledError
                yield info

    inner = Failing()
    inner.files = {f"/{number}": b"" for number in range(5)}
    seen: list[str] = []
    with blocking.wrap(compose(inner)) as driver, pytest.raises(ThrottledError):
        seen.extend(info.path for info in driver.walk("/"))

    assert ["/0", "/1", "/2"] == seen


def test_a_walk_left_early_is_closed() -> None:
    """When its consumer drops it, and at the latest with the driver."""
    closed: list[str] = []

    class Holding(ScriptedDriver):
        async def walk(self, path: str, *, start_after: str | None = None) -> AsyncIterator[Any]:
            try:
                async for info in super().walk(path, start_after=start_after):
                    yield info
            finally:
                closed.append(path)

    inner = Holding()
    inner.files = {f"/{letter}/{number}": b"" for letter in "ab" for number in range(600)}
    with blocking.wrap(compose(inner)) as driver:
        for _ in driver.walk("/a"):
            break
        after_first = list(closed)
        kept = driver.walk("/b")
        next(kept)
    del kept

    assert ["/a"] == after_first
    assert ["/a", "/b"] == closed


def test_threads_share_a_driver() -> None:
    """Any thread may call."""
    inner = ScriptedDriver()
    with blocking.wrap(compose(inner)) as driver:
        threads = [
            threading.Thread(target=driver.put_content, args=(f"/{number}", b"%d" % number)) for number in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert {f"/{number}": b"%d" % number for number in range(8)} == inner.files
