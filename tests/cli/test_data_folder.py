from pathlib import Path

import pytest

from holdfast.cli.data_folder import default_data_folder
from holdfast.storage.errors import ConfigurationError


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"XDG_DATA_HOME": "/data"}, "/data/holdfast/registry"),
        ({"XDG_DATA_HOME": ""}, "/users/me/.local/share/holdfast/registry"),
        ({"XDG_DATA_HOME": "relative"}, "/users/me/.local/share/holdfast/registry"),
        ({}, "/users/me/.local/share/holdfast/registry"),
    ],
)
def test_follows_the_base_directory_specification(
    environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The data folder is where programs keep a user's data; a relative setting counts as none."""
    monkeypatch.setenv("HOME", "/users/me")

    actual = default_data_folder(environment)

    assert Path(expected) == actual


def test_without_a_home_it_asks_for_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without a home folder is told which option to give."""

    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)

    with pytest.raises(ConfigurationError, match="name one with --root DIR"):
        default_data_folder({})
