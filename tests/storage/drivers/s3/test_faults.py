"""What the driver makes of each thing that can go wrong on the way to Ceph, one at a time."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from holdfast.storage import StorageDriver
from holdfast.storage.drivers._objectstore import reader, retrying
from holdfast.storage.errors import (
    StorageError,
    StorageUnavailableError,
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
_QUICKLY = {"put", "write much", "write in turns"}
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


@pytest.mark.parametrize(
    "name", [name if name in _QUICKLY else pytest.param(name, marks=pytest.mark.slow) for name in _ACTS]
)
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

        assert (
            len(trouble.bucket.uploads())
            == len([upload async for upload in driver.list_uploads("/")])
            == proxy.injected.total()
        )
