"""Several Holdfast processes on one storage."""

from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self

from holdfast.storage import create
from holdfast.storage.errors import PathNotFoundError

from .holdfast_server import HoldfastServer

__all__ = ["Replicas"]


class Replicas:
    """Processes that share a storage and a secret, and nothing else; a context manager that starts and ends them.

    Args:
        folder: For their configuration and output.
        driver: The name of the driver.
        parameters: What the driver takes.
        count: How many processes.

    Attributes:
        servers: The processes.
    """

    def __init__(self, *, folder: Path, driver: str, parameters: Mapping[str, Any], count: int = 2) -> None:
        self._driver = driver
        self._parameters = dict(parameters)
        config: dict[str, dict[str, object]] = {
            # Clients are to be served by the replicas, and not sent to a store.
            "storage": {"delete": {"enabled": True}, "redirect": {"disable": True}},
            "http": {"secret": "what all replicas know"},
        }
        self.servers = [
            HoldfastServer(root=folder, scratch=folder, config=config, driver={driver: self._parameters})
            for _ in range(count)
        ]
        self._running = ExitStack()

    @property
    def addresses(self) -> list[str]:
        """The `host:port` of each."""
        return [server.address for server in self.servers]

    async def unfinished(self) -> list[str]:
        """Returns what uploads have left in the storage: their files, and writes that only the driver knows."""
        storage = create(self._driver, self._parameters)
        try:
            left = [f"write:{upload.path}" async for upload in storage.list_uploads("/")]
            with suppress(PathNotFoundError):
                left += [info.path async for info in storage.walk("/") if "/_uploads/" in info.path]
            return left
        finally:
            await storage.aclose()

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            for server in self.servers:
                starting.enter_context(server)
            self._running = starting.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()
