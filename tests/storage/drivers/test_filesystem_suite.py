"""The certification suite on the filesystem driver, looking at the disk behind its back."""

from pathlib import Path

import pytest

from holdfast.storage import Capabilities
from holdfast.testing import DriverSuite, Store


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

        def seed(path: str, content: bytes) -> None:
            file = root / path[1:]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)

        def read(path: str) -> bytes:
            return (root / path[1:]).read_bytes()

        def leftovers() -> list[str]:
            found = {str(path.relative_to(root)) for path in root.rglob("*")}
            return sorted(found - {".uploads~", ".uploads~/~lock"})

        parameters = {"rootdirectory": str(root)}
        return Store.named("filesystem", parameters, seed_behind=seed, read_behind=read, leftovers=leftovers)
