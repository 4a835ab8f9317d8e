"""fsspec's own tests of filesystems, on drivers of ours."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.tests.abstract import (
    AbstractCopyTests,
    AbstractFixtures,
    AbstractGetTests,
    AbstractOpenTests,
    AbstractPipeTests,
    AbstractPutTests,
)

from holdfast.fsspec import HoldfastFileSystem


class _Fixtures(AbstractFixtures):  # type: ignore[misc]  # fsspec ships no types
    @pytest.fixture(params=["inmemory", "filesystem"])
    def fs(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[HoldfastFileSystem]:
        """A filesystem over each driver that needs nothing else."""
        parameters: dict[str, Any] = {} if request.param == "inmemory" else {"rootdirectory": str(tmp_path / "root")}
        filesystem = HoldfastFileSystem(request.param, parameters, skip_instance_cache=True)
        yield filesystem
        filesystem.close()

    @pytest.fixture
    def fs_path(self) -> str:
        """Where the tests work."""
        return "/work"

    @pytest.fixture
    def supports_empty_directories(self) -> bool:
        """A directory is there as long as a file is below it."""
        return False


class TestCopy(_Fixtures, AbstractCopyTests):  # type: ignore[misc]  # as above
    """Within the filesystem."""


class TestGet(_Fixtures, AbstractGetTests):  # type: ignore[misc]  # as above
    """To this machine."""


class TestPut(_Fixtures, AbstractPutTests):  # type: ignore[misc]  # as above
    """From this machine."""


class TestPipe(_Fixtures, AbstractPipeTests):  # type: ignore[misc]  # as above
    """Whole contents."""


class TestOpen(_Fixtures, AbstractOpenTests):  # type: ignore[misc]  # as above
    """Files."""


def test_protocol_is_known() -> None:
    """Fsspec finds the filesystem by its name, once the package is installed."""
    assert HoldfastFileSystem is fsspec.get_filesystem_class("holdfast")
