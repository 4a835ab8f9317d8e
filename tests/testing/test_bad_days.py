"""Both drivers on a day when any call may fail: what was acknowledged is there, and nothing is half there."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from holdfast.storage.drivers.filesystem import FilesystemDriver
from holdfast.storage.drivers.filesystem.options import FilesystemOptions
from holdfast.storage.drivers.inmemory import InMemoryDriver
from holdfast.storage.errors import PathNotFoundError, StorageError, StorageUnavailableError
from holdfast.storage.layers import compose
from holdfast.storage.ops import opened_writer
from holdfast.testing import FaultPlan, FaultyDriver, RandomFaults
from holdfast.testing.suite.acts import content_or_none, random_bytes, upload_paths, walked

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from holdfast.storage import FileWriter, StorageDriver

pytestmark = pytest.mark.anyio

_PATHS = ["/a", "/a-b", "/d/a", "/d/b", "/d/e/f"]


@pytest.fixture(params=["inmemory", "filesystem"])
def faulty(request: pytest.FixtureRequest, tmp_path: Path) -> FaultyDriver:
    """A driver that can be made to fail."""
    if request.param == "inmemory":
        return FaultyDriver(InMemoryDriver())
    return FaultyDriver(FilesystemDriver(FilesystemOptions(rootdirectory=str(tmp_path / "root"))))


class _BadDay:
    """Does things to a driver, and keeps in mind what each path may show: more than one thing after a failure."""

    def __init__(self, driver: StorageDriver, seed: int) -> None:
        self.driver = driver
        self.random = random.Random(seed)
        self.may_show: dict[str, set[bytes | None]] = {path: {None} for path in _PATHS}
        self.failures = 0

    async def act(self) -> None:
        """Do one thing; if it fails, what was before and what was to be are both possible."""
        path, other = self.random.sample(_PATHS, 2)
        content = random_bytes(self.random.choice([0, 10, 100_000]), self.random.randrange(1000))
        kind = self.random.choice(["put", "write", "move", "delete", "batch"])
        if kind == "put":
            await self._try(lambda: self.driver.put_content(path, content), {path: {content}})
        elif kind == "write":
            await self._try(lambda: self._write(path, content), {path: {content}})
        elif kind == "move":
            await self._try(
                lambda: self.driver.move(path, other),
                {other: self.may_show[path] - {None} or self.may_show[other], path: {None}},
            )
        elif kind == "delete":
            await self._try(lambda: self.driver.delete(path), {path: {None}})
        else:
            await self._try(lambda: self.driver.delete_files([path, other]), {path: {None}, other: {None}})

    async def _try(self, call: Callable[[], Awaitable[object]], effect: dict[str, set[bytes | None]]) -> None:
        try:
            await call()
        except PathNotFoundError:
            # Only where nothing was, perhaps because an attempt before had its effect.
            assert any(None in self.may_show[path] for path in effect)
        except StorageError:
            self.failures += 1
            for path, shown in effect.items():
                self.may_show[path] = self.may_show[path] | shown
        else:
            self.may_show.update(effect)

    async def _write(self, path: str, content: bytes) -> None:
        half = len(content) // 2
        writer = await self.driver.writer(path)
        try:
            await writer.write(content[:half])
            await writer.write(content[half:])
            await writer.commit()
        finally:
            while await _fails_to_close(writer):
                self.failures += 1


async def _fails_to_close(writer: FileWriter) -> bool:
    """Close as a server does that wants its descriptors back: again, if it failed and may be retried."""
    try:
        await writer.close()
    except StorageUnavailableError:
        return True
    return False


@pytest.mark.parametrize("seed", range(6))
async def test_content_is_old_or_new_after_any_failure(faulty: FaultyDriver, seed: int) -> None:
    """Whatever failed before or after its effect, each path shows what it showed or what it was to show."""
    driver = compose(faulty)
    day = _BadDay(driver, seed)
    faulty.plan = RandomFaults(seed=seed, probability=0.08)
    for _ in range(60):
        await day.act()
    faulty.plan = FaultPlan()
    shown = {path: await content_or_none(driver, path) for path in _PATHS}
    found = await walked(driver, "/")
    await driver.delete("/") if found or await upload_paths(driver, "/") else None
    left = [await driver.list("/"), await upload_paths(driver, "/")]
    await driver.aclose()

    assert day.failures > 0
    assert faulty.injected > 0
    for path, content in shown.items():
        assert content in day.may_show[path], path
    assert sorted(path for path, content in shown.items() if content is not None) == found
    assert [[], []] == left


async def test_failed_closing_can_be_repeated(faulty: FaultyDriver) -> None:
    """A close that failed is not a close: the writer stays usable for another try, and its bytes are kept."""
    driver = compose(faulty)
    faulty.plan = RandomFaults(seed=1, probability=1, ops=["close"], moments=["before"])
    writer = await driver.writer("/file")
    await writer.write(b"content")
    with pytest.raises(StorageUnavailableError):
        await writer.close()
    faulty.plan = FaultPlan()
    await writer.close()
    async with opened_writer(driver, "/file", append=True) as again:
        assert 7 == again.size
        await again.commit()
    content = await driver.get_content("/file")
    await driver.aclose()

    assert b"content" == content
