import gc
import os
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
    for name in [name for name in os.environ if name.startswith("REGISTRY_")]:
        monkeypatch.delenv(name)
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


def test_variables_override_the_file_and_the_command_line_both(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables count over the file, and the command line over them."""
    monkeypatch.setenv("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "/by-variable")
    monkeypatch.setenv("REGISTRY_HTTP_ADDR", ":7001")

    actual = configure(config=config, root=None, addr=None)
    nearer = configure(config=config, root=Path("/by-option"), addr=":7002")

    assert ({"rootdirectory": "/by-variable"}, 7001) == (actual.storage.parameters, actual.http.addr.port)
    assert ({"rootdirectory": "/by-option"}, 7002) == (nearer.storage.parameters, nearer.http.addr.port)


def test_an_address_stands_in_for_a_socket(config: Path) -> None:
    """`--addr` is of the network, whatever the file listens on."""
    config.write_text("version: 0.1\nstorage: inmemory\nhttp: {net: unix, addr: /run/r.sock}\n")

    actual = configure(config=config, root=None, addr=":7002").http

    assert ("tcp", None, 7002) == (actual.net, actual.unix, actual.addr.port)


@pytest.mark.parametrize(
    ("variables", "driver", "parameters"),
    [
        ({"REGISTRY_STORAGE": "inmemory"}, "inmemory", {}),
        ({"REGISTRY_STORAGE_INMEMORY": "{}"}, "inmemory", {}),
        ({"REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": "/v"}, "filesystem", {"rootdirectory": "/v"}),
    ],
)
def test_without_a_file_variables_say_where_the_data_is(
    variables: dict[str, str], driver: str, parameters: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder of the default is only for who names no other storage."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    actual = configure(config=None, root=None, addr=None).storage

    assert (driver, parameters) == (actual.driver, actual.parameters)


def test_without_a_file_variables_count_for_the_rest(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables beside the driver keep the folder of the default."""
    monkeypatch.setenv("REGISTRY_STORAGE_DELETE_ENABLED", "true")

    actual = configure(config=None, root=None, addr=None).storage

    assert (str(home / "holdfast" / "registry"), True) == (actual.parameters["rootdirectory"], actual.delete.enabled)


def test_a_variable_names_the_file(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`REGISTRY_CONFIGURATION_PATH` is the file, as upstream has it, unless the command line names one."""
    monkeypatch.setenv("REGISTRY_CONFIGURATION_PATH", str(config))

    actual = configure(config=None, root=None, addr=None)

    assert 7000 == actual.http.addr.port


def test_what_cannot_be_honoured_is_refused_when_serving(config: Path) -> None:
    """One line with the place of the first, and how many more; a command that works on storage need not care."""
    config.write_text(
        "version: 0.1\nstorage: inmemory\nproxy: {remoteurl: 'http://a'}\npolicy: {repository: {classes: [image]}}\n"
    )

    with pytest.raises(ConfigurationError) as caught:
        configure(config=config, root=None, addr=None)
    actual = configure(config=config, root=None, addr=None, serving=False)

    assert str(caught.value).startswith(f"{config}:3:9: proxy.remoteurl: this version isn't a cache in front of")
    assert str(caught.value).endswith("(1 more: `holdfast config check` tells all)")
    assert "inmemory" == actual.storage.driver


def test_what_is_old_is_warned_of(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A deprecated key gets a line on standard error, and counts."""
    config.write_text("version: 0.1\nstorage: inmemory\nloglevel: debug\n")

    actual = configure(config=config, root=None, addr=None)

    assert "debug" == actual.log.level
    assert f"holdfast: warning: {config}:3:1: loglevel: is deprecated; write log.level\n" == capsys.readouterr().err


def test_garbage_is_collected_once_everything_is_loaded() -> None:
    """The command line switches the collector off to start quickly; a server that runs for weeks has it on."""
    gc.disable()

    _collect_from_now_on()
    frozen, enabled = gc.get_freeze_count(), gc.isenabled()
    gc.unfreeze()

    assert enabled
    assert frozen > 0
