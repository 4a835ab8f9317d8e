from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.images import Layout, build_image, build_index
from tests.services.requirement import require_tool
from tests.services.shared_storage import SharedFolder
from tests.services.skopeo import Skopeo
from tests.services.tools import Tool


@pytest.fixture(scope="session")
def go_registry_tool() -> Tool:
    """Debian's docker-registry, or the reason why the test cannot run."""
    return require_tool("docker-registry", "scripts/fetch-tools docker-registry")


@pytest.fixture(scope="session")
def skopeo(tmp_path_factory: pytest.TempPathFactory) -> Skopeo:
    """The skopeo of this machine, or the reason why the test cannot run."""
    tool = require_tool("skopeo", "scripts/install-clients")
    return Skopeo(tool=tool, home=tmp_path_factory.mktemp("skopeo"))


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """A single-platform OCI image of 50 MB of real files and more, built once."""
    return build_image(tmp_path_factory.mktemp("image") / "layout")


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """A small OCI image index for two platforms, built once."""
    return build_index(tmp_path_factory.mktemp("index") / "layout")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty data folder."""
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    """A folder for the configuration and output of the servers of one test; what they said is shown if it fails."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    yield folder
    for log in sorted(folder.glob("*.log")):
        print(f"{log.name}, the end:\n{log.read_text(errors='replace')[-20_000:]}")


@pytest.fixture
def folder(root: Path, scratch: Path, go_registry_tool: Tool) -> SharedFolder:
    """An empty data folder that Holdfast and the Go registry can be started on in turns."""
    return SharedFolder(root=root, scratch=scratch, tool=go_registry_tool)
