"""`holdfast serve` as a process."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import yaml

from .server import Server

__all__ = ["HOLDFAST", "HoldfastServer"]

HOLDFAST = Path(sys.executable).with_name("holdfast")
"""The command, as it is installed beside the Python that runs the tests."""


class HoldfastServer(Server):
    """Holdfast on a data folder: by command-line options, or by a configuration file when one is given.

    Args:
        root: The data folder.
        scratch: As for `Server`.
        port: As for `Server`.
        config: What the configuration file says beyond the filesystem storage and the address; sections named here
            are laid over those.
    """

    name = "holdfast"

    def __init__(
        self,
        *,
        root: Path,
        scratch: Path,
        port: int | None = None,
        config: Mapping[str, Mapping[str, object]] | None = None,
    ) -> None:
        super().__init__(root=root, scratch=scratch, port=port)
        self._config = config

    def command(self) -> list[str]:
        """Returns the command line, having written the configuration file it names, if any."""
        if self._config is None:
            return [str(HOLDFAST), "serve", "--root", str(self.root), "--addr", self.address]
        config: dict[str, object] = {
            "version": 0.1,
            **self._config,
            "storage": {"filesystem": {"rootdirectory": str(self.root)}, **self._config.get("storage", {})},
            "http": {"addr": self.address, **self._config.get("http", {})},
        }
        path = self.scratch / f"{self.name}-{self.port}.yml"
        path.write_text(yaml.safe_dump(config))
        return [str(HOLDFAST), "serve", str(path)]

    def environment(self) -> dict[str, str]:
        """Returns our environment without what would configure the registry behind the test's back."""
        return {key: value for key, value in os.environ.items() if not key.startswith("REGISTRY_")}
