"""Debian's docker-registry (Distribution 2.8, in Go), on the filesystem."""

from pathlib import Path

import yaml

from .server import Server
from .tools import Tool

__all__ = ["GoRegistry"]


class GoRegistry(Server):
    """The Go registry on a data folder, with deletes enabled and quiet logs.

    Args:
        tool: The `docker-registry` executable.
        root: Its `rootdirectory`.
        scratch: As for `Server`.
        port: As for `Server`.
    """

    name = "docker-registry"

    def __init__(self, *, tool: Tool, root: Path, scratch: Path, port: int | None = None) -> None:
        super().__init__(root=root, scratch=scratch, port=port)
        self._tool = tool

    def command(self) -> list[str]:
        """Writes the configuration, and returns the command that reads it."""
        config = {
            "version": 0.1,
            "log": {"level": "error", "accesslog": {"disabled": True}},
            "storage": {
                "filesystem": {"rootdirectory": str(self.root)},
                "delete": {"enabled": True},
                # As in Debian's own configuration file: what an operator replaces has this cache.
                "cache": {"blobdescriptor": "inmemory"},
            },
            # Without a secret of its own, locations of uploads end with the process that named them.
            "http": {"addr": self.address, "secret": "the same after a restart"},
        }
        path = self.scratch / f"{self.name}-{self.port}.yml"
        path.write_text(yaml.safe_dump(config))
        return [str(self._tool.path), "serve", str(path)]

    def environment(self) -> dict[str, str]:
        """Returns what the executable needs to find its libraries."""
        return self._tool.env
