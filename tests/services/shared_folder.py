"""One data folder that Holdfast and the Go registry serve in turns."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .endpoints import Endpoints
from .go_registry import GoRegistry
from .holdfast_server import HoldfastServer
from .server import Server
from .tools import Tool

__all__ = ["GO", "HOLDFAST", "SharedFolder"]

HOLDFAST, GO = "holdfast", "docker-registry"
"""The two registries' names."""


class SharedFolder:
    """A data folder, served by one or the other, never by both at once; deletes are enabled in both.

    Args:
        root: The data folder.
        scratch: As for `Server`.
        tool: The Go registry's executable.
    """

    def __init__(self, *, root: Path, scratch: Path, tool: Tool) -> None:
        self.root = root
        self._scratch = scratch
        self._tool = tool

    @contextmanager
    def served_by(self, name: str) -> Iterator[Server]:
        """Runs a registry on the folder for as long as the context lasts, and ends it in good order."""
        server: Server
        if name == HOLDFAST:
            config = {"storage": {"delete": {"enabled": True}}}
            server = HoldfastServer(root=self.root, scratch=self._scratch, config=config)
        else:
            server = GoRegistry(tool=self._tool, root=self.root, scratch=self._scratch)
        with server:
            yield server
            server.stop()

    @contextmanager
    def endpoints_of(self, name: str) -> Iterator[Endpoints]:
        """As `served_by`, for who wants nothing of the server but its endpoints."""
        with self.served_by(name) as server, Endpoints(server.url) as endpoints:
            yield endpoints

    def collect_garbage(self, *flags: str) -> str:
        """Runs the Go registry's garbage collection on the folder, which nobody may serve meanwhile.

        Returns:
            What it printed.
        """
        return GoRegistry(tool=self._tool, root=self.root, scratch=self._scratch).collect_garbage(*flags)

    def files(self) -> dict[str, bytes]:
        """Returns what Distribution's layout holds: files by their path below the folder, and their content."""
        top = self.root / "docker/registry/v2"
        return {str(path.relative_to(top)): path.read_bytes() for path in sorted(top.rglob("*")) if path.is_file()}
