"""Writing only if nothing, or nothing else, is there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from holdfast.storage.driver import CreateOnly, MatchVersion
from holdfast.storage.errors import InvalidPathError, PreconditionFailedError, UnsupportedOperationError
from holdfast.testing.suite.acts import content_or_none, keep_unfinished, make_files, walked, write
from holdfast.testing.suite.base import SuiteBase, requires, requires_lack

if TYPE_CHECKING:
    from holdfast.storage.driver import Precondition, StorageDriver

__all__ = ["Preconditions"]


class Preconditions(SuiteBase):
    """`put_content(precondition=...)`."""

    @requires("put_create_only")
    async def test_create_only_creates(self, driver: StorageDriver, scratch: str) -> None:
        """Where nothing is, it writes; where something is, even the same or empty, it doesn't."""
        for content in (b"", b"content"):
            await driver.put_content(f"{scratch}/{len(content)}", content, precondition=CreateOnly())
            for other in (content, b"other"):
                with pytest.raises(PreconditionFailedError):
                    await driver.put_content(f"{scratch}/{len(content)}", other, precondition=CreateOnly())

            assert content == await driver.get_content(f"{scratch}/{len(content)}")

    @requires("put_create_only")
    async def test_create_only_after_deletion_and_beside_uploads(self, driver: StorageDriver, scratch: str) -> None:
        """Deleted content and unfinished writes aren't content."""
        await driver.put_content(f"{scratch}/file", b"old")
        await driver.delete(f"{scratch}/file")
        await keep_unfinished(driver, f"{scratch}/file", b"begun")
        await driver.put_content(f"{scratch}/file", b"new", precondition=CreateOnly())

        assert b"new" == await driver.get_content(f"{scratch}/file")
        assert 5 == await write(driver, f"{scratch}/file", [], append=True)

    @requires("put_create_only", "exclusive_names")
    async def test_create_only_over_a_directory_is_refused(self, driver: StorageDriver, scratch: str) -> None:
        """A directory is no place for a file, whichever of the two errors says so."""
        await make_files(driver, [f"{scratch}/dir/file"])
        with pytest.raises((InvalidPathError, PreconditionFailedError)):
            await driver.put_content(f"{scratch}/dir", b"x", precondition=CreateOnly())

        assert [f"{scratch}/dir/file"] == await walked(driver, scratch)

    @requires("put_create_only")
    async def test_one_of_many_creators_wins(self, driver: StorageDriver, scratch: str) -> None:
        """Of tasks that create the same path at once, exactly one succeeds, and its content is there."""
        for turn in range(10):
            path = f"{scratch}/race/{turn}"
            contents = [f"{turn} {number}".encode() * 1000 for number in range(12)]
            won = await asyncio.gather(*(_succeeds(driver, path, content, CreateOnly()) for content in contents))

            assert 1 == sum(won)
            assert contents[won.index(True)] == await driver.get_content(path)

    @requires("put_match_version")
    async def test_matching_version_is_replaced(self, driver: StorageDriver, scratch: str) -> None:
        """Versions told by `put_content` and `stat` are the same, and change with the content."""
        first = await driver.put_content(f"{scratch}/file", b"first")
        assert first is not None
        assert first == (await driver.stat(f"{scratch}/file")).version
        second = await driver.put_content(f"{scratch}/file", b"second", precondition=MatchVersion(first))
        assert second is not None
        assert second != first

        assert second == (await driver.stat(f"{scratch}/file")).version
        assert b"second" == await driver.get_content(f"{scratch}/file")

    @requires("put_match_version")
    async def test_other_version_is_not_replaced(self, driver: StorageDriver, scratch: str) -> None:
        """An old version, an invented one, and any version of nothing fail and write nothing."""
        old = await driver.put_content(f"{scratch}/file", b"old")
        assert old is not None
        await driver.put_content(f"{scratch}/file", b"new")
        for path, version in ((f"{scratch}/file", old), (f"{scratch}/file", "invented"), (f"{scratch}/missing", old)):
            with pytest.raises(PreconditionFailedError):
                await driver.put_content(path, b"wrong", precondition=MatchVersion(version))

        assert b"new" == await driver.get_content(f"{scratch}/file")
        assert None is await content_or_none(driver, f"{scratch}/missing")
        assert [f"{scratch}/file"] == await driver.list(scratch)

    @requires("put_match_version")
    async def test_every_way_of_writing_changes_the_version(self, driver: StorageDriver, scratch: str) -> None:
        """A commit and a move make a version outdated, as a put does, also where the length stays the same."""
        await driver.put_content(f"{scratch}/other", b"moved")
        stale = await driver.put_content(f"{scratch}/file", b"first")
        assert stale is not None
        await write(driver, f"{scratch}/file", [b"write"])
        with pytest.raises(PreconditionFailedError):
            await driver.put_content(f"{scratch}/file", b"wrong", precondition=MatchVersion(stale))
        stale = (await driver.stat(f"{scratch}/file")).version
        assert stale is not None
        await driver.move(f"{scratch}/other", f"{scratch}/file")
        with pytest.raises(PreconditionFailedError):
            await driver.put_content(f"{scratch}/file", b"wrong", precondition=MatchVersion(stale))

        assert b"moved" == await driver.get_content(f"{scratch}/file")

    @requires("put_match_version")
    async def test_concurrent_increments_lose_nothing(self, driver: StorageDriver, scratch: str) -> None:
        """Reading, and writing what was read plus one if it is still that, counts every increment."""
        await driver.put_content(f"{scratch}/counter", b"0")

        async def increment() -> None:
            done = False
            while not done:
                version = (await driver.stat(f"{scratch}/counter")).version
                assert version is not None
                # Read after the version: a change in between makes the write fail, never the count wrong.
                number = int(await driver.get_content(f"{scratch}/counter")) + 1
                done = await _succeeds(driver, f"{scratch}/counter", b"%d" % number, MatchVersion(version))

        await asyncio.gather(*(increment() for _ in range(8)))

        assert b"8" == await driver.get_content(f"{scratch}/counter")

    @requires_lack("put_create_only")
    async def test_create_only_is_refused_without_the_capability(self, driver: StorageDriver, scratch: str) -> None:
        """A precondition that can't be kept isn't ignored."""
        with pytest.raises(UnsupportedOperationError):
            await driver.put_content(f"{scratch}/file", b"x", precondition=CreateOnly())

        assert None is await content_or_none(driver, f"{scratch}/file")

    @requires_lack("put_match_version")
    async def test_match_version_is_refused_without_the_capability(self, driver: StorageDriver, scratch: str) -> None:
        """A precondition that can't be kept isn't ignored."""
        await driver.put_content(f"{scratch}/file", b"old")
        with pytest.raises(UnsupportedOperationError):
            await driver.put_content(f"{scratch}/file", b"x", precondition=MatchVersion("version"))

        assert b"old" == await driver.get_content(f"{scratch}/file")


async def _succeeds(driver: StorageDriver, path: str, content: bytes, precondition: Precondition) -> bool:
    try:
        await driver.put_content(path, content, precondition=precondition)
    except PreconditionFailedError:
        return False
    return True
