from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

import pytest

from holdfast.storage.driver import UploadInfo
from holdfast.storage.errors import (
    BatchDeleteError,
    PathNotFoundError,
    StorageError,
    StorageUnavailableError,
    ThrottledError,
    UnexpectedStorageError,
)
from holdfast.storage.layers.error_context import ErrorContextLayer
from tests.storage.fakes import ScriptedDriver, drain, read_through

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

    from holdfast.storage.driver import FileWriter, StorageDriver

pytestmark = pytest.mark.anyio


async def _end(driver: StorageDriver, call: Callable[[FileWriter], Awaitable[None]]) -> None:
    await call(await driver.writer("/a"))


# The operation as the driver's script has it, as the error tells it, and the call.
CALLS: list[tuple[str, str, Callable[[StorageDriver], Awaitable[object]]]] = [
    ("get_content", "get_content", lambda driver: driver.get_content("/a")),
    ("put_content", "put_content", lambda driver: driver.put_content("/a", b"")),
    ("reader", "reader", lambda driver: read_through(driver.reader("/a"))),
    ("chunk", "reader", lambda driver: read_through(driver.reader("/a"))),
    ("reader_exit", "reader", lambda driver: read_through(driver.reader("/a"))),
    ("writer", "writer", lambda driver: driver.writer("/a")),
    ("write", "write", lambda driver: _end(driver, lambda writer: writer.write(b""))),
    ("close", "close", lambda driver: _end(driver, lambda writer: writer.close())),
    ("commit", "commit", lambda driver: _end(driver, lambda writer: writer.commit())),
    ("cancel", "cancel", lambda driver: _end(driver, lambda writer: writer.cancel())),
    ("stat", "stat", lambda driver: driver.stat("/a")),
    ("list", "list", lambda driver: driver.list("/a")),
    ("walk", "walk", lambda driver: drain(driver.walk("/a"))),
    ("move", "move", lambda driver: driver.move("/a", "/b")),
    ("delete", "delete", lambda driver: driver.delete("/a")),
    ("delete_files", "delete_files", lambda driver: driver.delete_files(["/a"])),
    ("list_uploads", "list_uploads", lambda driver: drain(driver.list_uploads("/a"))),
    ("abort_upload", "abort_upload", lambda driver: driver.abort_upload(UploadInfo(path="/a", upload_id="1"))),
    ("redirect_url", "redirect_url", lambda driver: driver.redirect_url("/a")),
    ("local_path", "local_path", lambda driver: driver.local_path("/a")),
]
IDS = [call[0] for call in CALLS]


def _failing(op: str, error: BaseException) -> ScriptedDriver:
    driver = ScriptedDriver()
    driver.files = {"/a": b"content"}
    driver.uploads = {"/a": b"cont"}
    driver.script.fail[op] = error
    return driver


@pytest.mark.parametrize(("scripted", "op", "call"), CALLS, ids=IDS)
async def test_a_storage_error_tells_where_it_happened(
    scripted: str, op: str, call: Callable[[StorageDriver], Awaitable[object]]
) -> None:
    """Every operation fills in driver, operation and path, and leaves the error what it is."""
    error = ThrottledError("slow down", retry_after=3)
    with pytest.raises(ThrottledError) as caught:
        await call(ErrorContextLayer(_failing(scripted, error)))

    assert error is caught.value
    assert ("scripted", op, "/a") == (error.driver, error.op, error.path)
    assert f"scripted: {op} /a: slow down" == str(error)


@pytest.mark.parametrize(("scripted", "op", "call"), CALLS, ids=IDS)
async def test_any_other_error_becomes_one_of_ours(
    scripted: str, op: str, call: Callable[[StorageDriver], Awaitable[object]]
) -> None:
    """What the driver doesn't map is an `UnexpectedStorageError`, raised from it and never "not found"."""
    error = FileNotFoundError("a library's")
    with pytest.raises(UnexpectedStorageError, match="FileNotFoundError: a library's") as caught:
        await call(ErrorContextLayer(_failing(scripted, error)))

    assert error is caught.value.__cause__
    assert ("scripted", op, "/a") == (caught.value.driver, caught.value.op, caught.value.path)


@pytest.mark.parametrize("error", [asyncio.CancelledError(), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize(("scripted", "op", "call"), CALLS, ids=IDS)
async def test_cancellation_and_interrupts_pass(
    scripted: str, op: str, call: Callable[[StorageDriver], Awaitable[object]], error: BaseException
) -> None:
    """They are no errors of the driver."""
    del op
    with pytest.raises(type(error)) as caught:
        await call(ErrorContextLayer(_failing(scripted, error)))

    assert error is caught.value


async def test_what_the_driver_said_stands() -> None:
    """An error that tells its path keeps it: a move's may be about the destination."""
    with pytest.raises(PathNotFoundError) as caught:
        await ErrorContextLayer(_failing("move", PathNotFoundError(path="/b"))).move("/a", "/b")

    assert "/b" == caught.value.path


async def test_each_failure_of_a_batch_tells_its_own_path() -> None:
    """A `BatchDeleteError` and the errors in it are located."""
    failures: dict[str, StorageError] = {"/a": ThrottledError(), "/b": StorageUnavailableError()}
    with pytest.raises(BatchDeleteError) as caught:
        await ErrorContextLayer(_failing("delete_files", BatchDeleteError(failures))).delete_files(["/a", "/b", "/c"])

    assert "delete_files" == caught.value.op
    assert [("/a", "scripted"), ("/b", "scripted")] == [(error.path, error.driver) for error in failures.values()]


@pytest.mark.parametrize(
    "raised", [OSError("the consumer's"), PathNotFoundError("elsewhere"), asyncio.CancelledError()]
)
async def test_what_the_consumer_raises_passes_untouched(raised: BaseException) -> None:
    """It isn't located, wrapped or shown to the driver, and the reader is closed."""
    inner = _failing("nothing", OSError())

    async def consume() -> None:
        async with ErrorContextLayer(inner).reader("/a") as chunks:
            await anext(chunks)
            raise raised

    with pytest.raises(type(raised)) as caught:
        await consume()

    assert raised is caught.value
    assert None is getattr(raised, "driver", None)
    assert [None] == inner.readers_closed


async def test_a_reader_that_also_fails_to_close_is_a_note() -> None:
    """The consumer's exception wins; the failure to close isn't lost."""
    raised = ValueError("the consumer's")
    with pytest.raises(ValueError, match="the consumer's") as caught:
        async with ErrorContextLayer(_failing("reader_exit", OSError("broken pipe"))).reader("/a"):
            raise raised

    assert raised is caught.value
    assert ["closing the reader failed as well: scripted: reader /a: OSError: broken pipe"] == raised.__notes__


async def test_a_driver_that_raises_before_it_awaits_is_covered() -> None:
    """A driver's method may be a plain function that returns an awaitable."""

    class Eager(ScriptedDriver):
        def stat(self, path: str) -> Any:
            raise LookupError(path)

        def walk(self, path: str, *, start_after: str | None = None) -> AsyncIterator[Any]:
            raise LookupError(path, start_after)

        def reader(self, path: str, *, offset: int = 0, length: int | None = None) -> Any:
            raise LookupError(path, offset, length)

    driver = ErrorContextLayer(Eager())
    for call in (driver.stat("/a"), drain(driver.walk("/a")), read_through(driver.reader("/a"))):
        with pytest.raises(UnexpectedStorageError, match="LookupError"):
            await call


async def test_a_walk_left_early_is_closed_within() -> None:
    """Closing the outer iterator closes the driver's, with what it holds."""
    closed = []

    class Holding(ScriptedDriver):
        async def walk(self, path: str, *, start_after: str | None = None) -> AsyncIterator[Any]:
            try:
                yield await self.stat(path)
                yield start_after
            finally:
                closed.append(path)

    walk = ErrorContextLayer(Holding()).walk("/")
    async with aclosing(cast("AsyncGenerator[Any]", walk)):
        await anext(walk)

    assert ["/"] == closed


async def test_a_call_that_never_starts_leaves_nothing() -> None:
    """A task cancelled before its first step leaves no coroutine of an inner layer behind unawaited."""
    inner = ScriptedDriver()
    task = asyncio.ensure_future(ErrorContextLayer(inner).stat("/"))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert [] == inner.script.calls
