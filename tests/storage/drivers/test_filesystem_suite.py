"""The certification suite on the filesystem driver, looking at the disk behind its back."""

from pathlib import Path

import pytest

from holdfast.storage import Capabilities
from holdfast.testing import DriverSuite, Store
from tests.storage.drivers.disk_hooks import disk_hooks


class TestFilesystemDriver(DriverSuite):
    """Everything the contract says, on a directory."""

    capabilities = Capabilities(
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
        """Once everything is deleted, only the lock of compare-and-replace may be there."""
        root = tmp_path / "root"
        parameters = {"rootdirectory": str(root)}
        return Store.named("filesystem", parameters, **disk_hooks(root, ".uploads~/~lock"))
