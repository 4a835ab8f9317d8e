"""Errors: each says what it is, and only "not found" means that nothing is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from holdfast.storage.errors import (
    AccessDeniedError,
    BatchDeleteError,
    PathNotFoundError,
    StorageError,
    StorageUnavailableError,
    UnexpectedStorageError,
)
from holdfast.storage.ops import copy_content, exists, opened_writer
from holdfast.testing.drivers import Fault, FaultPlan, FaultyDriver
from holdfast.testing.drivers.interception import InterceptingDriver, Step
from holdfast.testing.suite.acts import (
    MIB,
    content_or_none,
    keep_unfinished,
    make_files,
    random_bytes,
    read,
    upload_paths,
    walked,
    write,
)
from holdfast.testing.suite.base import SuiteBase, certified, requires

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from holdfast.storage.driver import StorageDriver
    from holdfast.testing.store import Store

__all__ = ["Failing"]

_CALLS: dict[str, Callable[[StorageDriver, str], Awaitable[Any]]] = {
    "get_content": lambda driver, scratch: driver.get_content(f"{scratch}/file"),
    "put_content": lambda driver, scratch: driver.put_content(f"{scratch}/file", b"new"),
    "reader": lambda driver, scratch: read(driver, f"{scratch}/file"),
    "read": lambda driver, scratch: read(driver, f"{scratch}/file"),
    "writer": lambda driver, scratch: write(driver, f"{scratch}/file", [b"new"]),
    "write": lambda driver, scratch: write(driver, f"{scratch}/file", [b"new"]),
    "commit": lambda driver, scratch: write(driver, f"{scratch}/file", [b"new"]),
    "stat": lambda driver, scratch: driver.stat(f"{scratch}/file"),
    "exists": lambda driver, scratch: exists(driver, f"{scratch}/file"),
    "list": lambda driver, scratch: driver.list(scratch),
    "walk": walked,
    "move": lambda driver, scratch: driver.move(f"{scratch}/file", f"{scratch}/moved"),
    "delete": lambda driver, scratch: driver.delete(f"{scratch}/file"),
}
"""An operation, and a call that comes to it."""


@dataclass(frozen=True, slots=True)
class _Failing:
    """The driver under test, and the wrapper inside of its layers that makes it fail."""

    driver: StorageDriver
    faults: FaultyDriver

    def fail(self, *faults: Fault) -> None:
        """Fail like this from now on; without arguments, no more."""
        self.faults.plan = FaultPlan(faults=faults)


class Failing(SuiteBase):
    """Failures: the driver's own, and those injected between it and the layers."""

    @pytest.fixture
    async def failing(self, store: Store) -> AsyncIterator[_Failing]:
        """The driver under test, which can be made to fail."""
        made: list[FaultyDriver] = []

        def around(driver: StorageDriver) -> StorageDriver:
            made.append(FaultyDriver(driver))
            return made[0]

        async with certified(store, around) as driver:
            yield _Failing(driver, made[0])

    async def test_not_found_says_where(self, driver: StorageDriver, scratch: str) -> None:
        """An error carries driver, operation and path, and shows them; it isn't worth a retry."""
        path = f"{scratch}/missing"
        calls: dict[str, Callable[[], Awaitable[Any]]] = {
            "get_content": lambda: driver.get_content(path),
            "stat": lambda: driver.stat(path),
            "list": lambda: driver.list(path),
            "delete": lambda: driver.delete(path),
            "reader": lambda: read(driver, path),
            "walk": lambda: walked(driver, path),
        }
        for op, call in calls.items():
            with pytest.raises(PathNotFoundError) as caught:
                await call()

            assert (driver.name, op, path) == (caught.value.driver, caught.value.op, caught.value.path)
            assert not caught.value.retryable
            assert str(caught.value).startswith(f"{driver.name}: {op} {path}")

    @pytest.mark.parametrize("op", _CALLS)
    @pytest.mark.parametrize("error", [StorageUnavailableError, AccessDeniedError])
    async def test_failure_is_told_as_what_it_is(
        self, failing: _Failing, scratch: str, op: str, error: type[StorageError]
    ) -> None:
        """A failing backend is neither "not found" nor an empty answer, and the content stands."""
        await make_files(failing.driver, [f"{scratch}/file"], b"old")
        failing.fail(Fault(op="stat" if op == "exists" else op, error=error))
        with pytest.raises(error) as caught:
            await _CALLS[op](failing.driver, scratch)
        failing.fail()

        assert failing.driver.name == caught.value.driver
        assert b"old" == await failing.driver.get_content(f"{scratch}/file")
        assert [f"{scratch}/file"] == await failing.driver.list(scratch)

    @requires("list_uploads")
    async def test_failure_to_list_uploads_is_told(self, failing: _Failing, scratch: str) -> None:
        """A failing search for uploads isn't "none", and a failed abort leaves what it was to remove."""
        await keep_unfinished(failing.driver, f"{scratch}/file", b"x")
        async for upload in failing.driver.list_uploads(scratch):
            failing.fail(Fault(op="abort_upload"), Fault(op="list_uploads"))
            with pytest.raises(StorageUnavailableError):
                await failing.driver.abort_upload(upload)
        with pytest.raises(StorageUnavailableError):
            await upload_paths(failing.driver, scratch)

        assert [f"{scratch}/file"] == await upload_paths(failing.driver, scratch)

    async def test_unmapped_failure_is_an_unexpected_storage_error(self, store: Store, scratch: str) -> None:
        """An exception that isn't ours is wrapped, with its cause: no caller has to know a backend's own errors."""
        async with certified(store, _Buggy) as driver:
            for path in ("/", f"{scratch}/missing"):
                with pytest.raises(UnexpectedStorageError) as caught:
                    await driver.stat(path)

                assert isinstance(caught.value.__cause__, ZeroDivisionError)

    async def test_lost_answer_to_a_put_leaves_the_new_content(self, failing: _Failing, scratch: str) -> None:
        """A put whose answer is lost fails and happened; doing it again is harmless."""
        await make_files(failing.driver, [f"{scratch}/file"], b"old")
        failing.fail(Fault(op="put_content", when="after"))
        with pytest.raises(StorageUnavailableError):
            await failing.driver.put_content(f"{scratch}/file", b"new")

        assert b"new" == await failing.driver.get_content(f"{scratch}/file")
        await failing.driver.put_content(f"{scratch}/file", b"new")
        assert b"new" == await failing.driver.get_content(f"{scratch}/file")

    async def test_failed_commit_can_be_cancelled(self, failing: _Failing, scratch: str) -> None:
        """After a commit that failed the old content stands, and the write can be thrown away."""
        await make_files(failing.driver, [f"{scratch}/file"], b"old")
        failing.fail(Fault(op="commit"))
        async with opened_writer(failing.driver, f"{scratch}/file") as writer:
            await writer.write(b"new")
            with pytest.raises(StorageUnavailableError):
                await writer.commit()
            assert b"old" == await failing.driver.get_content(f"{scratch}/file")
            await writer.cancel()

        assert b"old" == await failing.driver.get_content(f"{scratch}/file")

    async def test_failed_commit_can_be_continued(self, failing: _Failing, scratch: str) -> None:
        """What was written before a failed commit is kept by close, and committed by a later writer."""
        failing.fail(Fault(op="commit"))
        with pytest.raises(StorageUnavailableError):
            await write(failing.driver, f"{scratch}/file", [random_bytes(MIB)])

        assert None is await content_or_none(failing.driver, f"{scratch}/file")
        assert MIB + 1 == await write(failing.driver, f"{scratch}/file", [b"!"], append=True)
        assert random_bytes(MIB) + b"!" == await failing.driver.get_content(f"{scratch}/file")

    async def test_write_broken_off_can_be_continued_from_its_size(self, failing: _Failing, scratch: str) -> None:
        """After a connection was lost in the middle of a write, the next writer's size says where to go on."""
        content = random_bytes(MIB)
        failing.fail(Fault(op="write", when="within", keep=300_000))
        with pytest.raises(StorageUnavailableError):
            await write(failing.driver, f"{scratch}/file", [content])
        failing.fail()
        assert None is await content_or_none(failing.driver, f"{scratch}/file")
        async with opened_writer(failing.driver, f"{scratch}/file", append=True) as writer:
            assert 300_000 == writer.size
            await writer.write(content[writer.size :])
            await writer.commit()

        assert content == await failing.driver.get_content(f"{scratch}/file")

    async def test_read_broken_off_does_not_end_like_a_whole_one(self, failing: _Failing, scratch: str) -> None:
        """A stream that breaks off raises after the part that came; a copy of it leaves nothing behind."""
        content = random_bytes(2 * MIB)
        await failing.driver.put_content(f"{scratch}/file", content)
        failing.fail(Fault(op="read", when="within", keep=300_000, times=None))
        seen = bytearray()

        async def look() -> None:
            async with failing.driver.reader(f"{scratch}/file") as chunks:
                async for chunk in chunks:
                    seen.extend(chunk)

        with pytest.raises(StorageUnavailableError):
            await look()
        with pytest.raises(StorageUnavailableError):
            await copy_content(failing.driver, f"{scratch}/file", failing.driver, f"{scratch}/copy")

        assert content[:300_000] == bytes(seen)
        assert [f"{scratch}/file"] == await failing.driver.list(scratch)
        with pytest.raises(PathNotFoundError):
            await failing.driver.writer(f"{scratch}/copy", append=True)

    async def test_failed_batch_names_what_is_left(self, failing: _Failing, scratch: str) -> None:
        """Paths that couldn't be deleted are named, each with its error; all others are gone."""
        paths = [f"{scratch}/{number}" for number in range(6)]
        await make_files(failing.driver, paths)
        failing.fail(Fault(op="delete_files", path="*/[24]", times=None, error=AccessDeniedError))
        with pytest.raises(BatchDeleteError) as caught:
            await failing.driver.delete_files(paths)

        assert [paths[2], paths[4]] == sorted(caught.value.failures)
        assert {AccessDeniedError} == {type(error) for error in caught.value.failures.values()}
        assert [paths[2], paths[4]] == await failing.driver.list(scratch)


class _Buggy(InterceptingDriver):
    """Fails to describe anything, as a driver does that has a bug."""

    async def before(self, step: Step) -> None:
        if step.op == "stat":
            raise ZeroDivisionError

    async def after(self, step: Step) -> None:
        pass
