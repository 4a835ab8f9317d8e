from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.storage import ops
from holdfast.storage.driver import CreateOnly, FileInfo, UploadInfo
from holdfast.storage.errors import (
    AccessDeniedError,
    BatchDeleteError,
    IncompleteReadError,
    PathNotFoundError,
    StorageFullError,
    ThrottledError,
    UnsupportedOperationError,
)
from tests.storage.fakes import ScriptedDriver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio


def _driver(*files: str) -> ScriptedDriver:
    driver = ScriptedDriver()
    driver.files = {path: path.encode() for path in files}
    return driver


async def _chunks(*chunks: bytes, then: BaseException | None = None) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    if then:
        raise then


# Names that sort around the slash, each a file or a directory.
names = st.text("ab-.0~", min_size=1, max_size=2)
trees = st.sets(st.lists(names, min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts)), max_size=12).map(
    lambda paths: {path for path in paths if not any(other.startswith(path + "/") for other in paths)}
)


@given(tree=trees, start_after=st.none() | st.text("ab-./~", max_size=5).map("/".__add__) | st.text(max_size=3))
def test_walking_by_listing_is_sorting_the_paths(tree: set[str], start_after: str | None) -> None:
    """Every file is yielded once, in byte order of the whole path, from any string on."""
    driver = _driver(*tree)

    async def walk() -> list[str]:
        return [info.path async for info in ops.walk_by_listing(driver, "/", start_after=start_after)]

    assert sorted(path for path in tree if start_after is None or path > start_after) == asyncio.run(walk())


async def test_walking_meets_the_classic_trap() -> None:
    """`-` and `.` sort before the slash: a directory isn't where its name is."""
    walk = ops.walk_by_listing(_driver("/a/b", "/a-b", "/a.b", "/a0"), "/")

    assert ["/a-b", "/a.b", "/a/b", "/a0"] == [info.path async for info in walk]


async def test_walking_reads_nothing_before_the_start() -> None:
    """Directories that lie before `start_after` aren't listed."""
    driver = _driver("/a/1", "/b/1", "/c/1")
    walk = ops.walk_by_listing(driver, "/", start_after="/b/1")

    assert ["/c/1"] == [info.path async for info in walk]
    assert 1 + 2 == driver.script.calls.count("list")


async def test_walking_a_missing_directory_is_an_error() -> None:
    """It isn't an empty walk."""
    with pytest.raises(PathNotFoundError):
        await anext(ops.walk_by_listing(_driver("/a"), "/b"))


async def test_walking_passes_over_what_is_deleted_meanwhile() -> None:
    """A file or directory that goes between listing and reading is left out."""

    class Vanishing(ScriptedDriver):
        async def list(self, path: str, *, start_after: str | None = None, limit: int | None = None) -> list[str]:
            found = await super().list(path, start_after=start_after, limit=limit)
            return [*found, "/gone"] if path == "/" else found

        async def stat(self, path: str) -> FileInfo:
            info = await super().stat(path)
            if path == "/b":
                del self.files["/b/1"]
            return info

    driver = Vanishing()
    driver.files = {"/a": b"", "/b/1": b"", "/c/1": b""}

    assert ["/a", "/c/1"] == [info.path async for info in ops.walk_by_listing(driver, "/")]


async def test_an_error_is_no_absence() -> None:
    """`exists` answers for not-found alone."""
    driver = _driver("/a/b")
    found = [await ops.exists(driver, path) for path in ("/a", "/a/b", "/c")]
    driver.script.fail["stat"] = AccessDeniedError()
    with pytest.raises(AccessDeniedError):
        await ops.exists(driver, "/c")

    assert [True, True, False] == found


async def test_deleting_what_may_be_there() -> None:
    """`delete_if_there` tells whether there was anything, and passes over nothing but absence."""
    driver = _driver("/a/b")
    found = [await ops.delete_if_there(driver, "/a"), await ops.delete_if_there(driver, "/a")]
    driver.script.fail["delete"] = AccessDeniedError()
    with pytest.raises(AccessDeniedError):
        await ops.delete_if_there(driver, "/a")

    assert [True, False] == found


async def test_a_stream_shows_when_it_is_whole() -> None:
    """And how many bytes it had is told."""
    driver = _driver()

    assert 5 == await ops.put_stream(driver, "/a", _chunks(b"12", b"", b"345"))
    assert b"12345" == driver.files["/a"]


@pytest.mark.parametrize("failing", ["stream", "write", "commit"])
async def test_a_stream_that_breaks_leaves_nothing(failing: str) -> None:
    """Whoever fails, what was written is thrown away, and the error is the one that was raised."""
    driver = _driver()
    error = StorageFullError()
    driver.script.fail[failing] = error
    with pytest.raises(StorageFullError) as caught:
        await ops.put_stream(driver, "/a", _chunks(b"12", then=error if failing == "stream" else None))

    assert error is caught.value
    assert {} == driver.files
    assert "cancel" in driver.script.calls


async def test_a_stream_that_breaks_and_cant_be_thrown_away_says_so() -> None:
    """The first error is raised, the second a note of it."""
    driver = _driver()
    driver.script.fail = {"cancel": ThrottledError("slow down"), "close": ThrottledError("no")}
    with pytest.raises(OSError, match="gone") as caught:
        await ops.put_stream(driver, "/a", _chunks(b"12", then=OSError("gone")))

    assert ["slow down", "no"] == [note.rpartition(": ")[2] for note in caught.value.__notes__]


async def test_a_cancelled_stream_is_thrown_away() -> None:
    """Also in a scope that cancels every further await."""
    driver = _driver()
    with anyio.CancelScope() as scope:
        driver.script.hold["cancel"] = asyncio.Event()
        asyncio.get_running_loop().call_later(0.01, driver.script.hold["cancel"].set)

        async def chunks() -> AsyncIterator[bytes]:
            yield b"12"
            scope.cancel()
            await anyio.sleep_forever()

        await ops.put_stream(driver, "/a", chunks())

    assert ["writer", "write", "cancel", "close"] == driver.script.calls
    assert 0 == driver.script.running


async def test_an_opened_writer_is_closed_and_kept() -> None:
    """What wasn't committed can be appended to."""
    driver = _driver()
    async with ops.opened_writer(driver, "/a") as writer:
        await writer.write(b"1")
    async with ops.opened_writer(driver, "/a", append=True) as writer:
        await writer.write(b"2")
        await writer.commit()

    assert b"12" == driver.files["/a"]


async def test_copying_between_drivers() -> None:
    """Content goes over in chunks, from an offset."""
    source, destination = _driver("/source"), _driver()

    assert 5 == await ops.copy_content(source, "/source", destination, "/copy", offset=2)
    assert b"ource" == destination.files["/copy"]


async def test_reading_exactly() -> None:
    """A range is there in whole or it is an error."""
    driver = _driver("/1234567")

    assert b"2345" == await ops.read_exactly(driver, "/1234567", offset=2, length=4)
    with pytest.raises(IncompleteReadError, match="2 of 4 bytes from offset 6"):
        await ops.read_exactly(driver, "/1234567", offset=6, length=4)


@given(path=st.text("ab/", max_size=5).map("/a".__add__), directory=st.sampled_from(["/", "/a", "/a/b", "/ab"]))
def test_below_is_a_matter_of_components(path: str, directory: str) -> None:
    """`/a` and `/a/b` are below `/a`, `/ab` isn't."""
    parts = [part for part in directory.split("/") if part]

    assert (path.split("/")[1 : len(parts) + 1] == parts) == ops.is_below(path, directory)


async def test_moving_by_copying() -> None:
    """The source is gone only once the copy has its size; a directory is no file; a path moves to itself."""
    driver = _driver("/a", "/d/x")
    await ops.move_by_copy(driver, "/a", "/b")
    await ops.move_by_copy(driver, "/b", "/b")
    with pytest.raises(PathNotFoundError, match="is a directory"):
        await ops.move_by_copy(driver, "/d", "/e")

    assert {"/b": b"/a", "/d/x": b"/d/x"} == driver.files


async def test_moving_a_source_that_changes_size_keeps_it() -> None:
    """A copy that isn't as long as the source was is no reason to delete it."""

    class Short(ScriptedDriver):
        async def stat(self, path: str) -> FileInfo:
            return FileInfo(path=path, size=(await super().stat(path)).size + 1)

    driver = Short()
    driver.files = {"/a": b"123"}
    with pytest.raises(IncompleteReadError, match="copied 3 of 4"):
        await ops.move_by_copy(driver, "/a", "/b")

    assert b"123" == driver.files["/a"]


async def test_deleting_one_by_one() -> None:
    """Missing files and directories are passed over, failures named, the others deleted."""

    class Sticky(ScriptedDriver):
        async def delete(self, path: str) -> None:
            if path == "/sticky":
                raise AccessDeniedError
            await super().delete(path)

    driver = Sticky()
    driver.files = {"/a": b"", "/sticky": b"", "/d/x": b"", "/z": b""}
    with pytest.raises(BatchDeleteError) as caught:
        await ops.delete_files_one_by_one(driver, ["/a", "/none", "/sticky", "/d", "/z"])

    assert ["/sticky"] == list(caught.value.failures)
    assert {"/sticky", "/d/x"} == set(driver.files)


async def test_what_a_driver_lacks() -> None:
    """The ready bodies say no, each in its own way."""
    assert None is await ops.no_redirect("/a", method="HEAD")  # type: ignore[func-returns-value]
    assert None is await ops.no_local_path("/a")  # type: ignore[func-returns-value]
    assert [] == [upload async for upload in ops.no_uploads("/")]
    ops.refuse_precondition(None)
    ops.refuse_resume_token(None)
    with pytest.raises(UnsupportedOperationError, match="CreateOnly"):
        ops.refuse_precondition(CreateOnly())
    with pytest.raises(UnsupportedOperationError, match="resume tokens"):
        ops.refuse_resume_token("token")
    with pytest.raises(UnsupportedOperationError, match=re.escape("/a")):
        await ops.refuse_abort(UploadInfo(path="/a", upload_id="1"))
