"""What each driver makes of single things that can go wrong on the way to its store."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import pytest

from holdfast.storage import StorageDriver
from holdfast.storage.drivers._objectstore import retrying
from holdfast.storage.errors import StorageError, StorageTimeoutError, StorageUnavailableError, ThrottledError
from tests.services.fault_proxy import FaultProxy
from tests.services.faults import Fault, FaultPlan, Rule
from tests.storage.drivers.objectstore.bad_day import empty
from tests.storage.drivers.objectstore.troubled import KINDS, MIB, Trouble

pytestmark = pytest.mark.anyio

_SMALL = os.urandom(1000)
_LARGE = os.urandom(6 * MIB)


@pytest.fixture(params=KINDS)
def trouble(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Trouble:
    """A fresh bucket on each kind of store."""
    return Trouble.make(request.param, request, monkeypatch)


@asynccontextmanager
async def _troubled(trouble: Trouble, *rules: Rule) -> AsyncIterator[tuple[StorageDriver, FaultProxy]]:
    """Opens a driver to which the rules happen from now on; at the end the bucket can be emptied without them."""
    async with trouble.proxy(FaultPlan(rules=rules)) as proxy, trouble.driver(proxy) as driver:
        yield driver, proxy
        proxy.calm()
        await empty(driver)
        assert [] == trouble.bucket.leftovers()


@pytest.mark.parametrize("fault", [Fault.RESET_BEFORE, Fault.RESET_AFTER, Fault.RESET_SENDING])
async def test_each_request_is_sent_once(trouble: Trouble, fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody below the driver repeats a request: that it may have been executed has to be known."""
    monkeypatch.setattr(retrying, "_ATTEMPTS", 1)
    async with _troubled(trouble) as (driver, proxy):
        await driver.put_content("/a", b"")
        proxy.plan, before = FaultPlan(rules=[Rule(faults=[fault], times=1)]), proxy.requests
        with pytest.raises(StorageUnavailableError):
            await driver.put_content("/a", _SMALL)

        assert 1 == proxy.requests - before


@pytest.mark.parametrize(
    ("fault", "content"),
    [(Fault.STALL, _SMALL), (Fault.STALL_AFTER, _SMALL), (Fault.STALL_SENDING, _LARGE)],
    ids=["before", "after", "within"],
)
async def test_silence_is_a_timeout(
    trouble: Trouble, fault: Fault, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that stops in whichever moment of a write keeps nobody waiting for longer than the timeout."""
    monkeypatch.setattr(retrying, "_ATTEMPTS", 2)
    async with _troubled(trouble, Rule(faults=[fault], method="P*")) as (driver, _):
        started = time.monotonic()
        with pytest.raises(StorageTimeoutError):
            async with asyncio.timeout(20):
                await driver.put_content("/a", content)

        assert time.monotonic() - started < 10


@pytest.mark.parametrize("kind", KINDS)
async def test_slow_is_no_timeout(kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that goes on taking content has all the time that it needs, many times the timeout."""
    trouble = Trouble.make(kind, request, monkeypatch, silence=1.0)
    async with trouble.proxy(FaultPlan()) as proxy, trouble.driver(proxy) as driver:
        proxy.rate = 24 * MIB  # what the kernel takes at once has to have gone on in time, too
        await driver.put_content("/a", _LARGE * 8)

    assert _LARGE * 8 == trouble.bucket.get("some/place/a")


@pytest.mark.parametrize("fault", [Fault.RESET_WITHIN, Fault.TRUNCATED, Fault.STALL_WITHIN, Fault.RESET_AFTER])
async def test_reading_goes_on(trouble: Trouble, fault: Fault) -> None:
    """Content whose connection breaks again and again comes whole, each byte once."""
    trouble.bucket.put("some/place/a", _LARGE)
    async with _troubled(trouble, Rule(faults=[fault], times=4, method="GET")) as (driver, proxy):
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


async def _write(driver: StorageDriver) -> None:
    writer = await driver.writer("/a")
    await writer.write(_LARGE)
    await writer.commit()


async def _walked(driver: StorageDriver) -> list[str]:
    return [info.path async for info in driver.walk("/a")]


async def _uploads(driver: StorageDriver) -> list[str]:
    return [upload.path async for upload in driver.list_uploads("/")]


async def test_what_the_store_asks_for_is_told(trouble: Trouble) -> None:
    """Throttling that doesn't end is told as that, with how long the store asks to wait."""
    async with _troubled(trouble, Rule(faults=[Fault.SLOW_DOWN_RETRY_AFTER])) as (driver, proxy):
        proxy.retry_after = 7
        acts: list[Awaitable[object]] = [
            driver.put_content("/a", _SMALL),
            driver.get_content("/a"),
            driver.stat("/a"),
            driver.list("/a"),
            driver.delete("/a"),
            _write(driver),
        ]
        for act in acts:
            with pytest.raises(ThrottledError) as told:
                await act

            assert 7 == told.value.retry_after
