"""Drivers of object stores do everything they can, at random, while a proxy before the real store injects faults."""

import asyncio
import os
import random
from collections import Counter

import pytest

from holdfast.storage import StorageDriver
from holdfast.storage.errors import PathNotFoundError
from tests.services.faults import Fault, FaultPlan, Rule
from tests.storage.drivers.objectstore.bad_day import BadDay, empty
from tests.storage.drivers.objectstore.troubled import KINDS, Trouble

pytestmark = pytest.mark.anyio

_TASKS = 6

_STALLS = {Fault.STALL, Fault.STALL_SENDING, Fault.STALL_AFTER, Fault.STALL_WITHIN}
_GROUPS: dict[str, list[Fault]] = {
    "lost answers": [Fault.RESET_AFTER, Fault.INTERNAL_ERROR_AFTER],
    "refusals": [Fault.INTERNAL_ERROR, Fault.SLOW_DOWN, Fault.SLOW_DOWN_RETRY_AFTER],
    "broken connections": [Fault.RESET_BEFORE, Fault.RESET_SENDING, Fault.RESET_WITHIN],
    "short answers": [Fault.TRUNCATED, Fault.TRICKLE],
    "stalls": sorted(_STALLS, key=lambda fault: fault.name),
}
_COMMON = [fault for fault in Fault if fault is not Fault.ERROR_IN_SUCCESS]

# An error in a success is what S3 has for these requests alone.
_LATE_ERRORS = (
    Rule(faults=[Fault.ERROR_IN_SUCCESS], probability=0.3, method="POST", target="*uploadId=*"),
    Rule(faults=[Fault.ERROR_IN_SUCCESS], probability=0.3, method="PUT", header="x-amz-copy-source"),
)


async def _spend(trouble: Trouble, plan: FaultPlan, *, acts: int) -> tuple[Counter[Fault], int]:
    """Has several tasks do things while the store fails, then looks at what became of it without the proxy.

    Returns:
        The faults that there were, and how much went well all the same.
    """
    async with trouble.proxy(plan) as proxy, trouble.driver(proxy) as driver:
        days = [BadDay(driver, f"/task/{number}", random.Random(f"{plan.seed} {number}")) for number in range(_TASKS)]
        await asyncio.gather(*(day.act(acts) for day in days))
        proxy.calm()
    async with trouble.driver() as driver:
        for day in days:
            for path, may in day.may.items():
                assert await _content(driver, path) in may, path
        await empty(driver)
    assert [] == trouble.bucket.leftovers()
    return proxy.injected, sum(day.done for day in days)


async def _content(driver: StorageDriver, path: str) -> bytes | None:
    try:
        return await driver.get_content(path)
    except PathNotFoundError:
        return None


def _seed() -> int:
    seed = int(os.environ.get("HOLDFAST_FAULTS_SEED", random.SystemRandom().getrandbits(32)))
    print(f"to repeat these faults: HOLDFAST_FAULTS_SEED={seed}")
    return seed


@pytest.mark.parametrize("name", _GROUPS)
async def test_one_sort_of_faults(name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one sort of fault in many requests all comes out right or fails cleanly, and nothing is left for good."""
    plan = FaultPlan(rules=[Rule(faults=_GROUPS[name], probability=0.08 if name == "stalls" else 0.25)], seed=_seed())
    injected, done = await _spend(Trouble.make("ceph", request, monkeypatch), plan, acts=6)

    assert injected.total() > 3
    assert done > _TASKS * 3


@pytest.mark.slow
@pytest.mark.parametrize("fault", _COMMON)
async def test_each_fault(fault: Fault, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same with one kind of fault alone."""
    plan = FaultPlan(rules=[Rule(faults=[fault], probability=0.08 if fault in _STALLS else 0.25)], seed=_seed())
    injected, done = await _spend(Trouble.make("ceph", request, monkeypatch), plan, acts=20)

    assert injected[fault] > 3
    assert done > _TASKS * 10


@pytest.mark.parametrize("kind", KINDS)
async def test_mixed_faults(kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same with all kinds of faults at once, on each kind of store."""
    late = _LATE_ERRORS if kind == "ceph" else ()
    quick = [fault for fault in _COMMON if fault not in _STALLS]
    rules = [*late, Rule(faults=quick, probability=0.15), Rule(faults=list(_STALLS), probability=0.02)]
    plan = FaultPlan(rules=rules, seed=_seed())
    injected, done = await _spend(Trouble.make(kind, request, monkeypatch), plan, acts=15)

    assert len(injected) > 5
    assert done > _TASKS * 8


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("probability", [0.02, 0.1, 0.4])
@pytest.mark.parametrize("kind", KINDS)
async def test_long_bad_day(
    kind: str, probability: float, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same for long, with few faults and with so many that little succeeds."""
    rules = [*(_LATE_ERRORS if kind == "ceph" else ()), Rule(faults=_COMMON, probability=probability)]
    plan = FaultPlan(rules=rules, seed=_seed())
    injected, done = await _spend(Trouble.make(kind, request, monkeypatch), plan, acts=150)

    assert injected.total() > 20
    assert done > _TASKS * 20
