"""What the clients of a registry have in common: a way to trust it, and programs with a home of their own."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from .images import Layout
from .tools import Tool

__all__ = ["PLAIN", "Client", "ClientError", "ImageClient", "Trust"]


class ClientError(Exception):
    """A client ended with a failure; the message carries what it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """How clients reach a registry whose certificate the machine doesn't know.

    Attributes:
        authority: What the certificate was issued by, as `ca.crt` in a folder of its own; None for plain HTTP.
    """

    authority: Path | None = None

    def flags(self, side: str = "") -> tuple[str, ...]:
        """Returns the flags of skopeo, podman and buildah.

        Args:
            side: What stands before their names, for a command that talks to two registries: `src-` or `dest-`.
        """
        if self.authority is None:
            return (f"--{side}tls-verify=false",)
        return (f"--{side}cert-dir={self.authority.parent}",)


PLAIN = Trust()
"""Plain HTTP."""


class ImageClient(Protocol):
    """What pushes and pulls images."""

    def push(self, layout: Layout, reference: str) -> None:
        """Pushes what a layout names to `host/name:tag`, by way of the client's own store if it has one."""

    def pull(self, reference: str, folder: Path) -> Layout:
        """Pulls `host/name:tag` or `host/name@digest`, and writes a layout of it into a folder that doesn't exist."""


class Client:
    """A program that is run to its end, once per call, with a home folder of its own.

    Args:
        tool: The executable.
        home: A folder for what it would otherwise leave in the caller's.
        trust: How it reaches the registry.
    """

    def __init__(self, *, tool: Tool, home: Path, trust: Trust = PLAIN) -> None:
        self._tool = tool
        self._home = home
        self._trust = trust

    def environment(self) -> dict[str, str]:
        """Returns the program's whole environment."""
        return {**self._tool.env, "HOME": str(self._home), "TMPDIR": os.environ.get("TMPDIR", str(self._home))}

    def flags(self) -> tuple[str, ...]:
        """Returns what stands before each command; nothing, unless a client has some."""
        return ()

    def run(self, *arguments: str | Path) -> bytes:
        """Runs one command in the home folder and returns what it printed on standard output.

        Raises:
            ClientError: it failed.
        """
        command = [str(self._tool.path), *self.flags(), *map(str, arguments)]
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            env=self.environment(),
            cwd=self._home,
            timeout=90,
        )
        if done.returncode:
            said = (done.stdout + done.stderr).decode(errors="replace")
            msg = f"{' '.join(command)}\n{said}"
            raise ClientError(msg)
        return done.stdout
