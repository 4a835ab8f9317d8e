"""skopeo, the registry client that the tests use as a person would."""

import json
from pathlib import Path

from .client import Client
from .images import Layout

__all__ = ["Skopeo"]


class Skopeo(Client):
    """Runs skopeo; it keeps no store, and changes no bit unless asked to."""

    def flags(self) -> tuple[str, ...]:
        """Returns the flag that trusts all images."""
        return ("--insecure-policy",)

    def copy(self, source: str, target: str, *flags: str) -> None:
        """Copies between two places in skopeo's notation, such as `oci:/layout:tag` and `docker://host/name:tag`."""
        self.run("copy", "--quiet", *self._trust.flags("src-"), *self._trust.flags("dest-"), *flags, source, target)

    def push(self, layout: Layout, reference: str) -> None:
        """Pushes what a layout names, an index with all its images."""
        self.copy(layout.reference, f"docker://{reference}", "--all")

    def pull(self, reference: str, folder: Path) -> Layout:
        """Pulls what a reference names, an index with all its images."""
        self.copy(f"docker://{reference}", f"oci:{folder}:pulled", "--all")
        return Layout.read(folder)

    def sync(self, source: str, target: str) -> None:
        """Copies all tags of a repository, under its own last name, below a place in a registry."""
        flags = ("--all", "--src=docker", "--dest=docker")
        self.run("sync", *flags, *self._trust.flags("src-"), *self._trust.flags("dest-"), source, target)

    def inspect(self, reference: str, *flags: str) -> bytes:
        """Returns what `skopeo inspect` prints for `docker://` + reference."""
        return self.run("inspect", *self._trust.flags(), *flags, f"docker://{reference}")

    def list_tags(self, repository: str) -> list[str]:
        """Returns the tags of a repository, in the order in which the registry lists them."""
        document = json.loads(self.run("list-tags", *self._trust.flags(), f"docker://{repository}"))
        return [str(tag) for tag in document["Tags"] or []]

    def delete(self, reference: str) -> None:
        """Deletes the manifest that `docker://` + reference names."""
        self.run("delete", *self._trust.flags(), f"docker://{reference}")
