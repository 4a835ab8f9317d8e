"""podman and buildah: clients that unpack what they pull into a store, and pack anew what they push."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from .client import PLAIN, Client, Trust
from .images import Layout
from .tools import Tool

__all__ = ["Buildah", "Podman"]

# The daemon-less store of files alone needs neither an overlay nor a user namespace.
_CONTAINERS_CONF = """
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
[network]
network_config_dir = "{home}/networks"
"""


class _StoreClient(Client):
    """What the two have in common; the store and all settings lie in the home folder."""

    def __init__(self, *, tool: Tool, home: Path, trust: Trust = PLAIN) -> None:
        super().__init__(tool=tool, home=home, trust=trust)
        (home / "containers.conf").write_text(_CONTAINERS_CONF.format(home=home))
        (home / ".config/containers").mkdir(parents=True)
        (home / ".config/containers/policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')

    def environment(self) -> dict[str, str]:
        """Returns the environment with what names the settings."""
        # podman looks for the programs beside it, though all that is done here is pushing and pulling.
        path = f"{self._tool.path.parent}{os.pathsep}{os.environ.get('PATH', '')}"
        return {**super().environment(), "CONTAINERS_CONF": str(self._home / "containers.conf"), "PATH": path}

    def flags(self) -> tuple[str, ...]:
        """Returns the flags that place the store."""
        return "--storage-driver=vfs", f"--root={self._home}/root", f"--runroot={self._home}/run"

    def push(self, layout: Layout, reference: str) -> None:
        """Pushes the image of a layout, its layers packed anew."""
        self.push_image(self._last_line("pull", "--quiet", layout.reference), reference)

    def push_image(self, image: str, reference: str, *flags: str) -> None:
        """Pushes an image of the store."""
        self.run("push", "--quiet", *self._trust.flags(), *flags, image, f"docker://{reference}")

    def pull(self, reference: str, folder: Path, *flags: str) -> Layout:
        """Pulls an image into the store, and writes it from there into a layout, its layers packed anew."""
        self.run("push", "--quiet", self.pull_image(reference, *flags), f"oci:{folder}:pulled")
        return Layout.read(folder)

    def pull_image(self, reference: str, *flags: str) -> str:
        """Pulls an image into the store and returns its id there."""
        return self._last_line("pull", "--quiet", *self._trust.flags(), *flags, reference)

    def push_list(self, images: list[str], reference: str, *flags: str) -> str:
        """Makes a list of images of the store, pushes it with all of them, and returns its digest."""
        written = self._home / "list-digest"
        self.run("manifest", "create", "some-list")
        for image in images:
            self.run("manifest", "add", "some-list", f"containers-storage:{image}")
        self.run(
            "manifest",
            "push",
            "--all",
            f"--digestfile={written}",
            *self._trust.flags(),
            *flags,
            "some-list",
            f"docker://{reference}",
        )
        self.run("manifest", "rm", "some-list")
        return written.read_text()

    def inspect_list(self, reference: str) -> dict[str, Any]:
        """Returns the list that a registry has under a reference."""
        self._introduce(reference)
        return dict(json.loads(self.run("manifest", "inspect", reference)))

    def _introduce(self, reference: str) -> None:
        """Says in the configuration how a registry is reached: some commands have no flags for that."""
        address = reference.partition("/")[0]
        settings = self._home / ".config/containers"
        if self._trust.authority is None:
            text = f'[[registry]]\nlocation = "{address}"\ninsecure = true\n'
            (settings / "registries.conf").write_text(text)
        else:
            folder = settings / "certs.d" / address
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(self._trust.authority, folder)

    def _last_line(self, *arguments: str) -> str:
        return self.run(*arguments).decode().strip().splitlines()[-1]


class Podman(_StoreClient):
    """podman, without containers."""

    def build(self, folder: Path) -> str:
        """Builds an image with one layer, the files of a folder, and returns its id."""
        recipe = self._home / "Containerfile"
        recipe.write_text("FROM scratch\nCOPY . /\n")
        return self._last_line("build", "--quiet", f"--file={recipe}", str(folder))

    def search(self, address: str) -> list[str]:
        """Returns the repositories of a registry, as a search for nothing in particular finds them."""
        self._introduce(address)
        found = json.loads(self.run("search", "--limit=100", "--format=json", f"{address}/"))
        return [str(entry["Name"]).removeprefix(f"{address}/") for entry in found]

    def list_tags(self, repository: str) -> list[str]:
        """Returns the tags of a repository."""
        self._introduce(repository)
        found = json.loads(self.run("search", "--list-tags", "--format=json", repository))
        return [str(tag) for entry in found for tag in entry["Tags"]]

    def inspect(self, image: str) -> dict[str, Any]:
        """Returns what the store knows about an image."""
        (document,) = json.loads(self.run("image", "inspect", image))
        return dict(document)


class Buildah(_StoreClient):
    """buildah, without commands run in containers."""

    def build(self, folder: Path) -> str:
        """Makes an image with one layer, the files of a folder, and returns its id."""
        container = self._last_line("from", "scratch")
        self.run("copy", "--quiet", container, folder, "/")
        return self._last_line("commit", "--quiet", "--rm", container)
