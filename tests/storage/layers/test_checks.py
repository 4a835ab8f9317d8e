from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from holdfast.storage.driver import Capabilities, CreateOnly, MatchVersion, UploadInfo
from holdfast.storage.errors import (
    InvalidOffsetError,
    InvalidPathError,
    InvalidResumeTokenError,
    StorageError,
    StorageFullError,
    UnsupportedOperationError,
    WriterClosedError,
)
from holdfast.storage.layers.checks import ChecksLayer
from tests.storage.fakes import ScriptedDriver, drain, read_through

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from holdfast.storage.driver import StorageDriver

pytestmark = pytest.mark.anyio


FILE_CALLS: dict[str, Callable[[StorageDriver, str], Awaitable[object]]] = {
    "get_content": lambda driver, path: driver.get_content(path),
    "put_content": lambda driver, path: driver.put_content(path, b""),
    "reader": lambda driver, path: read_through(driver.reader(path)),
    "writer": lambda driver, path: driver.writer(path),
    "move": lambda driver, path: driver.move(path, "/ok"),
    "delete_files": lambda driver, path: driver.delete_files(["/ok", path]),
    "abort_upload": lambda driver, path: driver.abort_upload(UploadInfo(path=path, upload_id="1")),
    "redirect_url": lambda driver, path: driver.redirect_url(path),
    "local_path": lambda driver, path: driver.local_path(path),
}
DIRECTORY_CALLS: dict[str, Callable[[StorageDriver, str], Awaitable[object]]] = {
    "stat": lambda driver, path: driver.stat(path),
    "list": lambda driver, path: driver.list(path),
    "walk": lambda driver, path: drain(driver.walk(path)),
    "delete": lambda driver, path: driver.delete(path),
    "list_uploads": lambda driver, path: drain(driver.list_uploads(path)),
}


@pytest.mark.parametrize("op", [*FILE_CALLS, *DIRECTORY_CALLS])
@pytest.mark.parametrize("path", ["", "a", "/a/", "//a", "/a/../b", "/a b", "/ä", "/a\n"])
async def test_an_invalid_path_reaches_no_driver(op: str, path: str) -> None:
    """Every operation refuses it, and the error tells the driver, operation and path."""
    inner = ScriptedDriver()
    call = (FILE_CALLS | DIRECTORY_CALLS)[op]
    with pytest.raises(InvalidPathError) as caught:
        await call(ChecksLayer(inner), path)

    assert [] == inner.script.calls
    assert ("scripted", op, path) == (caught.value.driver, caught.value.op, caught.value.path)


@pytest.mark.parametrize("op", FILE_CALLS)
async def test_the_root_is_no_file(op: str) -> None:
    """`/` is refused where a file is meant."""
    with pytest.raises(InvalidPathError):
        await FILE_CALLS[op](ChecksLayer(ScriptedDriver()), "/")


@pytest.mark.parametrize("op", DIRECTORY_CALLS)
async def test_the_root_is_a_directory(op: str) -> None:
    """`/` arrives where a directory is meant."""
    inner = ScriptedDriver()
    inner.files = {"/a": b""}
    inner.uploads = {"/a": b""}
    await DIRECTORY_CALLS[op](ChecksLayer(inner), "/")

    assert [op] == inner.script.calls


async def test_the_destination_of_a_move_is_checked() -> None:
    """Both paths of a move are held to the rule."""
    with pytest.raises(InvalidPathError, match="/b/"):
        await ChecksLayer(ScriptedDriver()).move("/a", "/b/")


@pytest.mark.parametrize("start_after", ["", "zzz", "/a/../", "/a b/ü"])
async def test_a_walk_starts_after_any_string(start_after: str) -> None:
    """`start_after` is a place in an order, not a path."""
    inner = ScriptedDriver()
    inner.files = {"/a": b""}
    found = [info.path async for info in ChecksLayer(inner).walk("/", start_after=start_after)]

    assert [path for path in ["/a"] if path > start_after] == found


@pytest.mark.parametrize(("offset", "length"), [(-1, None), (0, -1), (-5, -5)])
async def test_a_range_has_no_negative_numbers(offset: int, length: int | None) -> None:
    """A reader with one is refused on entering."""
    inner = ScriptedDriver()
    reader = ChecksLayer(inner).reader("/a", offset=offset, length=length)
    with pytest.raises(InvalidOffsetError, match="is negative"):
        await read_through(reader)

    assert [] == inner.script.calls


async def test_a_limit_is_not_negative() -> None:
    """A listing with a negative limit is refused, one of nothing is not."""
    driver = ChecksLayer(ScriptedDriver())
    with pytest.raises(InvalidOffsetError, match="limit -1 is negative"):
        await driver.list("/", limit=-1)

    assert [] == await driver.list("/", limit=0)


@pytest.mark.parametrize("op", ["list_uploads", "abort_upload", "create_only", "match_version", "resume_token"])
async def test_what_the_driver_is_not_able_to_do_is_refused(op: str) -> None:
    """A call whose capability is missing never arrives."""
    calls: dict[str, Callable[[StorageDriver], Awaitable[object]]] = {
        "list_uploads": lambda driver: drain(driver.list_uploads("/")),
        "abort_upload": lambda driver: driver.abort_upload(UploadInfo(path="/a", upload_id="1")),
        "create_only": lambda driver: driver.put_content("/a", b"", precondition=CreateOnly()),
        "match_version": lambda driver: driver.put_content("/a", b"", precondition=MatchVersion("1")),
        "resume_token": lambda driver: driver.writer("/a", append=True, resume_token="t"),
    }
    inner = ScriptedDriver(capabilities=Capabilities())
    with pytest.raises(UnsupportedOperationError) as caught:
        await calls[op](ChecksLayer(inner))

    assert [] == inner.script.calls
    assert "scripted" == caught.value.driver


async def test_one_precondition_does_not_stand_for_the_other() -> None:
    """A driver that can create only can't therefore match a version."""
    driver = ChecksLayer(ScriptedDriver(capabilities=Capabilities(put_create_only=True)))
    await driver.put_content("/a", b"", precondition=CreateOnly())
    with pytest.raises(UnsupportedOperationError, match="MatchVersion"):
        await driver.put_content("/a", b"", precondition=MatchVersion("1"))


@pytest.mark.parametrize("token", ["x" * 2049, "zwölf", "line\n", "\x00"])
async def test_a_resume_token_that_no_driver_makes_is_refused(token: str) -> None:
    """It is at most 2,048 printable ASCII characters."""
    with pytest.raises(InvalidResumeTokenError):
        await ChecksLayer(ScriptedDriver()).writer("/a", append=True, resume_token=token)


async def test_a_resume_token_goes_with_appending() -> None:
    """A write that starts anew continues nothing."""
    with pytest.raises(InvalidResumeTokenError, match="append"):
        await ChecksLayer(ScriptedDriver()).writer("/a", resume_token="token")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "get", ""])
async def test_only_what_the_driver_redirects_is_redirected(method: str) -> None:
    """`None` for any other method, and where the capability for this one is missing."""
    expected = {"GET": "https://example.invalid/a?GET", "HEAD": "https://example.invalid/a?HEAD"}
    able = Capabilities(redirect_get=True)

    assert expected.get(method) == await ChecksLayer(ScriptedDriver()).redirect_url("/a", method=method)
    assert (expected["GET"] if method == "GET" else None) == await ChecksLayer(
        ScriptedDriver(capabilities=able)
    ).redirect_url("/a", method=method)


async def test_no_local_files_is_none() -> None:
    """Without the capability, nobody asks the driver, not even whether the file exists."""
    inner = ScriptedDriver(capabilities=Capabilities())

    assert None is await ChecksLayer(inner).local_path("/a")
    assert [] == inner.script.calls


async def test_deleting_no_files_is_nothing_to_do() -> None:
    """An empty batch is no request."""
    inner = ScriptedDriver()
    await ChecksLayer(inner).delete_files([])

    assert [] == inner.script.calls


@pytest.mark.parametrize("end", ["close", "commit", "cancel"])
@pytest.mark.parametrize("then", ["write", "commit", "cancel"])
async def test_an_ended_writer_is_of_no_use(end: str, then: str) -> None:
    """After any of the three endings only `close`, `size` and `resume_token` are left."""
    inner = ScriptedDriver()
    writer = await ChecksLayer(inner).writer("/a")
    await writer.write(b"123")
    await getattr(writer, end)()
    arrived = list(inner.script.calls)
    with pytest.raises(WriterClosedError) as caught:
        await (writer.write(b"4") if then == "write" else getattr(writer, then)())
    await writer.close()

    assert arrived == inner.script.calls
    assert (3, "token") == (writer.size, writer.resume_token)
    assert ("scripted", then, "/a") == (caught.value.driver, caught.value.op, caught.value.path)


async def test_a_failed_ending_may_be_repeated() -> None:
    """A commit that failed didn't close: the writer can still be cancelled."""
    inner = ScriptedDriver()
    writer = await ChecksLayer(inner).writer("/a")
    inner.script.fail["commit"] = StorageFullError()
    with pytest.raises(StorageError):
        await writer.commit()
    await writer.cancel()

    assert ["writer", "commit", "cancel"] == inner.script.calls
