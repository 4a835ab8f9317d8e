"""What the driver makes of each thing that can go wrong on the way to Ceph, one at a time."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from holdfast.storage import StorageDriver
from holdfast.storage.drivers._objectstore import reader, retrying
from holdfast.storage.drivers.s3 import S3Driver, S3Options
from holdfast.storage.errors import (
    StorageError,
    StorageTimeoutError,
    StorageUnavailableError,
    ThrottledError,
)
from tests.services.fault_proxy import FaultProxy
from tests.services.faults import Fault, FaultPlan, Rule
from tests.storage.drivers.objectstore.bad_day import empty
from tests.storage.drivers.objectstore.troubled import MIB, Trouble

pytestmark = pytest.mark.anyio

_SMALL = os.urandom(1000)
_LARGE = os.urandom(6 * MIB)
_ROOT = "*/some/place"

Act = Callable[[StorageDriver], Awaitable[None]]


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trying again waits for nothing."""
    for module in (reader, retrying):
        monkeypatch.setattr(module, "pause", lambda _error, _attempt: 0.0)


@pytest.fixture
def trouble(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Trouble:
    """A fresh bucket on Ceph."""
    return Trouble.make("ceph", request, monkeypatch)


@asynccontextmanager
async def _troubled(trouble: Trouble, *rules: Rule) -> AsyncIterator[tuple[StorageDriver, FaultProxy]]:
    """Opens a driver to which the rules happen from now on; at the end the bucket can be emptied without them."""
    async with trouble.proxy(FaultPlan(rules=rules)) as proxy, trouble.driver(proxy) as driver:
        yield driver, proxy
        proxy.calm()
        await _assert_can_be_emptied(trouble, driver)


async def _assert_can_be_emptied(trouble: Trouble, driver: StorageDriver) -> None:
    """Checks that all that is left can be found and removed."""
    await empty(driver)
    assert [] == trouble.bucket.leftovers()


async def _put(driver: StorageDriver) -> None:
    await driver.put_content("/a", _SMALL)


async def _write_small(driver: StorageDriver) -> None:
    writer = await driver.writer("/a")
    await writer.write(_SMALL)
    await writer.commit()


async def _write_large(driver: StorageDriver) -> None:
    writer = await driver.writer("/a")
    await writer.write(_LARGE)
    await writer.commit()


async def _write_in_turns(driver: StorageDriver) -> None:
    writer = await driver.writer("/a")
    for start in range(0, len(_LARGE), 3 * MIB):
        await writer.write(_LARGE[start : start + 3 * MIB])
        await writer.close()
        writer = await driver.writer("/a", append=True)
    await writer.commit()


async def _append(driver: StorageDriver) -> None:
    await driver.put_content("/a", _LARGE[: 5 * MIB])
    writer = await driver.writer("/a", append=True)
    await writer.write(_LARGE[5 * MIB :])
    await writer.commit()


async def _move_small(driver: StorageDriver) -> None:
    await driver.put_content("/b", _SMALL)
    await driver.move("/b", "/a")


async def _move_large(driver: StorageDriver) -> None:
    await driver.put_content("/b", _LARGE)
    await driver.move("/b", "/a")


async def _delete(driver: StorageDriver) -> None:
    await driver.put_content("/d/a", _SMALL)
    await driver.put_content("/a", _SMALL)
    await driver.delete("/d")


_ACTS: dict[str, tuple[Act, bytes]] = {
    "put": (_put, _SMALL),
    "write a little": (_write_small, _SMALL),
    "write much": (_write_large, _LARGE),
    "write in turns": (_write_in_turns, _LARGE),
    "append": (_append, _LARGE),
    "move a little": (_move_small, _SMALL),
    "move much": (_move_large, _LARGE),
    "delete": (_delete, _SMALL),
}
_LOST = (Fault.RESET_AFTER, Fault.INTERNAL_ERROR_AFTER, Fault.TRUNCATED)


@pytest.mark.parametrize("name", _ACTS)
async def test_every_answer_is_lost_once(trouble: Trouble, name: str) -> None:
    """Whichever answer is lost, of whichever request, the driver does what it was asked for, once and whole."""
    act, content = _ACTS[name]
    async with _troubled(trouble) as (driver, proxy):
        for number in range(100):
            rule = Rule(faults=[_LOST[number % len(_LOST)]], after=number, times=1)
            proxy.plan = FaultPlan(rules=[rule])
            await act(driver)
            proxy.calm()

            assert content == await driver.get_content("/a")
            assert ["/a"] == await driver.list("/")
            await _assert_can_be_emptied(trouble, driver)
            if rule.times:
                return
    pytest.fail("there is no end to it")


@pytest.mark.parametrize("name", _ACTS)
async def test_the_store_fails_for_good(trouble: Trouble, name: str) -> None:
    """From whichever request on the store fails, the error is one of storage, and what is left can be found."""
    act, content = _ACTS[name]
    async with _troubled(trouble) as (driver, proxy):
        for number in range(100):
            proxy.plan = FaultPlan(rules=[Rule(faults=[Fault.RESET_BEFORE], after=number)])
            proxy.injected.clear()
            failed = await _fails(act(driver))
            proxy.calm()
            shown = [info async for info in driver.walk("/")]

            assert all(info.size in {len(_SMALL), len(_LARGE), 5 * MIB} for info in shown)
            assert failed or content == await driver.get_content("/a")
            await _assert_can_be_emptied(trouble, driver)
            if not proxy.injected:
                return
    pytest.fail("there is no end to it")


async def _fails(call: Awaitable[None]) -> bool:
    try:
        await call
    except StorageError:
        return True
    return False


@pytest.mark.parametrize("fault", [Fault.RESET_BEFORE, Fault.RESET_AFTER, Fault.RESET_SENDING])
async def test_each_request_is_sent_once(trouble: Trouble, fault: Fault) -> None:
    """Nobody below the driver repeats a request: that it may have been executed has to be known."""
    async with trouble.proxy(FaultPlan(rules=[Rule(faults=[fault], times=1, after=1)])) as proxy:
        parameters = trouble.bucket.parameters(regionendpoint=proxy.url)
        bucket = S3Driver(S3Options(**parameters))._bucket._inner
        await bucket.put("warm", b"")
        with pytest.raises(StorageUnavailableError):
            await bucket.put("key", _SMALL)
        await bucket.aclose()

        assert 2 == proxy.requests


@pytest.mark.parametrize("fault", [Fault.STALL, Fault.STALL_SENDING, Fault.STALL_AFTER])
@pytest.mark.parametrize("content", [_SMALL, _LARGE], ids=["little", "much"])
async def test_silence_is_a_timeout(
    trouble: Trouble, fault: Fault, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that stops in whichever moment of a write keeps nobody waiting for longer than the timeout."""
    monkeypatch.setattr(retrying, "_ATTEMPTS", 2)
    async with _troubled(trouble, Rule(faults=[fault], method="PUT")) as (driver, _):
        started = time.monotonic()
        with pytest.raises(StorageTimeoutError):
            async with asyncio.timeout(20):
                await driver.put_content("/a", content)

        assert time.monotonic() - started < 10


async def test_slow_is_no_timeout(trouble: Trouble) -> None:
    """A store that goes on taking content has all the time that it needs, many times the timeout."""
    async with trouble.proxy(FaultPlan()) as proxy, trouble.driver(proxy) as driver:
        proxy.rate = 24 * MIB  # what the kernel takes at once has to have gone on in time, too
        await driver.put_content("/a", _LARGE * 5)

        assert _LARGE * 5 == trouble.bucket.get("some/place/a")


@pytest.mark.parametrize("fault", [Fault.RESET_WITHIN, Fault.TRUNCATED, Fault.STALL_WITHIN, Fault.RESET_AFTER])
async def test_reading_goes_on(trouble: Trouble, fault: Fault) -> None:
    """Content whose connection breaks again and again comes whole, each byte once."""
    trouble.bucket.put("some/place/a", _LARGE)
    async with _troubled(trouble, Rule(faults=[fault], times=4, method="GET", target=f"{_ROOT}/a")) as (driver, proxy):
        async with driver.reader("/a", offset=1000) as chunks:
            content = b"".join([chunk async for chunk in chunks])

        assert _LARGE[1000:] == content
        assert 4 == proxy.injected[fault]
        assert _LARGE == await driver.get_content("/a")


@pytest.mark.parametrize("fault", [Fault.RESET_WITHIN, Fault.TRUNCATED])
async def test_nothing_short_is_read(trouble: Trouble, fault: Fault) -> None:
    """Content that never comes whole is an error, however it is read."""
    trouble.bucket.put("some/place/a", _SMALL)
    async with _troubled(trouble, Rule(faults=[fault], method="GET")) as (driver, _):
        with pytest.raises(StorageError):
            await driver.get_content("/a")
        for length in (None, 990):
            with pytest.raises(StorageError):
                async with driver.reader("/a", length=length) as chunks:
                    [chunk async for chunk in chunks]


@pytest.mark.parametrize("fault", [Fault.RESET_WITHIN, Fault.TRUNCATED, Fault.INTERNAL_ERROR])
async def test_nothing_short_is_listed(trouble: Trouble, fault: Fault) -> None:
    """A listing that never comes whole is an error; one that came whole in the end has everything."""
    for number in range(20):
        trouble.bucket.put(f"some/place/a/{number}", b"")
    expected = sorted(f"/a/{number}" for number in range(20))
    rule = Rule(faults=[fault], method="GET")
    async with _troubled(trouble, rule) as (driver, proxy):
        for listing in (driver.list("/a"), _walked(driver), _uploads(driver)):
            with pytest.raises(StorageError):
                await listing
        proxy.plan = FaultPlan(rules=[Rule(faults=[fault], method="GET", times=3)])

        assert expected == await driver.list("/a")
        assert expected == await _walked(driver)


async def _walked(driver: StorageDriver) -> list[str]:
    return [info.path async for info in driver.walk("/a")]


async def _uploads(driver: StorageDriver) -> list[str]:
    return [upload.path async for upload in driver.list_uploads("/")]


async def test_what_the_store_asks_for_is_told(trouble: Trouble) -> None:
    """Throttling that doesn't end is told as that, with how long the store asks to wait."""
    async with _troubled(trouble, Rule(faults=[Fault.SLOW_DOWN_RETRY_AFTER])) as (driver, proxy):
        proxy.retry_after = 7
        acts: list[Awaitable[object]] = [
            _put(driver),
            driver.get_content("/a"),
            driver.stat("/a"),
            driver.list("/a"),
            driver.delete("/a"),
            _write_large(driver),
        ]
        for act in acts:
            with pytest.raises(ThrottledError) as told:
                await act

            assert 7 == told.value.retry_after


@pytest.mark.parametrize(
    "rule", [{"method": "POST", "target": "*uploadId=*"}, {"header": "x-amz-copy-source"}], ids=str
)
async def test_an_error_in_a_success(trouble: Trouble, rule: dict[str, str]) -> None:
    """An error under the status 200, which S3 sends when a request takes long, isn't taken for a success."""
    act = _write_large if "method" in rule else _move_small
    async with _troubled(trouble, Rule(faults=[Fault.ERROR_IN_SUCCESS], times=2, **rule)) as (driver, proxy):  # type: ignore[arg-type]
        await act(driver)

        assert 2 == proxy.injected.total()
        proxy.plan = FaultPlan(rules=[Rule(faults=[Fault.ERROR_IN_SUCCESS], **rule)])  # type: ignore[arg-type]
        await driver.delete("/a")
        with pytest.raises(StorageError):
            await act(driver)

        assert [] == [path for path in await driver.list("/") if path == "/a"]


async def test_an_upload_that_nobody_knows_of_is_found(trouble: Trouble) -> None:
    """An upload of parts whose beginning was not acknowledged is among the unfinished writes, and can be aborted."""
    rule = Rule(faults=[Fault.RESET_AFTER], method="POST", target="*uploads*")
    async with _troubled(trouble, rule) as (driver, proxy):
        with pytest.raises(StorageUnavailableError):
            await _write_large(driver)
        proxy.calm()

        assert len(trouble.bucket.uploads()) == len(await _uploads(driver)) == proxy.injected.total()
