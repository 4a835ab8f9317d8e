from __future__ import annotations

import asyncio
import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from holdfast.storage import create
from holdfast.storage.drivers.inmemory import InMemoryDriver
from holdfast.storage.layers import compose
from holdfast.storage.middleware.mirror import Mirror
from holdfast.storage.middleware.mirror import driver as mirror_driver
from holdfast.storage.middleware.mirror.options import MirrorOptions
from holdfast.testing import CountingDriver
from holdfast.testing.suite.acts import MIB, random_bytes, read, walked
from tests.storage.middleware.counters import growth

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from tests.storage.middleware.mirror.mirrored import Mirrored

pytestmark = pytest.mark.anyio

_LARGE = random_bytes(2 * MIB + 5)


def _blob(content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    return f"/docker/registry/v2/blobs/sha256/{digest[:2]}/{digest}/data"


@pytest.mark.parametrize("content", [b"small", _LARGE], ids=["small", "large"])
@pytest.mark.parametrize("op", ["get_content", "reader", "stat", "local_path"])
async def test_what_the_first_store_lost_comes_back(content: bytes, op: str, tmp_path: Any) -> None:
    """Whoever asks for it gets it, and it is copied to the first store."""
    one = create("filesystem", {"rootdirectory": str(tmp_path)})
    two = InMemoryDriver()
    middleware = Mirror(one, MirrorOptions.model_validate({"storage": {"inmemory": {}}}), second=two)
    driver, path = compose(middleware), _blob(content)
    await driver.put_content(path, content)
    await one.delete(path)
    if op == "reader":
        assert content == await read(driver, path)
    else:
        await getattr(driver, op)(path)
    await middleware.settle()

    assert content == await one.get_content(path)
    assert [path] == await walked(one, "/")
    await driver.aclose()


async def test_damaged_content_is_not_copied(both: Mirrored) -> None:
    """What isn't what its path's digest says stays where it is, and the log tells."""
    for content in (b"small", _LARGE):
        path = _blob(content)
        await both.two.inner.put_content(path, content[::-1])
        with capture_logs() as logs:
            await both.driver.stat(path)
            await both.middleware.settle()

        assert None is (await both.contents(path))[0]
        assert ["a file isn't mirrored yet"] == [line["event"] for line in logs if line["log_level"] == "warning"]
    assert set(await walked(both.one.inner, "/")) == set()


async def test_repairs_are_counted(both: Mirrored) -> None:
    """Those that failed, and those that were done, by the store that lacked the file."""
    await both.two.inner.put_content("/link", b"content")
    done, failed = growth("mirror_repairs", store="primary"), growth("mirror_failed_repairs", store="primary")
    both.fail(both.one, "put_content")
    await both.driver.stat("/link")
    await both.middleware.settle()
    assert (0, 1) == (done(), failed())

    both.fail(both.one)
    await both.driver.stat("/link")
    await both.middleware.settle()
    assert (1, 1) == (done(), failed())


async def test_a_newer_file_is_not_replaced_by_a_repair(both: Mirrored) -> None:
    """A link that is written while an older one is copied stays."""
    await both.two.inner.put_content("/link", b"old")
    both.one.plan = _Before("put_content", lambda: both.one.inner.put_content("/link", b"new"))
    await both.driver.stat("/link")
    await both.middleware.settle()

    assert b"new" == (await both.contents("/link"))[0]


class _Before:
    """Isn't a fault: does something just before the store does."""

    def __init__(self, op: str, act: Callable[[], Coroutine[Any, Any, object]]) -> None:
        self._op, self._act = op, act
        self._done = False

    def fault(self, op: str, path: str, when: str) -> None:
        """Act at the first operation of the name; memory does so without waiting."""
        del path
        if (op, when) == (self._op, "before") and not self._done:
            self._done = True
            with pytest.raises(StopIteration):
                self._act().send(None)


async def test_what_is_deleted_while_it_is_copied_does_not_come_back(both: Mirrored) -> None:
    """The copy that was about to be made when both stores had deleted the file is deleted, too."""
    for content, op in ((b"small", "put_content"), (_LARGE, "move")):
        path = _blob(content)
        await both.two.inner.put_content(path, content)
        both.one.plan = _Before(op, lambda path=path: both.two.inner.delete(path))  # type: ignore[misc]
        await both.driver.stat(path)
        await both.middleware.settle()

        assert (None, None) == await both.contents(path)


async def test_nothing_deleted_comes_back(both: Mirrored) -> None:
    """A file that is deleted while it is copied is deleted for good."""
    for content in (b"small", _LARGE):
        path = _blob(content)
        await both.two.inner.put_content(path, content)
        await both.driver.stat(path)  # which begins to copy it
        await both.driver.delete(path)
        await both.middleware.settle()

        assert (None, None) == await both.contents(path)
        assert [] == await walked(both.driver, "/")


async def test_a_walk_brings_the_second_store_up_to_date(primary: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it missed while it failed is copied, in both directions; what was written just now isn't looked at."""
    primary.fail(primary.two, "put_content")
    await primary.driver.put_content("/link", b"one")
    await primary.driver.put_content(_blob(b"small"), b"small")
    primary.fail(primary.two)
    await primary.two.inner.put_content("/lost", b"lost")
    await walked(primary.driver, "/")
    await primary.middleware.settle()
    assert (b"one", None) == await primary.contents("/link")
    monkeypatch.setattr(mirror_driver, "_SETTLED", timedelta(0))
    await walked(primary.driver, "/")
    await primary.middleware.settle()

    assert (b"one", b"one") == await primary.contents("/link")
    assert (b"small", b"small") == await primary.contents(_blob(b"small"))
    assert (b"lost", b"lost") == await primary.contents("/lost")


async def test_closing_ends_repairs(both: Mirrored) -> None:
    """A copy that is being made is given up, and leaves nothing in part."""
    path = _blob(_LARGE)
    await both.two.inner.put_content(path, _LARGE)
    await both.driver.stat(path)
    await asyncio.sleep(0)
    counting = CountingDriver(both.two)
    await both.driver.aclose()

    assert {} == dict(counting.counts)
    assert {task for task in asyncio.all_tasks() if "Repairs" in repr(task)} == set()
