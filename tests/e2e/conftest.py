from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.images import Layout, build_image, build_index
from tests.services.skopeo import Skopeo
from tests.services.tools import Tool, find_tool


def _require(name: str, remedy: str) -> Tool:
    tool = find_tool(name)
    if tool is None:
        pytest.skip(f"{name} is missing: {remedy}")
    return tool


@pytest.fixture(scope="session")
def go_registry_tool() -> Tool:
    """Debian's docker-registry, or the reason why the test cannot run."""
    return _require("docker-registry", "scripts/fetch-tools docker-registry")


@pytest.fixture(scope="session")
def skopeo(tmp_path_factory: pytest.TempPathFactory) -> Skopeo:
    """The skopeo of this machine, or the reason why the test cannot run."""
    tool = _require("skopeo", "sudo apt-get install skopeo")
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
