"""A driver's author begins: from the installed wheel to an image in a store of their own, in a fresh environment."""

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.services.holdfast_server import HoldfastServer
from tests.services.images import Layout
from tests.services.skopeo import Skopeo

pytestmark = pytest.mark.e2e

_TOP = Path(__file__).resolve().parents[2]
_SUITE = "-q -p no:cacheprovider --holdfast-examples=2"
_MEMORY = Path("/dev/shm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A virtual environment with Holdfast from its wheel, and a new driver's package beside it."""

    folder: Path
    package: Path

    def run(self, program: str, *words: str) -> str:
        """Run a program of the environment in the package's folder, and return what it printed."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("REGISTRY_", "PYTEST"))}
        done = subprocess.run(
            [str(self.folder / "bin" / program), *words],
            cwd=self.package if self.package.exists() else self.folder,
            env={**inherited, "PYTEST_ADDOPTS": f"{_SUITE} {_scratch(self.folder.name)}"},
            capture_output=True,
            text=True,
            check=False,
        )

        assert 0 == done.returncode, f"{program} {' '.join(words)}\n{done.stdout}{done.stderr}"
        return done.stdout


def _scratch(name: str) -> str:
    """Where the suite's databases lie: in memory if there is enough, since it waits for a disk thousands of times."""
    roomy = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > 4 * 1024**3
    return f"--basetemp={_MEMORY}/holdfast-{os.getpid()}-{name}" if roomy else ""


def _pip(python: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Our pip, working on another environment: it needn't be installed there first."""
    command = [sys.executable, "-m", "pip", "--python", str(python), "--quiet", "--no-input", *words]
    return subprocess.run(command, cwd=_TOP, capture_output=True, text=True, check=False)


def _install(python: Path, *words: str) -> None:
    done = _pip(python, "install", "--no-build-isolation", "--constraint", "constraints.txt", *words)

    assert 0 == done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """What its author has after the first three commands."""
    folder = tmp_path_factory.mktemp("environment")
    made = Environment(folder=folder, package=folder / "holdfast-shelf")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    if (probe := _pip(python, "install", "hatchling")).returncode != 0:
        pytest.skip(f"packages can't be installed here: {(probe.stderr.strip().splitlines() or ['?'])[-1]}")
    wheel = _pip(python, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder / "wheel"), ".")

    assert 0 == wheel.returncode, wheel.stdout + wheel.stderr
    (file,) = (folder / "wheel").iterdir()
    _install(python, f"{file}[testing]")
    made.run("holdfast", "drivers", "new", "shelf", "--author", "Ann Author")
    _install(python, f"{made.package}[test]")
    yield made
    for left in _MEMORY.glob(f"holdfast-{os.getpid()}-{folder.name}*"):
        shutil.rmtree(left)


def test_the_driver_is_found(environment: Environment) -> None:
    """Installed beside Holdfast's wheel, it is listed with its package, description and options."""
    (driver,) = json.loads(environment.run("holdfast", "drivers", "shelf", "--json"))

    assert ("holdfast-shelf 0.1.0", None) == (driver["package"], driver["problem"])
    assert "Files in one SQLite database." == driver["summary"]
    assert ["database", "threads", "patience"] == [option["name"] for option in driver["options"]]
    assert str(environment.folder) in environment.run("python", "-c", "import holdfast; print(holdfast.__file__)")


@pytest.mark.timeout(400)
def test_the_driver_passes_its_own_tests(environment: Environment) -> None:
    """The package's tests, the whole certification suite among them, pass as they were written."""
    printed = environment.run("pytest")

    assert " passed" in printed
    assert "deviation" not in printed


def test_the_driver_is_certified_by_name(environment: Environment) -> None:
    """Whoever installs it can certify it, with parameters and without a file; the whole suite ran just before."""
    words = (
        "--pyargs",
        "holdfast.testing",
        "--holdfast-driver",
        "shelf",
        "--holdfast-param",
        "database={tmp}/files.db",
    )
    printed = environment.run("pytest", *words, "-k", "as_declared or move or sharing or another_process")

    assert " passed" in printed


def test_the_driver_can_carry_a_registry(environment: Environment, tmp_path: Path) -> None:
    """`holdfast drivers check` finds nothing that a registry would miss."""
    words = ("drivers", "check", "shelf", "--param", f"database={tmp_path}/files.db", "--json")

    assert json.loads(environment.run("holdfast", *words))["ready"]


class _Served(HoldfastServer):
    """The registry of the fresh environment, with the new driver in its configuration file."""

    def __init__(self, environment: Environment, *, folder: Path) -> None:
        driver = {"shelf": {"database": str(folder / "files.db")}}
        super().__init__(root=folder, scratch=folder / "scratch", driver=driver)
        self._program = environment.folder / "bin" / "holdfast"

    def command(self) -> list[str]:
        return [str(self._program), *super().command()[1:]]


@pytest.fixture
def served(environment: Environment, tmp_path: Path) -> Iterator[HoldfastServer]:
    """It runs."""
    with _Served(environment, folder=tmp_path) as server:
        yield server


def test_an_image_comes_back_bit_for_bit(served: HoldfastServer, skopeo: Skopeo, image: Layout, tmp_path: Path) -> None:
    """What skopeo pushes through `holdfast serve config.yml` lies in the database, and is pulled after a restart."""
    skopeo.push(image, f"{served.address}/debian/files:v1")
    assert 0 == served.stop()
    assert (tmp_path / "files.db").stat().st_size > sum(len(blob) for blob in image.blobs().values())
    served.start()
    pulled = skopeo.pull(f"{served.address}/debian/files:v1", tmp_path / "pulled")

    assert image.digest == pulled.digest
    assert image.blobs() == pulled.blobs()
