"""Finding and throwing away unfinished writes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from holdfast.storage.driver import UploadInfo
from holdfast.storage.errors import PathNotFoundError, UnsupportedOperationError
from holdfast.testing.iteration import collect
from holdfast.testing.suite.acts import (
    MIB,
    content_or_none,
    keep_unfinished,
    make_files,
    random_bytes,
    upload_paths,
    write,
)
from holdfast.testing.suite.base import SuiteBase, requires, requires_lack

if TYPE_CHECKING:
    from holdfast.storage.driver import StorageDriver

__all__ = ["Uploads"]

_SKEW = timedelta(minutes=15)


class Uploads(SuiteBase):
    """`list_uploads` and `abort_upload`."""

    @requires("list_uploads")
    async def test_abandoned_upload_is_found(self, driver: StorageDriver, scratch: str) -> None:
        """With its path, an identity, its age, and its size where that is known."""
        await keep_unfinished(driver, f"{scratch}/d/file", random_bytes(6 * MIB), b"tail")
        uploads = await collect(driver.list_uploads("/"))

        assert [f"{scratch}/d/file"] == [upload.path for upload in uploads]
        assert uploads[0].upload_id
        assert uploads[0].size in {None, 6 * MIB + 4}
        started = uploads[0].started
        assert started is None or started.utcoffset() == timedelta(0)
        assert started is None or abs(datetime.now(UTC) - started) < _SKEW

    @requires("list_uploads")
    async def test_uploads_are_found_at_and_below_a_path(self, driver: StorageDriver, scratch: str) -> None:
        """By file, by directory and by root, never a namesake's; nothing there is nothing found."""
        names = ["d/a", "d/b/c", "d-x", "da/x", "d.x/y", "d"]
        for name in names:
            await keep_unfinished(driver, f"{scratch}/{name}", b"x")

        assert [f"{scratch}/{name}" for name in ("d", "d/a", "d/b/c")] == await upload_paths(driver, f"{scratch}/d")
        assert [f"{scratch}/d/a"] == await upload_paths(driver, f"{scratch}/d/a")
        assert sorted(f"{scratch}/{name}" for name in names) == await upload_paths(driver, scratch)
        assert sorted(f"{scratch}/{name}" for name in names) == await upload_paths(driver, "/")
        assert [] == await upload_paths(driver, f"{scratch}/missing")
        assert [] == await upload_paths(driver, f"{scratch}/d/b/c/d")

    @requires("list_uploads")
    async def test_only_unfinished_writes_are_found(self, driver: StorageDriver, scratch: str) -> None:
        """Not content, and not what was committed or cancelled."""
        await make_files(driver, [f"{scratch}/file"])
        for name, end in (("committed", "commit"), ("cancelled", "cancel")):
            await keep_unfinished(driver, f"{scratch}/{name}", random_bytes(6 * MIB))
            writer = await driver.writer(f"{scratch}/{name}", append=True)
            await writer.write(b"x")
            await getattr(writer, end)()
            await writer.close()

        assert [] == await upload_paths(driver, "/")

    @requires("list_uploads")
    async def test_continued_and_replaced_write_is_found_once(self, driver: StorageDriver, scratch: str) -> None:
        """At most one unfinished write exists per path."""
        for append in (False, True, True, False):
            await keep_unfinished(driver, f"{scratch}/file", random_bytes(6 * MIB), append=append)

        assert [f"{scratch}/file"] == await upload_paths(driver, scratch)

    @requires("list_uploads")
    async def test_aborted_upload_is_gone(self, driver: StorageDriver, scratch: str) -> None:
        """It can't be continued or found; aborting it again is no error; content and other uploads stay."""
        await driver.put_content(f"{scratch}/file", b"content")
        await keep_unfinished(driver, f"{scratch}/file", b"x")
        await keep_unfinished(driver, f"{scratch}/fil", b"x")
        (upload,) = await collect(driver.list_uploads(f"{scratch}/file"))
        await driver.abort_upload(upload)
        await driver.abort_upload(upload)

        assert [f"{scratch}/fil"] == await upload_paths(driver, "/")
        assert b"content" == await driver.get_content(f"{scratch}/file")
        assert 8 == await write(driver, f"{scratch}/file", [b"!"], append=True)

    @requires("list_uploads")
    async def test_aborting_an_old_upload_spares_a_newer_one(self, driver: StorageDriver, scratch: str) -> None:
        """An upload is known by its identity: one that began since at the same path isn't thrown away."""
        await keep_unfinished(driver, f"{scratch}/file", b"old")
        (old,) = await collect(driver.list_uploads(scratch))
        await driver.abort_upload(old)
        await keep_unfinished(driver, f"{scratch}/file", b"newer")
        await driver.abort_upload(old)

        assert 5 == await write(driver, f"{scratch}/file", [], append=True)

    @requires("list_uploads")
    @pytest.mark.parametrize("upload_id", ["", "x", "../../../etc/passwd", "0" * 200])
    async def test_aborting_an_invented_upload_harms_nothing(
        self, driver: StorageDriver, scratch: str, upload_id: str
    ) -> None:
        """One that isn't there is no error, whatever its identity looks like."""
        await driver.put_content(f"{scratch}/file", b"content")
        await keep_unfinished(driver, f"{scratch}/file", b"begun")
        for path in (f"{scratch}/file", f"{scratch}/missing", "/nowhere/at/all"):
            await driver.abort_upload(UploadInfo(path=path, upload_id=upload_id))

        assert [f"{scratch}/file"] == await upload_paths(driver, "/")
        assert b"content" == await driver.get_content(f"{scratch}/file")

    @requires("list_uploads")
    async def test_all_abandoned_uploads_can_be_purged(self, driver: StorageDriver, scratch: str) -> None:
        """Aborting each one that is found leaves none, and no content is lost."""
        await make_files(driver, [f"{scratch}/{number}/file" for number in range(3)])
        for number in range(20):
            await keep_unfinished(driver, f"{scratch}/{number % 5}/{number}", b"x")
        for upload in await collect(driver.list_uploads("/")):
            await driver.abort_upload(upload)

        assert [] == await upload_paths(driver, "/")
        assert [f"{scratch}/{number}" for number in range(3)] == await driver.list(scratch)

    async def test_unfinished_write_takes_no_name(self, driver: StorageDriver, scratch: str) -> None:
        """Until it is committed an unfinished write makes no directory: a file can be put there and taken away."""
        await keep_unfinished(driver, f"{scratch}/name/below", b"x")
        await driver.put_content(f"{scratch}/name", b"a file")
        content = await content_or_none(driver, f"{scratch}/name")
        await driver.delete_files([f"{scratch}/name"])

        assert b"a file" == content
        assert 1 == await write(driver, f"{scratch}/name/below", [], append=True)

    @requires_lack("list_uploads")
    async def test_uploads_are_refused_without_the_capability(self, driver: StorageDriver, scratch: str) -> None:
        """An error, never an empty list that means "none"."""
        with pytest.raises(UnsupportedOperationError):
            await upload_paths(driver, "/")
        with pytest.raises(UnsupportedOperationError):
            await driver.abort_upload(UploadInfo(path=f"{scratch}/file", upload_id="x"))

    async def test_aborted_by_deletion(self, driver: StorageDriver, scratch: str) -> None:
        """Where uploads can't be listed they can still be deleted."""
        await keep_unfinished(driver, f"{scratch}/d/file", b"x")
        await driver.delete(f"{scratch}/d")

        with pytest.raises(PathNotFoundError):
            await driver.writer(f"{scratch}/d/file", append=True)
