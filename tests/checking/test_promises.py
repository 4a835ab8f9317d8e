"""Storage that answers, and wrongly: the check of that promise has to notice."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from time import monotonic

import pytest

from holdfast.checking.checks import visibility
from holdfast.storage import Capabilities
from holdfast.storage.driver import Buffer, FileInfo, FileWriter, Paths, Precondition, StorageDriver
from holdfast.storage.errors import PathNotFoundError
from holdfast.storage.layers.forwarding import ForwardingDriver, ForwardingWriter
from tests.checking.boxes import Wrap, check_box, names
from tests.testing import mutants

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visibility, "_PATIENCE_SECONDS", 1.0)
    monkeypatch.setattr(visibility, "_PAUSE_SECONDS", 0.05)


def _mutated(kind: type[mutants.Sound]) -> Wrap:
    def wrap(driver: StorageDriver) -> StorageDriver:
        made = kind()
        made.inner = driver
        return made

    return wrap


class _Loses(ForwardingDriver):
    """Takes content, and has nothing of it."""

    async def put_content(self, path: str, content: Buffer, *, precondition: Precondition | None = None) -> str | None:
        return await self.inner.put_content(path, content[:0], precondition=precondition)


class _Keeps(ForwardingDriver):
    """Doesn't replace what is there."""

    async def put_content(self, path: str, content: Buffer, *, precondition: Precondition | None = None) -> str | None:
        try:
            await self.inner.get_content(path)
        except PathNotFoundError:
            return await self.inner.put_content(path, content, precondition=precondition)
        return "a version"


class _FoldsCase(ForwardingDriver):
    """Doesn't know upper from lower case."""

    async def put_content(self, path: str, content: Buffer, *, precondition: Precondition | None = None) -> str | None:
        return await self.inner.put_content(path.lower(), content, precondition=precondition)

    async def get_content(self, path: str) -> bytes:
        return await self.inner.get_content(path.lower())


class _Undead(ForwardingDriver):
    """Deletes nothing, and says nothing."""

    async def delete(self, path: str) -> None:
        await self.inner.stat(path)


class _Misreads(ForwardingDriver):
    """Tells sizes that are wrong."""

    async def stat(self, path: str) -> FileInfo:
        found = await self.inner.stat(path)
        return FileInfo(path=found.path, size=found.size + 1, modified=found.modified, is_dir=found.is_dir)


class _DropsTheEnd(ForwardingDriver):
    """Writes all but the last chunk."""

    async def writer(self, path: str, *, append: bool = False, resume_token: str | None = None) -> FileWriter:
        return _Dropping(await self.inner.writer(path, append=append, resume_token=resume_token))


class _Dropping(ForwardingWriter):
    async def write(self, data: Buffer) -> None:
        if self.inner.size == 0:
            await self.inner.write(data)


class _SameVersions(ForwardingDriver):
    """Tells one version for all content."""

    async def put_content(self, path: str, content: Buffer, *, precondition: Precondition | None = None) -> str | None:
        del precondition
        await self.inner.put_content(path, content)
        return "v"

    async def stat(self, path: str) -> FileInfo:
        found = await self.inner.stat(path)
        return FileInfo(path=path, size=found.size, modified=found.modified, is_dir=found.is_dir, version="v")


class _Walks(ForwardingDriver):
    """Forgets the last file."""

    async def walk(self, path: str, *, start_after: str | None = None) -> AsyncIterator[FileInfo]:
        for file in [file async for file in self.inner.walk(path, start_after=start_after)][:-1]:
            yield file


@pytest.mark.parametrize(
    ("wrap", "check"),
    [
        (_mutated(mutants.WalksByComponent), "walk"),
        (_mutated(mutants.IgnoresPreconditions), "create only"),
        (_mutated(mutants.DeletesNamesakes), "delete directory"),
        (_mutated(mutants.ListsNothingForMissing), "absent"),
        (_mutated(mutants.IgnoresLimit), "list"),
        (_mutated(mutants.ListsUnsorted), "list"),
        (_mutated(mutants.ReadsFromTheStart), "range"),
        (_mutated(mutants.MovesByCopy), "move"),
        (_mutated(mutants.PromisesMore), "redirect GET"),
        (_mutated(mutants.FindsNoUploads), "abandoned uploads"),
        (_mutated(mutants.CloseCommits), "append"),
        (_mutated(mutants.ShowsAtOnce), "large write"),
        (_Loses, "read"),
        (_Keeps, "overwrite"),
        (_FoldsCase, "names"),
        (_Undead, "delete"),
        (_Misreads, "stat"),
        (_DropsTheEnd, "large write"),
        (_SameVersions, "match version"),
        (_Walks, "walk"),
    ],
)
async def test_a_wrong_answer_fails_its_check(wrap: Wrap, check: str) -> None:
    """The check of a promise fails where that is broken, in words and with a remedy, not with an error of storage."""
    report, _ = await check_box(wrap)
    found = {finding.name: finding for finding in report.findings}[check]

    assert not report.ready
    assert found.problem is not None
    assert ("failed", "BrokenPromiseError") == (found.outcome, found.problem.error)
    assert found.problem.message
    assert found.problem.remedy


class _Late(ForwardingDriver):
    """Lists show what was done only after a while."""

    seconds = 0.3

    def __init__(self, inner: StorageDriver) -> None:
        super().__init__(inner)
        self._before: dict[str, tuple[float, Paths | None]] = {}

    async def put_content(self, path: str, content: Buffer, *, precondition: Precondition | None = None) -> str | None:
        await self._remember(path)
        return await self.inner.put_content(path, content, precondition=precondition)

    async def list(self, path: str, *, start_after: str | None = None, limit: int | None = None) -> Paths:
        until, before = self._before.get(path, (0.0, None))
        if monotonic() < until and "listed-at-once" in path:
            if before is None:
                raise PathNotFoundError(path=path)
            return before
        return await self.inner.list(path, start_after=start_after, limit=limit)

    async def _remember(self, path: str) -> None:
        folder = path.rpartition("/")[0]
        try:
            listed = await self.inner.list(folder)
        except PathNotFoundError:
            listed = None
        self._before[folder] = (monotonic() + self.seconds, listed)


async def test_lists_that_lag_are_a_warning() -> None:
    """Lists that show a write after a moment are told with how long that was, and can be lived with."""
    report, _ = await check_box(_Late)
    found = {finding.name: finding for finding in report.findings}["listed at once"]

    assert report.ready
    assert "warning" == found.outcome
    assert "lists show what was written only after 0." in found.notes[0]


async def test_lists_that_never_show_it_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """What isn't in a list after a long while is a failure."""
    monkeypatch.setattr(visibility, "_PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(_Late, "seconds", 60.0)
    report, _ = await check_box(_Late)

    assert {"listed at once"} == names(report, "failed")


class _Cached(ForwardingDriver):
    """Gives back what was there a moment ago, as a cache in between does."""

    def __init__(self, inner: StorageDriver) -> None:
        super().__init__(inner)
        self._cache: dict[str, tuple[float, bytes]] = {}

    async def get_content(self, path: str) -> bytes:
        until, content = self._cache.get(path, (0.0, b""))
        if monotonic() < until and "read-at-once" in path:
            return content
        content = await self.inner.get_content(path)
        self._cache[path] = (monotonic() + 0.3, content)
        return content


async def test_a_cache_in_between_fails() -> None:
    """Content that lags is a failure: a registry would lose images."""
    report, _ = await check_box(_Cached)
    (found,) = report.failed

    assert "read at once" == found.name
    assert found.problem is not None
    assert found.problem.message.startswith("what was replaced is seen only after 0.")
    assert "cache" in found.problem.remedy


class _AnotherTime(ForwardingDriver):
    """Has a clock that is wrong."""

    ahead = timedelta(hours=1)

    async def stat(self, path: str) -> FileInfo:
        found = await self.inner.stat(path)
        modified = found.modified + self.ahead if found.modified else None
        return FileInfo(path=path, size=found.size, modified=modified, is_dir=found.is_dir, version=found.version)


@pytest.mark.parametrize(("ahead", "words"), [(timedelta(hours=1), "ahead of"), (-timedelta(hours=1), "behind")])
async def test_clocks_that_differ_are_a_warning(monkeypatch: pytest.MonkeyPatch, ahead: timedelta, words: str) -> None:
    """A store whose clock is wrong is told, with which way."""
    monkeypatch.setattr(_AnotherTime, "ahead", ahead)
    report, _ = await check_box(_AnotherTime)
    found = {finding.name: finding for finding in report.findings}["clock"]

    assert report.ready
    assert ("warning", True) == (found.outcome, words in found.notes[0])


class _Alone(ForwardingDriver):
    """Says that others see the same, though each driver has names of its own."""

    @property
    def capabilities(self) -> Capabilities:
        return replace(self.inner.capabilities, shared=True)

    async def get_content(self, path: str) -> bytes:
        if f"{path} {id(self)}" not in self._own:
            raise PathNotFoundError(path=path)
        return await self.inner.get_content(path)

    def __init__(self, inner: StorageDriver) -> None:
        super().__init__(inner)
        self._own: set[str] = set()

    async def put_content(self, path: str, content: Buffer, *, precondition: Precondition | None = None) -> str | None:
        self._own.add(f"{path} {id(self)}")
        return await self.inner.put_content(path, content, precondition=precondition)

    async def writer(self, path: str, *, append: bool = False, resume_token: str | None = None) -> FileWriter:
        self._own.add(f"{path} {id(self)}")
        await asyncio.sleep(0)
        return await self.inner.writer(path, append=append, resume_token=resume_token)


async def test_storage_that_a_second_registry_does_not_see_fails() -> None:
    """What says that it is shared is opened a second time, and has to show the same there."""
    report, _ = await check_box(_Alone)

    assert {"share"} == names(report, "failed")
