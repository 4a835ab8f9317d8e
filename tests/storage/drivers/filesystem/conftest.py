from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from holdfast.storage.drivers.filesystem import FilesystemDriver, FilesystemOptions
from tests.storage.drivers.filesystem.disk import Disk
from tests.storage.drivers.filesystem.mounts import can_mount

__all__: list[str] = []

collect_ignore = [] if can_mount() else ["test_mounts.py"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what couldn't run."""
    if not can_mount():
        terminalreporter.write_line("tests/storage/drivers/filesystem/test_mounts.py left out: this user can't mount")


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    """The root directory, which doesn't exist yet."""
    return Disk(tmp_path / "root")


@pytest.fixture
async def driver(disk: Disk) -> AsyncIterator[FilesystemDriver]:
    """A driver without any layers."""
    made = FilesystemDriver(FilesystemOptions(rootdirectory=str(disk.root)))
    yield made
    await made.aclose()


@pytest.fixture(params=["openat2", "component by component"])
def contained(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways of keeping paths inside the root."""
    if request.param != "openat2":
        monkeypatch.setattr("holdfast.storage.drivers.filesystem._root.has_openat2", lambda: False)
    return str(request.param)
