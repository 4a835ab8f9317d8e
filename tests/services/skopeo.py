"""skopeo, the registry client that the tests use as a person would."""

import json
import os
import subprocess
from pathlib import Path

from .tools import Tool

__all__ = ["Skopeo", "SkopeoError"]


class SkopeoError(Exception):
    """skopeo ended with a failure; the message carries what it said."""


class Skopeo:
    """Runs skopeo, over plain HTTP, with a home folder of its own.

    Args:
        tool: The executable.
        home: A folder for what it would otherwise leave in the caller's.
    """

    def __init__(self, *, tool: Tool, home: Path) -> None:
        self._tool = tool
        self._home = home

    def copy(self, source: str, target: str, *flags: str) -> None:
        """Copies between two places in skopeo's notation, such as `oci:/layout:tag` and `docker://host/name:tag`."""
        insecure = ("--src-tls-verify=false", "--dest-tls-verify=false")
        self._run("copy", "--quiet", *insecure, *flags, source, target)

    def inspect(self, reference: str, *flags: str) -> bytes:
        """Returns what `skopeo inspect` prints for `docker://` + reference."""
        return self._run("inspect", "--tls-verify=false", *flags, f"docker://{reference}")

    def list_tags(self, repository: str) -> list[str]:
        """Returns the tags of a repository, in the order in which the registry lists them."""
        document = json.loads(self._run("list-tags", "--tls-verify=false", f"docker://{repository}"))
        return [str(tag) for tag in document["Tags"] or []]

    def delete(self, reference: str) -> None:
        """Deletes the manifest that `docker://` + reference names."""
        self._run("delete", "--tls-verify=false", f"docker://{reference}")

    def _run(self, *arguments: str) -> bytes:
        command = [str(self._tool.path), "--insecure-policy", *arguments]
        env = {**self._tool.env, "HOME": str(self._home), "TMPDIR": os.environ.get("TMPDIR", str(self._home))}
        done = subprocess.run(command, capture_output=True, check=False, env=env, timeout=90)
        if done.returncode:
            msg = f"skopeo {' '.join(arguments)}\n{done.stderr.decode(errors='replace')}"
            raise SkopeoError(msg)
        return done.stdout
