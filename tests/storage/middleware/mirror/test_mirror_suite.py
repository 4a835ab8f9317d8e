"""The certification suite through `mirror`, of two stores in memory, and of memory and a directory."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from holdfast.storage import Capabilities, StorageDriver
from holdfast.storage.drivers.filesystem import FilesystemDriver
from holdfast.storage.drivers.filesystem.options import FilesystemOptions
from holdfast.storage.drivers.inmemory import InMemoryDriver
from holdfast.storage.middleware.mirror import Mirror
from holdfast.storage.middleware.mirror.options import MirrorOptions
from holdfast.testing import DriverSuite, MiddlewareSuite, Store

_CAPABLE = Capabilities(
    exclusive_names=True, put_create_only=True, put_match_version=True, write_resume_token=True, list_uploads=True
)


def _options(storage: dict[str, Any], required: str = "both") -> MirrorOptions:
    return MirrorOptions.model_validate({"storage": storage, "required": required})


class TestMirrorInMemory(MiddlewareSuite):
    """Memory and memory."""

    capabilities = _CAPABLE
    deviations: ClassVar[Mapping[str, str]] = dict.fromkeys(
        (
            "test_streaming_takes_bounded_memory",
            "test_slow_reader_does_not_make_the_driver_read_ahead_without_bound",
        ),
        "the content is in memory twice; what mirroring itself takes is measured with a directory as one store",
    )

    @pytest.fixture
    def wrap(self) -> Callable[[StorageDriver], StorageDriver]:
        """The second store is made from its name."""
        return lambda inner: Mirror(inner, _options({"inmemory": None}))


class TestMirrorInMemoryAndOnDisk(DriverSuite):
    """Memory, and a directory that is found empty afterwards."""

    capabilities = _CAPABLE

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        """One driver object is one store, because of the memory."""
        root = tmp_path / "root"
        options = _options({"filesystem": {"rootdirectory": str(root)}}, "primary")

        def leftovers() -> list[str]:
            found = {str(path.relative_to(root)) for path in root.rglob("*")}
            return sorted(found - {".uploads~", ".uploads~/~lock"})

        return Store(make=lambda: Mirror(InMemoryDriver(), options), leftovers=leftovers, content_in_memory=True)


class TestMirrorOnDiskAndInMemory(DriverSuite):
    """A directory, and memory."""

    capabilities = replace(_CAPABLE, local_path=True)

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        """The second store is forgotten with the driver."""
        first = FilesystemOptions(rootdirectory=str(tmp_path / "root"))
        options = _options({"inmemory": {}})
        return Store(make=lambda: Mirror(FilesystemDriver(first), options), content_in_memory=True)
