import gc
from pathlib import Path

import pytest
import typer

from holdfast.cli.serve import _collect_from_now_on, configure
from holdfast.config import Address
from holdfast.storage.errors import ConfigurationError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data home of the test's own, and no variables of a registry."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration file with a folder and an address."""
    path = tmp_path / "config.yml"
    path.write_text("version: 0.1\nstorage: {filesystem: {rootdirectory: /srv}}\nhttp: {addr: '127.0.0.1:7000'}\n")
    return path


def test_without_anything_it_is_a_folder_on_loopback(home: Path) -> None:
    """The default reaches no other machine and keeps what it gets."""
    actual = configure(config=None, root=None, addr=None)

    assert ("filesystem", {"rootdirectory": str(home / "holdfast" / "registry")}) == (
        actual.storage.driver,
        actual.storage.parameters,
    )
    assert Address(host="127.0.0.1", port=5000) == actual.http.addr


def test_root_and_addr_stand_in_for_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both options work without a file; a relative folder is one of where the command runs."""
    monkeypatch.chdir(tmp_path)

    actual = configure(config=None, root=Path("data"), addr=":5001")

    assert {"rootdirectory": str(tmp_path / "data")} == actual.storage.parameters
    assert Address(host="", port=5001) == actual.http.addr


def test_root_and_addr_override_a_file(config: Path) -> None:
    """What is said on the command line is nearer than what is in the file."""
    actual = configure(config=config, root=Path("/elsewhere"), addr="[::1]:1")

    assert {"rootdirectory": "/elsewhere"} == actual.storage.parameters
    assert Address(host="::1", port=1) == actual.http.addr


def test_a_file_stands_as_it_is(config: Path) -> None:
    """Without options, the file decides."""
    actual = configure(config=config, root=None, addr=None)

    assert {"rootdirectory": "/srv"} == actual.storage.parameters
    assert Address(host="127.0.0.1", port=7000) == actual.http.addr


def test_root_needs_storage_in_a_folder(config: Path) -> None:
    """A data folder for a driver that has none is wrong usage, not ignored."""
    config.write_text("version: 0.1\nstorage: inmemory\n")

    with pytest.raises(typer.BadParameter, match="storage is 'inmemory', which has no data folder"):
        configure(config=config, root=Path("/elsewhere"), addr=None)


def test_overrides_by_environment_are_refused(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that upstream would have obeyed aren't silently ignored."""
    monkeypatch.setenv("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "/elsewhere")

    with pytest.raises(ConfigurationError, match="REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY"):
        configure(config=config, root=None, addr=None)


def test_garbage_is_collected_once_everything_is_loaded() -> None:
    """The command line switches the collector off to start quickly; a server that runs for weeks has it on."""
    gc.disable()

    _collect_from_now_on()
    frozen, enabled = gc.get_freeze_count(), gc.isenabled()
    gc.unfreeze()

    assert enabled
    assert frozen > 0
