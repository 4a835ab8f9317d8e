"""Debian's docker-registry (Distribution 2.8, in Go), on the filesystem or another of its drivers."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import yaml

from .server import Server, ServerError, uncredentialed
from .tools import Tool

__all__ = ["GoRegistry"]


class GoRegistry(Server):
    """The Go registry on a data folder or a bucket, with deletes enabled.

    Args:
        tool: The `docker-registry` executable.
        root: Its `rootdirectory`.
        scratch: As for `Server`.
        port: As for `Server`.
        logs: Whether it logs what it logs by default, each request included; errors alone when not.
        driver: The driver and its parameters, as the section `storage` names them; the filesystem when not given.
        further: Other sections of its configuration file.
    """

    name = "docker-registry"

    def __init__(
        self,
        *,
        tool: Tool,
        root: Path,
        scratch: Path,
        port: int | None = None,
        logs: bool = False,
        driver: Mapping[str, Mapping[str, object]] | None = None,
        further: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(root=root, scratch=scratch, port=port)
        self._tool = tool
        self._logs = logs
        self._further = further or {}
        self._driver = driver or {"filesystem": {"rootdirectory": str(root)}}

    def command(self) -> list[str]:
        """Writes the configuration, and returns the command that reads it."""
        config = {
            "version": 0.1,
            **self._further,
            "log": {} if self._logs else {"level": "error", "accesslog": {"disabled": True}},
            "storage": {
                **self._driver,
                "delete": {"enabled": True},
                # As in Debian's own configuration file: what an operator replaces has this cache.
                "cache": {"blobdescriptor": "inmemory"},
                # Ours is told the same where it can redirect: a client that can't reach the store gets its content.
                "redirect": {"disable": True},
            },
            # Without a secret of its own, locations of uploads end with the process that named them.
            "http": {"addr": self.address, "secret": "the same after a restart"},
        }
        path = self.scratch / f"{self.name}-{self.port}.yml"
        path.write_text(yaml.safe_dump(config))
        return [str(self._tool.path), "serve", str(path)]

    def collect_garbage(self, *flags: str) -> str:
        """Runs its garbage collection to the end, and returns what it printed; nobody may serve the folder meanwhile.

        Raises:
            ServerError: it failed; the message carries what it printed.
        """
        executable, _, config = self.command()
        command = [executable, "garbage-collect", *flags, config]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=self.environment(), timeout=60)
        if done.returncode:
            msg = f"{self.name} garbage-collect ended with status {done.returncode}\n{done.stdout}{done.stderr}"
            raise ServerError(msg)
        return done.stdout

    def environment(self) -> dict[str, str]:
        """Returns what the executable needs to find its libraries."""
        return uncredentialed(self._tool.env)
