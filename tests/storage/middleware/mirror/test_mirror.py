from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from holdfast.storage import CreateOnly, create
from holdfast.storage.drivers.inmemory import InMemoryDriver
from holdfast.storage.errors import (
    AccessDeniedError,
    BatchDeleteError,
    InvalidParameterError,
    PathNotFoundError,
    PreconditionFailedError,
    StorageUnavailableError,
)
from holdfast.storage.middleware.mirror import Mirror
from holdfast.storage.middleware.mirror.options import MirrorOptions
from holdfast.testing import Fault, FaultPlan
from holdfast.testing.suite.acts import MIB, keep_unfinished, random_bytes, read, walked, write
from tests.storage.middleware.counters import growth
from tests.storage.middleware.mirror.mirrored import Mirrored

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from holdfast.storage import FileWriter, StorageDriver

pytestmark = pytest.mark.anyio

_LARGE = random_bytes(2 * MIB + 5)


# Writing ----------------------------------------------------------------------------------------


async def test_everything_is_in_both(both: Mirrored) -> None:
    """However it was written, moved or appended to."""
    await both.driver.put_content("/put", b"put")
    await both.driver.put_content("/created", b"created", precondition=CreateOnly())
    await write(both.driver, "/written", [_LARGE])
    token = await keep_unfinished(both.driver, "/unfinished", b"begun, ")
    writer = await both.driver.writer("/unfinished", append=True, resume_token=token)
    await writer.write(b"ended")
    await writer.commit()
    await both.driver.move("/put", "/moved")

    assert (b"put", b"put") == await both.contents("/moved")
    assert (b"created", b"created") == await both.contents("/created")
    assert (_LARGE, _LARGE) == await both.contents("/written")
    assert (b"begun, ended",) * 2 == await both.contents("/unfinished")
    assert (None, None) == await both.contents("/put")


_WRITES: dict[str, Callable[[StorageDriver], Awaitable[object]]] = {
    "put_content": lambda driver: driver.put_content("/file", b"new"),
    "writer": lambda driver: write(driver, "/file", [b"new"]),
    "write": lambda driver: write(driver, "/file", [b"new"]),
    "commit": lambda driver: write(driver, "/file", [b"new"]),
    "move": lambda driver: driver.move("/other", "/file"),
}


@pytest.mark.parametrize("op", _WRITES)
async def test_what_the_second_store_refuses_is_an_error(both: Mirrored, op: str) -> None:
    """Nothing is acknowledged that isn't in both, and what was there stays readable."""
    await both.driver.put_content("/file", b"old")
    await both.driver.put_content("/other", b"new")
    both.fail(both.two, op)
    with pytest.raises(StorageUnavailableError):
        await _WRITES[op](both.driver)
    both.fail(both.two)

    assert b"old" == await both.driver.get_content("/file")
    await _WRITES[op](both.driver)
    assert (b"new", b"new") == await both.contents("/file")


@pytest.mark.parametrize("op", _WRITES)
async def test_what_the_second_store_refuses_is_told_where_it_need_not_have_it(primary: Mirrored, op: str) -> None:
    """The write counts, the log says what is missing."""
    await primary.driver.put_content("/other", b"new")
    primary.fail(primary.two, op)
    with capture_logs() as logs:
        await _WRITES[op](primary.driver)
    primary.fail(primary.two)

    assert b"new" == (await primary.contents("/file"))[0]
    assert b"new" == await primary.driver.get_content("/file")
    assert "the second of two mirrored stores lacks a write" in {line["event"] for line in logs}


@pytest.mark.parametrize("required", ["both", "primary"])
@pytest.mark.parametrize("op", _WRITES)
async def test_what_the_first_store_refuses_is_an_error_always(required: str, op: str) -> None:
    """It is what must have everything."""
    mirrored = Mirrored(required)
    await mirrored.driver.put_content("/other", b"new")
    mirrored.fail(mirrored.one, op)
    with pytest.raises(StorageUnavailableError):
        await _WRITES[op](mirrored.driver)
    await mirrored.driver.aclose()


async def test_the_first_store_decides_conditions(both: Mirrored) -> None:
    """Of many that create a path one wins, and both have its content; versions are the first store's."""
    contents = [b"%d" % number for number in range(8)]

    async def create_file(content: bytes) -> bool:
        try:
            await both.driver.put_content("/file", content, precondition=CreateOnly())
        except PreconditionFailedError:
            return False
        return True

    won = await asyncio.gather(*(create_file(content) for content in contents))
    winner = contents[won.index(True)]

    assert 1 == sum(won)
    assert (winner, winner) == await both.contents("/file")


async def _write_on(writer: FileWriter, content: bytes, step: int) -> None:
    for at in range(writer.size, len(content), step):
        await writer.write(content[at : at + step])


@pytest.mark.parametrize("ahead", ["one", "two"])
async def test_a_write_goes_on_where_one_store_lags(both: Mirrored, ahead: str) -> None:
    """The size is what both have; the bytes that are sent again aren't written twice."""
    lagging = both.two if ahead == "one" else both.one
    lagging.plan = FaultPlan(faults=[Fault(op="write", when="within", keep=100_000)])
    writer = await both.driver.writer("/file")
    with pytest.raises(StorageUnavailableError):
        await _write_on(writer, _LARGE, 30_000)
    await writer.close()
    writer = await both.driver.writer("/file", append=True)
    assert 90_000 <= writer.size <= 100_000
    await _write_on(writer, _LARGE, 11_111)
    await writer.commit()

    assert (_LARGE, _LARGE) == await both.contents("/file")


# Reading ----------------------------------------------------------------------------------------

_READS: dict[str, Callable[[StorageDriver], Awaitable[object]]] = {
    "get_content": lambda driver: driver.get_content("/d/file"),
    "reader": lambda driver: read(driver, "/d/file"),
    "stat": lambda driver: driver.stat("/d/file"),
    "list": lambda driver: driver.list("/d"),
    "walk": lambda driver: walked(driver, "/d"),
}


@pytest.mark.parametrize("op", _READS)
async def test_a_store_that_fails_is_stood_in_for(both: Mirrored, op: str) -> None:
    """While either fails everything can be read from the other."""
    await both.driver.put_content("/d/file", b"content")
    expected = await _READS[op](both.driver)
    for store in (both.one, both.two):
        both.fail(store, op)
        found = await _READS[op](both.driver)

        assert getattr(expected, "size", expected) == getattr(found, "size", found)


@pytest.mark.parametrize(("store", "op"), [("primary", "get_content"), ("primary", "list"), ("second", "list")])
async def test_failures_that_nobody_notices_are_counted(both: Mirrored, store: str, op: str) -> None:
    """The other store answers, so this alone tells that one is lost; one that works isn't accused."""
    await both.driver.put_content("/d/file", b"content")
    both.fail(both.one if store == "primary" else both.two, op)
    primary, second = growth("mirror_failures", store="primary"), growth("mirror_failures", store="second")
    await _READS[op](both.driver)

    assert (store == "primary", store == "second") == (primary(), second())


async def test_writes_that_the_second_store_lacks_are_counted(primary: Mirrored) -> None:
    """Each is one that a repair has to make good."""
    primary.fail(primary.two, "put_content")
    failures = growth("mirror_failures", store="second")
    await primary.driver.put_content("/file", b"content")

    assert 1 == failures()


@pytest.mark.parametrize("op", _READS)
@pytest.mark.parametrize("failing", ["one", "two"])
async def test_an_error_never_becomes_absence(both: Mirrored, op: str, failing: str) -> None:
    """Where one store fails and the other lacks the file, it may be there: that is an error."""
    both.fail(both.one if failing == "one" else both.two, op, error=AccessDeniedError)

    with pytest.raises(AccessDeniedError):
        await _READS[op](both.driver)


@pytest.mark.parametrize("op", _READS)
async def test_what_neither_has_is_not_found(both: Mirrored, op: str) -> None:
    """Both say so."""
    with pytest.raises(PathNotFoundError):
        await _READS[op](both.driver)


@pytest.mark.parametrize("op", ["list", "walk"])
async def test_a_second_store_that_may_lag_does_not_list_for_the_first(primary: Mirrored, op: str) -> None:
    """What it lists might not be all."""
    await primary.driver.put_content("/d/file", b"content")
    primary.fail(primary.one, op)

    with pytest.raises(StorageUnavailableError):
        await _READS[op](primary.driver)


async def test_listings_show_what_either_has(both: Mirrored) -> None:
    """In byte order, once, and within limits."""
    await both.driver.put_content("/d/b", b"x")
    await both.one.inner.put_content("/d/c/e", b"x")
    for path in ("/d/a", "/d/c-d", "/d/z"):
        await both.two.inner.put_content(path, b"x")

    assert ["/d/a", "/d/b", "/d/c", "/d/c-d", "/d/z"] == await both.driver.list("/d")
    assert ["/d/b", "/d/c"] == await both.driver.list("/d", start_after="/d/a", limit=2)
    assert [] == await both.driver.list("/d", limit=0)
    assert ["/d/a", "/d/b", "/d/c-d", "/d/c/e", "/d/z"] == await walked(both.driver, "/d")
    assert ["/d/c/e", "/d/z"] == await walked(both.driver, "/d", start_after="/d/c-z")


# Deleting ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("required", ["both", "primary"])
@pytest.mark.parametrize("failing", ["one", "two"])
async def test_a_deletion_that_one_store_refuses_is_an_error(required: str, failing: str) -> None:
    """It can be repeated, and then the file is gone from both; until then it is as before or gone, never an error."""
    mirrored = Mirrored(required)
    store = mirrored.one if failing == "one" else mirrored.two
    for op in ("delete", "delete_files"):
        await mirrored.driver.put_content("/file", b"content")
        mirrored.fail(store, op)
        with pytest.raises((StorageUnavailableError, BatchDeleteError)):
            await (mirrored.driver.delete("/file") if op == "delete" else mirrored.driver.delete_files(["/file"]))
        mirrored.fail(store)
        assert b"content" == await mirrored.driver.get_content("/file")
        await (mirrored.driver.delete("/file") if op == "delete" else mirrored.driver.delete_files(["/file"]))
        await mirrored.middleware.settle()

        assert (None, None) == await mirrored.contents("/file")
    await mirrored.driver.aclose()


async def test_what_one_store_has_can_be_deleted(both: Mirrored) -> None:
    """Only where neither has anything there is nothing to delete."""
    await both.one.inner.put_content("/one", b"x")
    await both.two.inner.put_content("/two", b"x")
    await both.driver.delete("/one")
    await both.driver.delete("/two")

    with pytest.raises(PathNotFoundError):
        await both.driver.delete("/one")
    assert [] == await both.driver.list("/")


async def test_uploads_that_only_the_second_store_has_are_found(both: Mirrored) -> None:
    """And thrown away."""
    await keep_unfinished(both.driver, "/both", b"x")
    await keep_unfinished(both.two.inner, "/two", b"x")
    uploads = [upload async for upload in both.driver.list_uploads("/")]
    assert ["/both", "/two"] == sorted(upload.path for upload in uploads)
    for upload in uploads:
        await both.driver.abort_upload(upload)

    for store in (both.driver, both.one, both.two):
        assert [] == [upload async for upload in store.list_uploads("/")]


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"storage": {}},
        {"storage": {"inmemory": {}, "filesystem": {}}},
        {"storage": {"inmemory": {}}, "required": "second"},
    ],
)
def test_wrong_options_are_told(parameters: dict[str, Any]) -> None:
    """One second store is needed, and a rule that exists."""
    with pytest.raises(InvalidParameterError):
        create("inmemory", {}, middleware=[("mirror", parameters)])


async def test_parameters_of_the_second_store_are_not_shown() -> None:
    """They may be secret: neither the options nor the driver tell them."""
    parameters = {"storage": {"s3": {"secretkey": "a secret", "bucket": "b"}}}
    options = MirrorOptions.model_validate(parameters)
    driver = Mirror(InMemoryDriver(), options, second=InMemoryDriver())

    assert "a secret" not in f"{options!r} {options} {driver!r}"
    assert "s3" in repr(options)
    await driver.aclose()
