"""The data folder of a registry that was told none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.storage.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["default_data_folder"]


def default_data_folder(environment: Mapping[str, str]) -> Path:
    """`$XDG_DATA_HOME/holdfast/registry`, by default `~/.local/share/holdfast/registry`; it need not exist.

    A relative `XDG_DATA_HOME` is ignored, as https://specifications.freedesktop.org/basedir-spec/ asks.

    Raises:
        ConfigurationError: There is neither an `XDG_DATA_HOME` nor a home folder.
    """
    data_home = Path(environment.get("XDG_DATA_HOME", ""))
    if not data_home.is_absolute():
        try:
            data_home = Path.home() / ".local" / "share"
        except RuntimeError as error:
            raise ConfigurationError("there is no home folder to keep the data in; name one with --root DIR") from error
    return data_home / "holdfast" / "registry"
