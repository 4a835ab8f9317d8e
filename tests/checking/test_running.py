import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.checking import CHECKS, Check, Finding, Plan, Subject, Watcher, check_storage
from holdfast.storage.driver import StorageDriver
from holdfast.storage.errors import (
    AccessDeniedError,
    ReadOnlyStorageError,
    StorageError,
    StorageTimeoutError,
    StorageUnavailableError,
)
from holdfast.testing.drivers import CountingDriver, Fault, FaultyDriver, InterceptingDriver, SlowDriver, Step
from tests.checking.boxes import BOX, QUICK, Box, check_box, names, without

pytestmark = pytest.mark.anyio

_IN_MEMORY = {"redirect GET", "redirect HEAD", "share"}
"""What memory can't do."""

_WRITES = {"put_content", "writer", "write", "commit", "move", "delete", "delete_files", "abort_upload"}


def _files(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]


async def test_memory() -> None:
    """All checks pass on memory, but for what it says that it can't, and nothing is left."""
    report, box = await check_box()

    assert report.ready
    assert without(*_IN_MEMORY) == names(report, "ok")
    assert _IN_MEMORY == names(report, "missing")
    assert () == report.left
    assert [] == await box.leftovers()


async def test_a_folder(tmp_path: Path) -> None:
    """All checks pass on a folder, with times and speeds, and nothing is left but the driver's own lock."""
    report = await check_storage(Subject.named("filesystem", {"rootdirectory": str(tmp_path)}), QUICK)
    found = {finding.name: finding for finding in report.findings}

    assert {"redirect GET", "redirect HEAD"} == names(report, "missing")
    assert set() == names(report, "failed", "warning", "not tried")
    assert 0 < (found["write"].seconds or 0) < 5
    assert (found["large write"].bytes_per_second or 0) > 1_000_000
    assert [".uploads~/~lock"] == _files(tmp_path)


@pytest.mark.parametrize(
    ("op", "failed", "not_tried"),
    [
        ("get_content", {"read"}, {"absent", "overwrite", "names", "append"}),
        ("stat", {"stat", "absent", "delete"}, {"clock", "read at once"}),
        ("list", {"reach", "list", "absent"}, set()),
        ("walk", {"walk"}, set()),
        ("reader", {"range", "large read"}, {"large move", "resume"}),
        ("writer", {"large write", "append"}, {"large read", "abandoned uploads"}),
        ("commit", {"large write", "append"}, {"large read"}),
        ("move", {"move", "large move"}, set()),
        ("delete_files", {"delete many"}, set()),
        ("list_uploads", {"abandoned uploads"}, set()),
        ("abort_upload", {"abandoned uploads"}, set()),
    ],
)
async def test_what_fails_is_named_and_the_others_go_on(op: str, failed: set[str], not_tried: set[str]) -> None:
    """An operation that is refused fails the checks of it; what stands on those isn't tried, all else passes."""
    fault = Fault(op=op, times=None, error=AccessDeniedError)
    report, box = await check_box(lambda driver: FaultyDriver(driver, fault))

    assert not report.ready
    assert set() == failed - names(report, "failed", "warning")
    assert set() == not_tried - names(report, "not tried")
    assert {"write"} <= names(report, "ok")
    assert [] == await box.leftovers()
    for finding in report.failed:
        assert finding.problem is not None
        assert "AccessDeniedError" == finding.problem.error
        assert finding.problem.remedy


async def test_nothing_is_tried_that_needs_what_failed() -> None:
    """Storage that takes no writes fails once, and the rest says what it waits for."""
    fault = Fault(op="put_content", times=None, error=ReadOnlyStorageError)
    report, box = await check_box(lambda driver: FaultyDriver(driver, fault))
    waiting = {finding.name: finding.notes for finding in report.findings if finding.outcome == "not tried"}

    assert ["write"] == [finding.name for finding in report.failed]
    assert ("needs write",) == waiting["list"]
    assert ("needs large write",) == waiting["large read"]
    assert [] == await box.leftovers()


@pytest.mark.parametrize("error", [StorageUnavailableError, StorageTimeoutError])
async def test_storage_out_of_reach(error: type[StorageError]) -> None:
    """What can't be reached fails once, without a try of anything else."""
    report, _ = await check_box(lambda driver: FaultyDriver(driver, Fault(op="*", times=None, error=error)))

    assert {"reach"} == names(report, "failed")
    assert without("reach") == names(report, "not tried")
    assert () == report.left


async def test_what_is_slow_is_measured() -> None:
    """Times are those of the operation, the median of a few."""
    report, _ = await check_box(lambda driver: SlowDriver(driver, 0.005, jitter=0))
    found = {finding.name: finding for finding in report.findings}

    assert report.ready
    assert 0.002 <= (found["write"].seconds or 0) < 1


async def test_what_is_too_slow_fails() -> None:
    """A check that takes too long fails by that, and the next is made."""
    report, box = await check_box(_Stuck, replace(QUICK, seconds=0.2))
    (finding,) = report.failed

    assert "walk" == finding.name
    assert finding.problem is not None
    assert ("StorageTimeoutError", "walk: not done within 0.2 seconds") == (
        finding.problem.error,
        finding.problem.message,
    )
    assert {"delete", "large move"} <= names(report, "ok")
    assert [] == await box.leftovers()
    assert report.left[0].startswith("/holdfast-check-")  # which can't be looked at


class _Stuck(InterceptingDriver):
    """Waits for ever when it is to walk."""

    async def before(self, step: Step) -> None:
        """Wait for ever."""
        if step.op == "walk":
            await asyncio.Event().wait()

    async def after(self, step: Step) -> None:
        """Do nothing."""


async def test_a_store_that_falls_silent_is_not_waited_for_again() -> None:
    """Once it doesn't answer any more, even to the least question, the rest isn't tried."""
    fault = Fault(op="list", nth=3, times=None, error=StorageTimeoutError)
    report, _ = await check_box(lambda driver: FaultyDriver(driver, fault))
    found = {finding.name: finding for finding in report.findings}

    assert ("the store doesn't answer any more",) == found["clock"].notes
    assert "not tried" == found["clock"].outcome


class _Following(Watcher):
    """Calls back when a check begins, and keeps what it is told."""

    def __init__(self, until: str = "") -> None:
        self.begun: list[str] = []
        self.findings: list[Finding] = []
        self.named: list[str] = []
        self.reached = asyncio.Event()
        self._until = until

    def begins(self, check: Check, number: int, count: int) -> None:
        self.begun.append(f"{check.name} {number}/{count}")
        if check.name == self._until:
            self.reached.set()

    def ended(self, finding: Finding) -> None:
        self.findings.append(finding)

    def left(self, paths: Sequence[str]) -> None:
        self.named += paths


async def test_the_watcher_is_told_each_step() -> None:
    """Each check is told when it begins and when it ends."""
    watcher = _Following()
    with Box().registered() as subject:
        report = await check_storage(subject, QUICK, watcher)

    assert [f"{check.name} {number}/{len(CHECKS)}" for number, check in enumerate(CHECKS, 1)] == watcher.begun
    assert list(report.findings) == watcher.findings
    assert [] == watcher.named


@pytest.mark.parametrize("until", [check.name for check in CHECKS if check.name not in _IN_MEMORY])
async def test_cancelled_it_removes_what_it_wrote(until: str) -> None:
    """Whichever check it is cancelled in, nothing is left."""
    box = Box(lambda driver: SlowDriver(driver, 0.004))
    watcher = _Following(until)
    with box.registered() as subject:
        task = asyncio.create_task(check_storage(subject, QUICK, watcher))
        await watcher.reached.wait()
        await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert [] == await box.leftovers()
    assert [] == watcher.named


async def test_what_cannot_be_removed_is_named() -> None:
    """Where nothing can be deleted, each file that is left is told."""
    faults = [Fault(op=op, times=None, error=AccessDeniedError) for op in ("delete", "delete_files")]
    watcher = _Following()
    box = Box(lambda driver: FaultyDriver(driver, *faults))
    with box.registered() as subject:
        report = await check_storage(subject, QUICK, watcher)

    assert await box.files() == sorted(report.left)
    assert list(report.left) == watcher.named
    assert any(path.endswith("/write/0") for path in report.left)


async def test_what_cannot_even_be_looked_at_is_named() -> None:
    """Where nothing can be deleted, and nothing listed or described, all that was written is told."""
    denied = ("delete", "delete_files", "walk", "list", "stat")
    faults = [Fault(op=op, times=None, error=AccessDeniedError) for op in denied]
    report, box = await check_box(lambda driver: FaultyDriver(driver, *faults))

    assert set(await box.files()) <= set(report.left)


@pytest.mark.parametrize("op", ["delete", "list_uploads"])
async def test_it_removes_by_other_means(op: str) -> None:
    """Where directories can't be deleted as a whole, their files are, and unfinished writes are thrown away."""
    report, box = await check_box(
        lambda driver: FaultyDriver(
            driver, *[Fault(op=each, times=None, error=AccessDeniedError) for each in {op, "delete"}]
        )
    )

    assert () == report.left
    assert [] == await box.leftovers()


async def test_nothing_outside_of_the_scratch_directory_is_touched() -> None:
    """What is there stays as it is."""
    box = Box()
    await box.memory.put_content("/docker/registry/v2/file", b"content")
    await box.memory.put_content("/holdfast-check-", b"a namesake")
    with box.registered() as subject:
        await check_storage(subject, QUICK)

    assert ["/docker/registry/v2/file", "/holdfast-check-"] == await box.files()
    assert b"content" == await box.memory.get_content("/docker/registry/v2/file")


async def test_read_only_writes_nothing() -> None:
    """With `read_only` only what is there is looked at, and no writing operation is called."""
    seen: list[CountingDriver] = []

    def counted(driver: StorageDriver) -> StorageDriver:
        seen.append(CountingDriver(driver, parts=True))
        return seen[-1]

    box = Box(counted)
    await box.memory.put_content("/docker/file", b"content" * 100)
    with box.registered() as subject:
        report = await check_storage(subject, replace(QUICK, read_only=True))

    assert report.ready
    assert {"reach", "list", "walk", "absent", "read", "range", "abandoned uploads"} == names(report, "ok")
    assert set() == _WRITES & {op for driver in seen for op in driver.counts}


async def test_read_only_of_an_empty_store() -> None:
    """Nothing to read is no failure, and said."""
    report, _ = await check_box(plan=replace(QUICK, read_only=True))
    found = {finding.name: finding for finding in report.findings}

    assert report.ready
    assert ("nothing is there to read",) == found["read"].notes


async def test_redirects_that_nobody_uses_are_not_tried(tmp_path: Path) -> None:
    """Where the registry doesn't redirect, it doesn't matter."""
    subject = Subject.named("filesystem", {"rootdirectory": str(tmp_path)})
    report = await check_storage(subject, replace(QUICK, redirects=False))

    assert {"redirect GET", "redirect HEAD"} == names(report, "not tried")
    assert report.ready


@pytest.mark.parametrize(
    ("part", "expected"),
    [(None, 12), (5 * 1024 * 1024, 12), (10 * 1024 * 1024, 12), (16 * 1024 * 1024, 18), (1024**3, 24)],
)
def test_the_large_file_has_more_than_a_part(part: int | None, expected: int) -> None:
    """It has somewhat more than the driver sends at once, within bounds, unless it is given."""
    assert expected * 1024 * 1024 == Plan().large(part)
    assert 7 == Plan(size=7).large(part)


async def test_the_box_is_what_it_says() -> None:
    """The report says which driver it is about, and what that can do."""
    report, box = await check_box()

    assert (BOX, BOX, False) == (report.driver, report.where, report.read_only)
    assert box.memory.capabilities == report.capabilities
