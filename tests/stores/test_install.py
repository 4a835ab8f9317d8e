"""The script that brings the stores, in a copy of its own, with nothing to download from."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

_TOP = Path(__file__).resolve().parents[2]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with the scripts and what they read, and no `.tools`."""
    for part in ("scripts", "tests/services/requirements"):
        shutil.copytree(_TOP / part, tmp_path / part)
    return tmp_path


def _install(copy: Path, *stores: str) -> subprocess.CompletedProcess[str]:
    """Runs it where Python makes no virtual environment, as where it can't be downloaded for one."""
    command = [str(copy / "scripts/install-stores"), *stores]
    environment = {**os.environ, "PYTHON": "false"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


def test_what_cannot_be_had_is_named(copy: Path) -> None:
    """A store that can't be installed is named, with how to try again, and the ones after it are tried."""
    done = _install(copy, "moto", "azurite", "fake-gcs")

    assert 1 == done.returncode
    assert "installing fake-gcs" in done.stderr
    assert "scripts/install-stores moto azurite fake-gcs" == done.stderr.splitlines()[-1]


def test_what_is_there_is_left_alone(copy: Path) -> None:
    """Nothing is done, and nothing said, for a store that was installed from the same requirements; otherwise it is."""
    requirements = copy / "tests/services/requirements/moto.txt"
    folder = copy / ".tools/stores/moto"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/python").symlink_to("/bin/true")
    shutil.copy(requirements, folder / ".installed")

    assert (0, "") == ((done := _install(copy, "moto")).returncode, done.stderr)

    requirements.write_text("moto==0\n")

    assert "installing moto" in _install(copy, "moto").stderr


def test_unknown_store_is_refused(copy: Path) -> None:
    """A name that no store has is an error that says it."""
    done = _install(copy, "ceps")

    assert (2, "no store is called ceps\n") == (done.returncode, done.stderr)
