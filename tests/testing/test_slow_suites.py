"""The whole suite once more, on drivers whose every call takes its time: no test passes because calls are quick."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pytest

from holdfast.storage import Capabilities, StorageDriver
from holdfast.storage.drivers.filesystem import FilesystemDriver
from holdfast.storage.drivers.filesystem.options import FilesystemOptions
from holdfast.storage.drivers.inmemory import InMemoryDriver
from holdfast.testing import DriverSuite, SlowDriver, Store

if TYPE_CHECKING:
    from pathlib import Path

_DELAY = 0.002


class TestSlowInMemory(DriverSuite):
    """The memory, as if it were far away."""

    capabilities: ClassVar[Capabilities] = Capabilities(
        exclusive_names=True, put_create_only=True, put_match_version=True, write_resume_token=True, list_uploads=True
    )

    @pytest.fixture
    def store(self) -> Store:
        """A new memory for each test."""
        return Store(make=lambda: SlowDriver(InMemoryDriver(), _DELAY), content_in_memory=True)


class TestSlowFilesystem(DriverSuite):
    """The filesystem, as if it were far away; other processes meet it as it is."""

    capabilities: ClassVar[Capabilities] = Capabilities(
        exclusive_names=True,
        put_create_only=True,
        put_match_version=True,
        write_resume_token=True,
        list_uploads=True,
        local_path=True,
        shared=True,
    )

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        """A new root directory for each test."""
        root = tmp_path / "root"
        options = FilesystemOptions(rootdirectory=str(root))

        def make() -> StorageDriver:
            return SlowDriver(FilesystemDriver(options), _DELAY)

        def seed_behind(path: str, content: bytes) -> None:
            file = root / path[1:]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)

        return Store(
            make=make,
            options=options,
            name="filesystem",
            parameters={"rootdirectory": str(root)},
            seed_behind=seed_behind,
            read_behind=lambda path: (root / path[1:]).read_bytes(),
            # The lock of compare-and-replace stays, by design.
            leftovers=lambda: [str(file) for file in root.rglob("*") if file.is_file() and file.name != "~lock"],
        )
