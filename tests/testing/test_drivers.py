"""The failing, the slow and the counting driver do what they say."""

from __future__ import annotations

import time
from inspect import isabstract
from typing import TYPE_CHECKING, Any

import pytest

from holdfast.storage import StorageDriver
from holdfast.storage.driver import FileWriter
from holdfast.storage.drivers.inmemory import InMemoryDriver
from holdfast.storage.errors import (
    AccessDeniedError,
    BatchDeleteError,
    PathNotFoundError,
    StorageUnavailableError,
    ThrottledError,
)
from holdfast.storage.layers import compose
from holdfast.testing import (
    CountingDriver,
    Fault,
    FaultPlan,
    FaultyDriver,
    InterceptingDriver,
    RandomFaults,
    SlowDriver,
)
from holdfast.testing.drivers.interception import OPERATIONS, InterceptingWriter, Step
from holdfast.testing.iteration import collect
from holdfast.testing.suite.acts import keep_unfinished, read, write

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

pytestmark = pytest.mark.anyio


async def _everything(driver: StorageDriver) -> None:
    """Every operation, once."""
    await driver.put_content("/d/file", b"content")
    await driver.get_content("/d/file")
    await read(driver, "/d/file")
    await driver.stat("/d/file")
    await driver.list("/d")
    await collect(driver.walk("/"))
    await driver.redirect_url("/d/file")
    await driver.local_path("/d/file")
    await keep_unfinished(driver, "/d/unfinished", b"x")
    for upload in await collect(driver.list_uploads("/")):
        await driver.abort_upload(upload)
    await write(driver, "/d/written", [b"x"])
    writer = await driver.writer("/d/cancelled")
    await writer.cancel()
    await driver.move("/d/written", "/d/moved")
    await driver.delete_files(["/d/moved", "/d/file"])
    await driver.put_content("/d/file", b"content")
    await driver.delete("/d")


# Interception ---------------------------------------------------------------------------------


def test_interception_leaves_no_method_out() -> None:
    """Each method of the contract that does something is intercepted; only what says something is forwarded."""
    said = {"name", "capabilities", "aclose", "size", "resume_token"}

    assert StorageDriver.__abstractmethods__ - said <= vars(InterceptingDriver).keys()
    assert FileWriter.__abstractmethods__ - said <= vars(InterceptingWriter).keys()
    assert isabstract(InterceptingDriver)


async def test_all_operations_are_intercepted() -> None:
    """Everything that can be done is seen, by the names that are documented."""
    driver = CountingDriver(InMemoryDriver(), parts=True)
    await _everything(driver)

    assert set(OPERATIONS) == set(driver.counts)


@pytest.mark.parametrize("place", ["inside the layers", "outside of the layers"])
@pytest.mark.parametrize("wrap", [CountingDriver, FaultyDriver, lambda driver: SlowDriver(driver, 0)])
async def test_wrappers_change_nothing_by_themselves(
    wrap: Callable[[StorageDriver], StorageDriver], place: str
) -> None:
    """Inside or outside of the layers, a wrapped driver does all that the driver does, and says the same of itself."""
    raw = InMemoryDriver()
    driver = compose(wrap(raw)) if place.startswith("inside") else wrap(compose(raw))
    await _everything(compose(driver))

    assert raw.capabilities == driver.capabilities
    assert raw.name == driver.name
    assert [] == await driver.list("/")


# Counting -------------------------------------------------------------------------------------


async def test_calls_are_counted_and_recorded() -> None:
    """Operations in their order, by path; a failing call is a call, chunks and closing aren't."""
    driver = CountingDriver(InMemoryDriver())
    await write(driver, "/a", [b"x", b"y"])
    await read(driver, "/a")
    await driver.move("/a", "/b")
    await driver.delete_files(["/b", "/c"])
    with pytest.raises(PathNotFoundError):
        await driver.stat("/missing")

    assert [
        ("writer", "/a"),
        ("commit", "/a"),
        ("reader", "/a"),
        ("move", "/a"),
        ("delete_files", "/b"),
        ("stat", "/missing"),
    ] == driver.calls
    driver.expect({"writer": 1, "commit": 1, "reader": 1, "move": 1, "delete_files": 1, "stat": 1})
    assert ([], {}) == (driver.calls, driver.counts)


async def test_unexpected_calls_are_shown() -> None:
    """An assertion that fails lists the calls, and forgets them for the next one."""
    driver = CountingDriver(InMemoryDriver())
    await driver.put_content("/a", b"x")
    await driver.get_content("/a")

    with pytest.raises(AssertionError, match=r"expected the calls \{'stat': 1\}.*\n  put_content /a\n  get_content /a"):
        driver.expect({"stat": 1})
    driver.expect({})


# Slowness -------------------------------------------------------------------------------------


async def test_slow_driver_takes_its_time() -> None:
    """Each call takes the delay, give or take its jitter."""
    driver = SlowDriver(InMemoryDriver(), 0.02, jitter=0.1)
    started = time.monotonic()
    for _ in range(5):
        await driver.stat("/")

    assert time.monotonic() - started > 5 * 0.02 * 0.8


# Faults -----------------------------------------------------------------------------------------


async def test_nth_call_of_an_operation_fails() -> None:
    """Only so many calls in a row fail, from the nth on, on matching paths."""
    driver = FaultyDriver(InMemoryDriver(), Fault(op="put_content", path="/a/*", nth=2, times=2, error=ThrottledError))
    outcomes = []
    for path in ("/a/1", "/b/1", "/a/2", "/b/2", "/a/3", "/a/4"):
        try:
            await driver.put_content(path, b"x")
        except ThrottledError:
            outcomes.append(path)

    assert ["/a/2", "/a/3"] == outcomes
    assert 2 == driver.injected
    assert ["/a/1", "/a/4"] == await driver.list("/a")


async def test_fault_after_the_effect_has_the_effect() -> None:
    """What happened stays, though its answer was lost."""
    driver = FaultyDriver(InMemoryDriver(), Fault(op="*", when="after", times=None))
    with pytest.raises(StorageUnavailableError):
        await driver.put_content("/a", b"x")
    driver.plan = FaultPlan()

    assert b"x" == await driver.get_content("/a")


async def test_streams_break_off_within() -> None:
    """So many bytes pass, whatever the chunks; a stream that is shorter is whole; `nth` counts streams."""
    driver = FaultyDriver(
        InMemoryDriver(),
        Fault(op="write", when="within", keep=5),
        Fault(op="read", when="within", keep=3, nth=2, error=AccessDeniedError),
    )
    writer = await driver.writer("/a")
    await writer.write(b"123")
    with pytest.raises(StorageUnavailableError):
        await writer.write(b"456")
    await writer.commit()
    seen = bytearray()

    async def look() -> None:
        async with driver.reader("/a", offset=1) as chunks:
            async for chunk in chunks:
                seen.extend(chunk)

    assert b"12345" == await read(driver, "/a")
    with pytest.raises(AccessDeniedError):
        await look()
    assert b"234" == bytes(seen)
    assert b"12345" == await read(driver, "/a")


@pytest.mark.parametrize("when", ["before", "after"])
async def test_batch_fails_for_the_paths_that_match(when: Any) -> None:
    """The others are deleted; those named are there still, or gone if it failed afterwards."""
    driver = FaultyDriver(InMemoryDriver(), Fault(op="delete_files", path="/a/*", times=None, when=when))
    for path in ("/a/1", "/a/2", "/b/1"):
        await driver.put_content(path, b"x")
    with pytest.raises(BatchDeleteError) as caught:
        await driver.delete_files(["/a/1", "/b/1", "/a/2"])

    assert {"/a/1", "/a/2"} == caught.value.failures.keys()
    assert (["/a"] if when == "before" else []) == await driver.list("/")


async def test_random_faults_are_the_same_for_a_seed() -> None:
    """A bad day can be repeated, and is one."""

    async def outcomes(seed: int) -> list[bool]:
        driver = FaultyDriver(InMemoryDriver(), RandomFaults(seed=seed, probability=0.3, ops=["stat"]))
        return [await _fails(lambda: driver.stat("/")) for _ in range(100)]

    first = await outcomes(1)

    assert first == await outcomes(1)
    assert first != await outcomes(2)
    assert 20 < sum(first) < 80


@pytest.mark.parametrize(
    "fault",
    [{"op": "nothing"}, {"op": "stat", "when": "within"}, {"op": "read", "keep": 5}, {"op": "put_content", "keep": 5}],
)
def test_impossible_fault_is_refused(fault: dict[str, Any]) -> None:
    """A fault that could never happen would make a test that tests nothing."""
    with pytest.raises(ValueError, match=r"no operation|streams|within"):
        Fault(**fault)


def test_plan_and_faults_are_not_mixed() -> None:
    """One plan, or faults."""
    with pytest.raises(ValueError, match="one plan, or faults"):
        FaultyDriver(InMemoryDriver(), FaultPlan(), Fault(op="stat"))


async def test_own_interception_sees_what_is_written_and_read() -> None:
    """A stranger's wrapper gets paths and data of each step."""
    steps: list[Step] = []

    class Watching(InterceptingDriver):
        async def before(self, step: Step) -> None:
            steps.append(step)

        async def after(self, step: Step) -> None:
            del step

    driver = Watching(InMemoryDriver())
    await write(driver, "/a", [b"data"])
    await driver.move("/a", "/b")
    await read(driver, "/b")

    assert [b"data", b"data"] == [bytes(step.data) for step in steps if step.data]
    assert ("/a", "/b") == next(step.paths for step in steps if step.op == "move")


async def _fails(call: Callable[[], Coroutine[Any, Any, object]]) -> bool:
    try:
        await call()
    except StorageUnavailableError:
        return True
    return False
