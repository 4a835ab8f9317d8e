"""One storage that Holdfast and the Go registry serve in turns."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from .endpoints import Endpoints
from .go_registry import GoRegistry
from .holdfast_server import HoldfastServer
from .server import Server
from .stores.s3 import S3Bucket
from .stores.swift_container import SwiftContainer
from .tools import Tool

__all__ = ["GO", "HOLDFAST", "SharedBucket", "SharedContainer", "SharedFolder", "SharedStorage"]

HOLDFAST, GO = "holdfast", "docker-registry"
"""The two registries' names."""


class SharedStorage(ABC):
    """A storage, served by one or the other, never by both at once; deletes are enabled in both.

    Args:
        root: A folder, which is the storage itself where that is a folder.
        scratch: As for `Server`.
        tool: The Go registry's executable.
    """

    def __init__(self, *, root: Path, scratch: Path, tool: Tool) -> None:
        self.root = root
        self._scratch = scratch
        self._tool = tool

    @abstractmethod
    def driver_of(self, name: str) -> Mapping[str, Mapping[str, object]]:
        """Returns the storage as the configuration of the registry with this name names it."""

    @contextmanager
    def served_by(self, name: str) -> Iterator[Server]:
        """Runs a registry on the storage for as long as the context lasts, and ends it in good order."""
        server: Server
        if name == HOLDFAST:
            config = {"storage": {"delete": {"enabled": True}}}
            server = HoldfastServer(root=self.root, scratch=self._scratch, config=config, driver=self.driver_of(name))
        else:
            server = self._go_registry()
        with server:
            yield server
            server.stop()

    @contextmanager
    def endpoints_of(self, name: str) -> Iterator[Endpoints]:
        """As `served_by`, for who wants nothing of the server but its endpoints."""
        with self.served_by(name) as server, Endpoints(server.url) as endpoints:
            yield endpoints

    def collect_garbage(self, *flags: str) -> str:
        """Runs the Go registry's garbage collection on the storage, which nobody may serve meanwhile.

        Returns:
            What it printed.
        """
        return self._go_registry().collect_garbage(*flags)

    def _go_registry(self) -> GoRegistry:
        return GoRegistry(tool=self._tool, root=self.root, scratch=self._scratch, driver=self.driver_of(GO))


class SharedFolder(SharedStorage):
    """A data folder."""

    def driver_of(self, name: str) -> Mapping[str, Mapping[str, object]]:
        """Both call it the same."""
        del name
        return {"filesystem": {"rootdirectory": str(self.root)}}

    def files(self) -> dict[str, bytes]:
        """Returns what Distribution's layout holds: files by their path below the folder, and their content."""
        top = self.root / "docker/registry/v2"
        return {str(path.relative_to(top)): path.read_bytes() for path in sorted(top.rglob("*")) if path.is_file()}


class SharedBucket(SharedStorage):
    """A bucket of a store that speaks S3.

    Args:
        bucket: The bucket.
        root: As for `SharedStorage`; nothing is written to it.
        scratch: As for `Server`.
        tool: The Go registry's executable.
    """

    def __init__(self, bucket: S3Bucket, *, root: Path, scratch: Path, tool: Tool) -> None:
        super().__init__(root=root, scratch=scratch, tool=tool)
        self.bucket = bucket

    def driver_of(self, name: str) -> Mapping[str, Mapping[str, object]]:
        """What the Go registry asks for by `secure`, ours takes from the endpoint."""
        plain = {"secure": False} if name == GO else {}
        return {"s3": {**self.bucket.parameters(rootdirectory="/some/root"), **plain}}


class SharedContainer(SharedStorage):
    """A container of Swift.

    Args:
        container: The container.
        root: As for `SharedStorage`; nothing is written to it.
        scratch: As for `Server`.
        tool: The Go registry's executable.
    """

    def __init__(self, container: SwiftContainer, *, root: Path, scratch: Path, tool: Tool) -> None:
        super().__init__(root=root, scratch=scratch, tool=tool)
        self.container = container

    def driver_of(self, name: str) -> Mapping[str, Mapping[str, object]]:
        """Both take the same parameters; segments are small, so that images have large objects."""
        del name
        return {"swift": self.container.parameters(prefix="some/prefix", chunksize=1024 * 1024)}
