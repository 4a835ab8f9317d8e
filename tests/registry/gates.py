"""Registries whose storage holds some calls, or fails."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from holdfast.storage.driver import StorageDriver
from holdfast.testing.drivers import Fault, FaultPlan, FaultyDriver, InterceptingDriver, Step
from tests.registry.client import Client
from tests.registry.storages import Storage

__all__ = ["Gate", "failing", "gated"]


class Gate(InterceptingDriver):
    """Holds some calls until it is opened.

    Attributes:
        reached: Set once a call is held.
        opened: Lets it go on.
    """

    def __init__(self, inner: StorageDriver, op: str, path: str) -> None:
        super().__init__(inner)
        self._held = (op, path)
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()
        self.calls = 0

    async def before(self, step: Step) -> None:
        """Hold it, if it is one of those."""
        if (step.op, step.path) == self._held:
            self.calls += 1
            self.reached.set()
            await self.opened.wait()

    async def after(self, step: Step) -> None:
        """Nothing."""


@asynccontextmanager
async def gated(storage: Storage, op: str, path: str) -> AsyncIterator[tuple[Client, Gate]]:
    """A client of a registry some of whose calls are held."""
    gates: list[Gate] = []

    def around(driver: StorageDriver) -> StorageDriver:
        gates.append(Gate(driver, op, path))
        return gates[0]

    async with storage.client(around) as client:
        yield client, gates[0]


def failing(*faults: Fault) -> Callable[[StorageDriver], StorageDriver]:
    """Wraps a driver in one that fails."""
    return lambda driver: FaultyDriver(driver, FaultPlan(faults=faults))
