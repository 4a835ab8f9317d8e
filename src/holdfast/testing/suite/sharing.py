"""Several processes, and several drivers, on one store."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, aclosing
from typing import TYPE_CHECKING, TypeVar

from holdfast.storage.errors import WriteConflictError
from holdfast.testing.suite.acts import MIB, content_or_none, keep_unfinished, upload_paths, write
from holdfast.testing.suite.base import SuiteBase, requires
from holdfast.testing.suite.process import other_process

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from holdfast.storage.driver import StorageDriver
    from holdfast.testing.store import Store

__all__ = ["Sharing"]

ItemT = TypeVar("ItemT")

_LARGE = "0123456789abcdef" * (MIB // 16)


class Sharing(SuiteBase):
    """What `shared` promises."""

    @requires("shared")
    async def test_another_driver_sees_the_same(self, driver: StorageDriver, store: Store, scratch: str) -> None:
        """What one driver did is there for another one on the same store, in both directions and at once."""
        async with aclosing(await store.open()) as other:
            for number, (one, two) in enumerate([(driver, other), (other, driver)]):
                path = f"{scratch}/{number}/file"
                assert None is await content_or_none(two, path)
                await one.put_content(path, b"first")
                assert b"first" == await two.get_content(path)
                await write(two, path, [b", more"], append=True)
                assert b"first, more" == await one.get_content(path)
                await one.delete(path)
                assert None is await content_or_none(two, path)

    @requires("shared")
    async def test_content_outlives_its_driver(self, driver: StorageDriver, store: Store, scratch: str) -> None:
        """Content and unfinished writes are there after the driver that wrote them was closed."""
        async with aclosing(await store.open()) as first:
            await first.put_content(f"{scratch}/file", b"content")
            await keep_unfinished(first, f"{scratch}/unfinished", b"begun, ")

        assert b"content" == await driver.get_content(f"{scratch}/file")
        assert 12 == await write(driver, f"{scratch}/unfinished", [b"ended"], append=True)

    @requires("shared")
    async def test_another_process_puts_whole_content(self, driver: StorageDriver, store: Store, scratch: str) -> None:
        """While another process replaces content, every reading here is one of its contents, never absent."""
        path, texts = f"{scratch}/file", [letter * MIB for letter in "abc"]
        allowed = {text.encode() for text in texts}
        with other_process(store) as other:
            await other.do("put", path, texts[0])
            putting = asyncio.ensure_future(_each(lambda text: other.do("put", path, text), texts * 5))
            while not putting.done():
                assert await driver.get_content(path) in allowed
            await putting

        assert texts[-1].encode() == await driver.get_content(path)

    @requires("shared")
    async def test_another_process_continues_a_write(self, driver: StorageDriver, store: Store, scratch: str) -> None:
        """A write passes from here to another process and back, and shows nowhere before its commit."""
        path = f"{scratch}/file"
        await keep_unfinished(driver, path, b"here, ")
        with other_process(store) as other:
            await other.do("append", path)
            assert await other.do("size", path) == 6
            await other.do("write", path, "there, ")
            await other.do("close", path)

            assert {"error": "PathNotFoundError"} == await other.do("get", path)
        assert None is await content_or_none(driver, path)
        assert 24 == await write(driver, path, [b"here again."], append=True)
        assert b"here, there, here again." == await driver.get_content(path)

    @requires("shared", "write_resume_token")
    async def test_another_process_takes_a_resume_token(
        self, driver: StorageDriver, store: Store, scratch: str
    ) -> None:
        """A token made here is good there, and the other way round."""
        path = f"{scratch}/file"
        token = await keep_unfinished(driver, path, b"here, ")
        assert token is not None
        with other_process(store) as other:
            await other.do("resume", path, token)
            await other.do("write", path, "there, ")
            await other.do("close", path)
            token = await other.do("token", path)
        writer = await driver.writer(path, append=True, resume_token=token)
        await writer.write(b"here again.")
        await writer.commit()

        assert b"here, there, here again." == await driver.get_content(path)

    @requires("shared")
    async def test_killed_writer_keeps_what_it_closed(self, driver: StorageDriver, store: Store, scratch: str) -> None:
        """After `kill -9` a write goes on from what was closed, or from what came after it, with no gap or garbage."""
        path = f"{scratch}/file"
        with other_process(store) as other:
            await other.do("open", path)
            await other.do("write", path, _LARGE)
            await other.do("close", path)
            await other.do("append", path)
            await other.do("write", path, _LARGE)
            other.kill()
        whole = (_LARGE * 3).encode()
        assert None is await content_or_none(driver, path)
        writer = await driver.writer(path, append=True)
        assert len(_LARGE) <= writer.size <= 2 * len(_LARGE)
        await writer.write(whole[writer.size :])
        await writer.commit()

        assert whole == await driver.get_content(path)

    @requires("shared")
    async def test_killed_writer_leaves_old_content(self, driver: StorageDriver, store: Store, scratch: str) -> None:
        """A process that dies while it replaces content has replaced nothing, and hinders nobody."""
        path = f"{scratch}/file"
        await driver.put_content(path, b"old")
        with other_process(store) as other:
            await other.do("open", path)
            await other.do("write", path, _LARGE)
            other.kill()

        assert b"old" == await driver.get_content(path)
        assert 3 == await write(driver, path, [b"new"])
        assert b"new" == await driver.get_content(path)

    @requires("shared", "list_uploads")
    async def test_uploads_of_dead_processes_are_found(self, driver: StorageDriver, store: Store, scratch: str) -> None:
        """What a killed process left unfinished is listed, and can be thrown away."""
        with other_process(store) as other:
            await other.do("open", f"{scratch}/d/file")
            await other.do("write", f"{scratch}/d/file", _LARGE * 6)
            await other.do("close", f"{scratch}/d/file")
            other.kill()

        assert [f"{scratch}/d/file"] == await upload_paths(driver, scratch)
        async for upload in driver.list_uploads(scratch):
            await driver.abort_upload(upload)
        assert [] == await upload_paths(driver, "/")

    @requires("shared", "put_create_only")
    async def test_one_of_several_processes_creates(self, driver: StorageDriver, store: Store, scratch: str) -> None:
        """Of processes that create the same paths at once, exactly one wins each, and its content is there."""
        with ExitStack() as stack:
            others = [stack.enter_context(other_process(store)) for _ in range(3)]
            for turn in range(15):
                path = f"{scratch}/race/{turn}"
                answers = await asyncio.gather(
                    *(other.do("create", path, f"by {number}") for number, other in enumerate(others))
                )
                winners = [number for number, answer in enumerate(answers) if answer is None]

                assert 1 == len(winners)
                assert f"by {winners[0]}".encode() == await driver.get_content(path)

    @requires("shared")
    async def test_writer_replaced_by_another_process_can_not_commit(
        self, driver: StorageDriver, store: Store, scratch: str
    ) -> None:
        """A write that another process began anew isn't finished by the one before: its content stays whole."""
        path = f"{scratch}/file"
        writer = await driver.writer(path)
        await writer.write(b"first")
        with other_process(store) as other:
            opened = await other.do("open", path)
            if opened is None:
                await other.do("write", path, "second")
                try:
                    await writer.commit()
                except WriteConflictError:
                    await writer.close()
                await other.do("commit", path)
                winner = b"second"
            else:
                await writer.commit()
                winner = b"first"

        assert opened in (None, {"error": "WriteConflictError"})
        assert winner == await driver.get_content(path)


async def _each(act: Callable[[ItemT], Awaitable[object]], items: Iterable[ItemT]) -> None:
    """Act on one item after the other."""
    for item in items:
        await act(item)
