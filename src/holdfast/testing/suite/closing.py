"""Ending a write: close, commit and cancel are three different things."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from holdfast.storage.errors import PathNotFoundError, WriteConflictError, WriterClosedError
from holdfast.testing.suite.acts import MIB, content_or_none, keep_unfinished, random_bytes, write
from holdfast.testing.suite.base import SuiteBase

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from holdfast.storage.driver import StorageDriver

__all__ = ["Closing"]

_ENDS = ("close", "commit", "cancel")


class Closing(SuiteBase):
    """The ends of a writer."""

    @pytest.mark.parametrize("end", _ENDS)
    async def test_ended_writer_refuses_everything_but_close(
        self, driver: StorageDriver, scratch: str, end: str
    ) -> None:
        """After its end, write, commit and cancel raise `WriterClosedError` and change nothing; close does nothing."""
        writer = await driver.writer(f"{scratch}/file")
        await writer.write(b"content")
        await getattr(writer, end)()
        shown = await content_or_none(driver, f"{scratch}/file")
        uses: list[Callable[[], Awaitable[None]]] = [
            lambda: writer.write(b"x"),
            lambda: writer.write(b""),
            writer.commit,
            writer.cancel,
        ]
        for use in uses:
            with pytest.raises(WriterClosedError):
                await use()
        await writer.close()
        await writer.close()

        assert shown == (b"content" if end == "commit" else None)
        assert shown == await content_or_none(driver, f"{scratch}/file")
        assert end == "cancel" or writer.size == 7

    async def test_close_keeps_what_was_written(self, driver: StorageDriver, scratch: str) -> None:
        """Closed bytes are there for the next writer, and only for it."""
        await keep_unfinished(driver, f"{scratch}/file", b"one ", b"two ")

        assert None is await content_or_none(driver, f"{scratch}/file")
        assert 13 == await write(driver, f"{scratch}/file", [b"three"], append=True)
        assert b"one two three" == await driver.get_content(f"{scratch}/file")

    async def test_close_leaves_committed_content(self, driver: StorageDriver, scratch: str) -> None:
        """Content committed earlier stands while a new write is left unfinished."""
        await driver.put_content(f"{scratch}/file", b"old")
        await keep_unfinished(driver, f"{scratch}/file", b"new")

        assert b"old" == await driver.get_content(f"{scratch}/file")
        assert 3 == await write(driver, f"{scratch}/file", [], append=True)
        assert b"new" == await driver.get_content(f"{scratch}/file")

    async def test_close_of_nothing_can_be_continued(self, driver: StorageDriver, scratch: str) -> None:
        """A write closed before its first byte is an unfinished write like any other."""
        await keep_unfinished(driver, f"{scratch}/file")
        writer = await driver.writer(f"{scratch}/file", append=True)

        assert 0 == writer.size
        await writer.write(b"late")
        await writer.commit()
        assert b"late" == await driver.get_content(f"{scratch}/file")

    async def test_commit_ends_the_unfinished_write(self, driver: StorageDriver, scratch: str) -> None:
        """After a commit, append continues from the content; nothing unfinished is left to be found."""
        await keep_unfinished(driver, f"{scratch}/file", b"one ")
        await write(driver, f"{scratch}/file", [b"two "], append=True)
        await driver.put_content(f"{scratch}/file", b"put ")

        assert 9 == await write(driver, f"{scratch}/file", [b"three"], append=True)
        assert b"put three" == await driver.get_content(f"{scratch}/file")

    async def test_cancel_leaves_nothing(self, driver: StorageDriver, scratch: str) -> None:
        """A cancelled write can't be continued, and its directory never was."""
        writer = await driver.writer(f"{scratch}/dir/file")
        await writer.write(random_bytes(6 * MIB))
        await writer.cancel()

        with pytest.raises(PathNotFoundError):
            await driver.writer(f"{scratch}/dir/file", append=True)
        with pytest.raises(PathNotFoundError):
            await driver.stat(f"{scratch}/dir")
        with pytest.raises(PathNotFoundError):
            await driver.delete(scratch)

    async def test_cancel_throws_away_earlier_sessions(self, driver: StorageDriver, scratch: str) -> None:
        """Cancelling a continued write removes what the writers before it wrote, too."""
        await keep_unfinished(driver, f"{scratch}/file", random_bytes(6 * MIB))
        writer = await driver.writer(f"{scratch}/file", append=True)
        await writer.write(b"more")
        await writer.cancel()

        with pytest.raises(PathNotFoundError):
            await driver.writer(f"{scratch}/file", append=True)
        with pytest.raises(PathNotFoundError):
            await driver.delete(scratch)

    @pytest.mark.parametrize("append", [False, True])
    async def test_cancel_leaves_committed_content(self, driver: StorageDriver, scratch: str, append: bool) -> None:  # noqa: FBT001 - a parameter of the test
        """The path shows what it showed before the write began."""
        await driver.put_content(f"{scratch}/file", b"committed")
        writer = await driver.writer(f"{scratch}/file", append=append)
        await writer.write(b"thrown away")
        await writer.cancel()

        assert b"committed" == await driver.get_content(f"{scratch}/file")
        assert 10 == await write(driver, f"{scratch}/file", [b"!"], append=True)

    async def test_new_writer_discards_an_unfinished_write(self, driver: StorageDriver, scratch: str) -> None:
        """Without `append` a write starts from nothing."""
        await keep_unfinished(driver, f"{scratch}/file", b"a longer beginning")

        assert 5 == await write(driver, f"{scratch}/file", [b"other"])
        assert b"other" == await driver.get_content(f"{scratch}/file")

    async def test_replaced_writer_can_not_commit(self, driver: StorageDriver, scratch: str) -> None:
        """Of two writers on a path, the one whose write was replaced fails, and the other's content is whole."""
        first = await driver.writer(f"{scratch}/file")
        try:
            await first.write(b"first")
            try:
                second = await driver.writer(f"{scratch}/file")
            except WriteConflictError:  # a driver may refuse the second instead
                await first.commit()
                winner = b"first"
            else:
                await second.write(b"second")
                with pytest.raises(WriteConflictError):
                    await first.commit()
                assert None is await content_or_none(driver, f"{scratch}/file")
                await second.commit()
                winner = b"second"
        finally:
            await first.close()

        assert winner == await driver.get_content(f"{scratch}/file")
