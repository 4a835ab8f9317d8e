import asyncio
from collections.abc import Callable

import anyio
import pytest
from structlog.testing import capture_logs

from holdfast.registry.health import Check, HealthChecks, UnhealthyError
from holdfast.storage.errors import ConfigurationError

pytestmark = pytest.mark.anyio


class Probe:
    """Answers what it is told to, and tells when it has been asked so many times."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self._asked = 0
        self._changed = asyncio.Condition()

    async def __call__(self) -> None:
        """Answer."""
        async with self._changed:
            self._asked += 1
            self._changed.notify_all()
        if self.error:
            raise self.error

    async def asked(self, times: int) -> None:
        """Return when that many further looks have begun and the one before the last has been counted."""
        async with self._changed:
            target = self._asked + times + 1
            with anyio.fail_after(10):
                await self._changed.wait_for(lambda: self._asked >= target)


def _check(probe: Callable[..., object], *, threshold: int = 1, timeout: float = 0.0, name: str = "it") -> Check:
    return Check(name=name, probe=probe, interval=0.001, threshold=threshold, timeout=timeout)  # type: ignore[arg-type]


async def test_check_fails_and_recovers_by_itself() -> None:
    """A failing look is reported with its reason, and a later success takes the report back; each change is logged."""
    probe = Probe()
    with capture_logs() as logs:
        async with HealthChecks([_check(probe)]) as health:
            await probe.asked(1)
            assert (False, {}) == (health.failing, health.report())

            probe.error = UnhealthyError("it burns")
            await probe.asked(3)
            assert (True, {"it": "it burns"}) == (health.failing, health.report())

            probe.error = None
            await probe.asked(1)
            assert (False, {}) == (health.failing, health.report())

    assert ["it", "it"] == [entry["check"] for entry in logs]
    assert ["error", "info"] == [entry["log_level"] for entry in logs]


async def test_failures_count_from_the_threshold_and_in_a_row() -> None:
    """Fewer failures than the threshold are no failure, and a success begins the count anew."""
    seen: list[bool] = []
    answers = [False, False, True, False, False, False, True]
    done = asyncio.Event()

    async def probe() -> None:
        seen.append(health.failing)
        if not answers:
            done.set()
        elif not answers.pop(0):
            raise UnhealthyError("no")

    health = HealthChecks([_check(probe, threshold=3)])
    async with health:
        with anyio.fail_after(10):
            await done.wait()

    # Each entry is what held before that look.
    assert [False, False, False, False, False, False, True, False] == seen[:8]


async def test_check_that_hangs_fails() -> None:
    """No answer in time is a failure, so that a storage that hangs isn't reported as it was before."""
    looked = asyncio.Event()

    async def probe() -> None:
        if health.failing:
            looked.set()
        await asyncio.Event().wait()

    health = HealthChecks([_check(probe, timeout=0.01)])
    async with health:
        with anyio.fail_after(10):
            await looked.wait()

        assert {"it": "no answer within 0.01 seconds"} == health.report()


async def test_time_limit_of_the_probe_itself_is_told_apart() -> None:
    """A TimeoutError of what is looked at isn't mistaken for the check's own limit."""
    probe = Probe()
    probe.error = TimeoutError("the storage waited for its backend")
    async with HealthChecks([_check(probe)]) as health:
        await probe.asked(1)

        assert {"it": "the storage waited for its backend"} == health.report()


async def test_first_look_is_at_once() -> None:
    """What is wrong from the start is known before the first interval is over."""
    looked = asyncio.Event()

    async def probe() -> None:
        looked.set()

    async with HealthChecks([Check(name="it", probe=probe, interval=3600)]):
        with anyio.fail_after(5):
            await looked.wait()

    assert looked.is_set()


async def test_looks_end_with_the_context() -> None:
    """Nothing is looked at after the end, and a look that is under way is cancelled."""
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def probe() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    before = len(asyncio.all_tasks())
    async with HealthChecks([_check(probe)]):
        await started.wait()

    assert cancelled.is_set()
    assert before == len(asyncio.all_tasks())


async def test_stop_is_reported_and_fails_nothing() -> None:
    """A registry that is about to end says so in its report, and goes on with what runs."""
    async with HealthChecks() as health:
        assert {} == health.report()

        health.stop()

        assert ["shutdown"] == list(health.report())
        assert not health.failing


async def test_one_name_for_two_checks_is_refused() -> None:
    """Of two checks with one name a report could tell only one."""
    probe = Probe()
    with pytest.raises(ConfigurationError, match="'it' is checked twice"):
        HealthChecks([_check(probe), _check(probe)])


@pytest.mark.parametrize("wrong", [{"interval": 0}, {"threshold": 0}, {"timeout": -1}])
async def test_check_that_can_not_be_meant_is_refused(wrong: dict[str, float]) -> None:
    """A check without a pause, or that fails without a failure, is an error where it is written."""
    with pytest.raises(ValueError, match="interval"):
        Check(name="it", probe=Probe(), **wrong)  # type: ignore[arg-type]
