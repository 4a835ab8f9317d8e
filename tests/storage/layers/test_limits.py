from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from holdfast.storage.driver import UploadInfo
from holdfast.storage.layers.limits import LimitsLayer
from tests.storage.fakes import ScriptedDriver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from holdfast.storage.driver import StorageDriver

pytestmark = pytest.mark.anyio


def _busy(op: str) -> tuple[ScriptedDriver, asyncio.Event]:
    """A driver whose operation waits for the event."""
    inner = ScriptedDriver()
    inner.files = {"/a": b"content", "/b": b"content"}
    inner.uploads = {"/a": b""}
    inner.script.hold[op] = asyncio.Event()
    return inner, inner.script.hold[op]


async def _settle() -> None:
    """Let every task that can run do so."""
    for _ in range(20):
        await asyncio.sleep(0)


async def _first(iterator: AsyncIterator[object]) -> object:
    return await anext(iterator)


async def _opened(driver: StorageDriver) -> None:
    async with driver.reader("/a"):
        pass


CALLS: dict[str, Callable[[StorageDriver], Awaitable[object]]] = {
    "get_content": lambda driver: driver.get_content("/a"),
    "put_content": lambda driver: driver.put_content("/a", b""),
    "reader": _opened,
    "writer": lambda driver: driver.writer("/a"),
    "stat": lambda driver: driver.stat("/a"),
    "list": lambda driver: driver.list("/"),
    "walk": lambda driver: _first(driver.walk("/")),
    "move": lambda driver: driver.move("/a", "/a"),
    "delete": lambda driver: driver.delete("/"),
    "delete_files": lambda driver: driver.delete_files(["/c"]),
    "list_uploads": lambda driver: _first(driver.list_uploads("/")),
    "abort_upload": lambda driver: driver.abort_upload(UploadInfo(path="/c", upload_id="1")),
    "redirect_url": lambda driver: driver.redirect_url("/a"),
    "local_path": lambda driver: driver.local_path("/a"),
}


@pytest.mark.parametrize("op", CALLS)
async def test_at_most_so_many_operations_run_at_once(op: str) -> None:
    """The second call of a driver for one waits until the first is done."""
    inner, event = _busy(op)
    driver = LimitsLayer(inner, maxthreads=1)
    first = asyncio.ensure_future(CALLS[op](driver))
    await _settle()
    second = asyncio.ensure_future(driver.stat("/"))
    await _settle()
    waiting = second.done()
    event.set()
    await first
    await second

    assert not waiting
    assert 1 == inner.script.most


@pytest.mark.parametrize("op", ["write", "close", "commit", "cancel"])
async def test_each_call_of_a_writer_takes_a_place(op: str) -> None:
    """An open writer holds none, its running calls do."""
    inner, event = _busy(op)
    driver = LimitsLayer(inner, maxthreads=1)
    writer = await driver.writer("/c")
    call = writer.write(b"1") if op == "write" else getattr(writer, op)()
    first = asyncio.ensure_future(call)
    await _settle()
    second = asyncio.ensure_future(driver.stat("/a"))
    await _settle()
    waiting = second.done()
    event.set()
    await first
    await second

    assert not waiting


async def test_waiting_calls_run_in_order() -> None:
    """First come, first served."""
    inner, event = _busy("stat")
    driver = LimitsLayer(inner, maxthreads=2)
    order: list[int] = []

    async def call(number: int) -> None:
        await driver.stat("/a")
        order.append(number)

    tasks = [asyncio.ensure_future(call(number)) for number in range(20)]
    await _settle()
    event.set()
    await asyncio.gather(*tasks)

    assert list(range(20)) == order
    assert 2 == inner.script.most


async def test_a_task_that_reads_and_writes_never_waits_for_itself() -> None:
    """With one place in all, readers, writers and walks held open by one task let its other calls through."""
    inner, _ = _busy("nothing")
    driver = LimitsLayer(inner, maxthreads=1)
    async with asyncio.timeout(5):
        walk = driver.walk("/")
        await anext(walk)
        async with driver.reader("/a") as chunks:
            writer = await driver.writer("/c")
            async for chunk in chunks:
                await writer.write(chunk)
            await driver.stat("/a")
            await writer.commit()

    assert b"content" == inner.files["/c"]


async def test_cancelled_calls_leak_no_place() -> None:
    """Calls cancelled while waiting, while running and just as their turn comes give back what they had."""
    inner, event = _busy("stat")
    driver = LimitsLayer(inner, maxthreads=2)
    tasks = [asyncio.ensure_future(driver.stat("/a")) for _ in range(6)]
    await _settle()
    for task in tasks[1:4]:  # one that runs, two that wait
        task.cancel()
    event.set()
    tasks[4].cancel()  # its turn may just have come
    await asyncio.gather(*tasks, return_exceptions=True)
    event.clear()
    inner.script.most = 0
    again = [asyncio.ensure_future(driver.stat("/a")) for _ in range(3)]
    await _settle()
    running = inner.script.running
    event.set()
    await asyncio.gather(*again)

    assert 2 == running
    assert 2 == inner.script.most


async def test_a_failure_gives_back_the_place() -> None:
    """However often a driver fails, the next call gets its turn."""
    inner, _ = _busy("nothing")
    inner.script.fail["stat"] = OSError("broken")
    driver = LimitsLayer(inner, maxthreads=1)
    for _ in range(3):
        with pytest.raises(OSError, match="broken"):
            await driver.stat("/a")

    assert b"content" == await driver.get_content("/a")


def test_a_limit_is_positive() -> None:
    """No operation could ever run under a limit of nothing."""
    with pytest.raises(ValueError, match="at least 1"):
        LimitsLayer(ScriptedDriver(), maxthreads=0)
