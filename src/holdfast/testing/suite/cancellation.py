"""Giving up in the middle: a cancelled task, a reader left early. Nothing is torn, nothing stays open."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from holdfast.storage.errors import StorageError
from holdfast.storage.ops import opened_writer
from holdfast.testing.census import count_descriptors
from holdfast.testing.iteration import closing_iterator
from holdfast.testing.suite.acts import MIB, content_or_none, make_files, random_bytes, read, walked
from holdfast.testing.suite.base import SuiteBase

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from holdfast.storage.driver import StorageDriver
    from holdfast.testing.store import Store

__all__ = ["Cancellation"]

_MOMENTS = [*range(12), 0.0002, 0.0005, 0.001, 0.002, 0.004, 0.008]
"""When a task is cancelled: after so many turns of the event loop, or so many seconds."""

_GROWN = 3
"""So often in a row more is open than before, and it accumulates."""


class Cancellation(SuiteBase):
    """Cancelled tasks and early-closed readers; the suite's own check for leaks follows each test."""

    async def test_readers_left_early_stay_not_open(self, driver: StorageDriver, store: Store, scratch: str) -> None:
        """Leaving a reader at its start, in its middle, or by an exception frees what it held."""
        await driver.put_content(f"{scratch}/file", random_bytes(10 * MIB))

        async def leave_by_exception() -> None:
            async with driver.reader(f"{scratch}/file") as chunks:
                assert await anext(chunks)
                raise ZeroDivisionError

        async def leave() -> None:
            async with driver.reader(f"{scratch}/file"):
                pass
            async with driver.reader(f"{scratch}/file") as chunks:
                assert await anext(chunks)
            with pytest.raises(ZeroDivisionError):
                await leave_by_exception()

        await _assert_nothing_accumulates(store, leave)

    async def test_walks_left_early_stay_not_open(self, driver: StorageDriver, store: Store, scratch: str) -> None:
        """A walk that is closed in the middle frees what it held."""
        await make_files(driver, [f"{scratch}/{directory}/{name}" for directory in "abc" for name in "xyz"])

        async def leave() -> None:
            async with closing_iterator(driver.walk(scratch)) as files:
                assert f"{scratch}/a/x" == (await anext(files)).path

        await _assert_nothing_accumulates(store, leave)

    async def test_writers_ended_stay_not_open(self, driver: StorageDriver, store: Store, scratch: str) -> None:
        """However a writer ends, by an exception too, it frees what it held."""

        async def end_by_exception() -> None:
            async with opened_writer(driver, f"{scratch}/file") as writer:
                await writer.write(b"x")
                raise ZeroDivisionError

        async def end() -> None:
            for way in ("close", "commit", "cancel"):
                writer = await driver.writer(f"{scratch}/{way}")
                await writer.write(b"x")
                await getattr(writer, way)()
                await writer.close()
            with pytest.raises(ZeroDivisionError):
                await end_by_exception()

        await _assert_nothing_accumulates(store, end)

    async def test_failed_operations_stay_not_open(self, driver: StorageDriver, store: Store, scratch: str) -> None:
        """Operations that find nothing, or the wrong kind, free what they held."""
        await make_files(driver, [f"{scratch}/file"])

        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: read(driver, f"{scratch}/missing"),
            lambda: driver.get_content(scratch),
            lambda: driver.writer(f"{scratch}/missing", append=True),
            lambda: driver.list(f"{scratch}/file"),
            lambda: driver.move(f"{scratch}/missing", f"{scratch}/file"),
        ]
        if driver.capabilities.exclusive_names:
            calls += [
                lambda: driver.writer(f"{scratch}/file/below"),
                lambda: driver.put_content(scratch, b"x"),
            ]

        async def fail() -> None:
            for call in calls:
                assert await _fails(call)

        await _assert_nothing_accumulates(store, fail)

    async def test_cancelled_reading(self, driver: StorageDriver, store: Store, scratch: str) -> None:
        """A reading that is cancelled at any moment leaves the file readable and nothing open."""
        content = random_bytes(10 * MIB)
        await driver.put_content(f"{scratch}/file", content)

        async def cancel_everywhere() -> None:
            for moment in _MOMENTS:
                await _cancel(read(driver, f"{scratch}/file"), moment)
                await _cancel(driver.get_content(f"{scratch}/file"), moment)
                await _cancel(walked(driver, scratch), moment)
            await driver.get_content(f"{scratch}/file")  # a connection that is kept is there each time

        await _assert_nothing_accumulates(store, cancel_everywhere, rounds=2)

        assert content == await read(driver, f"{scratch}/file")

    async def test_cancelled_put_leaves_the_old_or_the_new(self, driver: StorageDriver, scratch: str) -> None:
        """A put that is cancelled at any moment happened or didn't; it leaves no third thing."""
        allowed: set[bytes | None] = {None}
        for number, moment in enumerate(_MOMENTS):
            content = random_bytes(MIB, number)
            await _cancel(driver.put_content(f"{scratch}/dir/file", content), moment)
            allowed.add(content)

            assert await content_or_none(driver, f"{scratch}/dir/file") in allowed
            assert set(await driver.list("/")) <= {scratch}
        await driver.put_content(f"{scratch}/dir/file", b"afterwards")

        assert b"afterwards" == await driver.get_content(f"{scratch}/dir/file")

    async def test_cancelled_commit_leaves_the_old_or_the_new(self, driver: StorageDriver, scratch: str) -> None:
        """A commit that is cancelled at any moment happened or didn't; the writer can then be closed."""
        await driver.put_content(f"{scratch}/file", b"old")
        allowed = {b"old"}
        for number, moment in enumerate(_MOMENTS):
            content = random_bytes(MIB, number)
            async with opened_writer(driver, f"{scratch}/file") as writer:
                await writer.write(content)
                allowed.add(content)
                await _cancel(writer.commit(), moment)

            assert await driver.get_content(f"{scratch}/file") in allowed
        async with opened_writer(driver, f"{scratch}/file") as writer:
            await writer.write(b"afterwards")
            await writer.commit()

        assert b"afterwards" == await driver.get_content(f"{scratch}/file")

    async def test_cancelled_writing_shows_nothing(self, driver: StorageDriver, scratch: str) -> None:
        """A write that is cancelled in the middle of its chunks stays invisible, and can be thrown away."""
        await driver.put_content(f"{scratch}/file", b"old")

        async def write_on(chunks: int) -> None:
            async with opened_writer(driver, f"{scratch}/file") as writer:
                for number in range(chunks):
                    await writer.write(random_bytes(MIB, number))

        for moment in _MOMENTS:
            await _cancel(write_on(12), moment)

            assert b"old" == await driver.get_content(f"{scratch}/file")
        async with opened_writer(driver, f"{scratch}/file") as writer:
            await writer.cancel()

        assert b"old" == await driver.get_content(f"{scratch}/file")

    async def test_cancelled_move_loses_nothing(self, driver: StorageDriver, scratch: str) -> None:
        """A move that is cancelled at any moment leaves the content in one place at least."""
        content = random_bytes(MIB)
        for moment in _MOMENTS:
            await driver.put_content(f"{scratch}/from", content)
            await _cancel(driver.move(f"{scratch}/from", f"{scratch}/to"), moment)
            found = [await content_or_none(driver, f"{scratch}/{name}") for name in ("from", "to")]

            assert content in found
            assert {content, None} >= set(found)

    async def test_cancelled_deletion_can_be_repeated(self, driver: StorageDriver, scratch: str) -> None:
        """A deletion that is cancelled at any moment leaves whole files or none."""
        for moment in _MOMENTS[::2]:
            paths = [f"{scratch}/d/{number}" for number in range(8)]
            await make_files(driver, paths, b"content")
            await _cancel(driver.delete(f"{scratch}/d"), moment)

            assert {b"content", None} >= {await content_or_none(driver, path) for path in paths}


async def _cancel(work: Coroutine[object, object, object], moment: float) -> None:
    """Run something in a task and cancel it, unless it is done before; then wait for it."""
    task = asyncio.create_task(work)
    if isinstance(moment, int):
        for _ in range(moment):
            await asyncio.sleep(0)
    else:
        await asyncio.sleep(moment)
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled() and (error := task.exception()) is not None:
        raise error


async def _fails(call: Callable[[], Awaitable[object]]) -> bool:
    try:
        await call()
    except StorageError:
        return True
    return False


async def _assert_nothing_accumulates(store: Store, act: Callable[[], Awaitable[None]], *, rounds: int = 6) -> None:
    """Do it once, so that connections and threads which are kept are there, then more often: no more must be open.

    How many a pool keeps is a matter of moments, too: what grows every time accumulates, what grew once need not.
    """
    counted = store.open_resources or count_descriptors
    await act()
    counts = [counted()]
    for _ in range(_GROWN):
        for _ in range(rounds):
            await act()
        patience = 200
        while (after := counted()) > counts[-1] and patience:
            patience -= 1
            await asyncio.sleep(0.01)
        counts.append(after)
        if after <= counts[-2]:
            break

    assert counts[-1] <= counts[-2], f"more and more descriptors or connections are open: {counts}"
