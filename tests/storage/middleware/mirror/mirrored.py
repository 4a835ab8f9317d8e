"""A mirror of two stores in memory that fail when told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.storage.drivers.inmemory import InMemoryDriver
from holdfast.storage.errors import StorageUnavailableError
from holdfast.storage.layers import compose
from holdfast.storage.middleware.mirror import Mirror
from holdfast.storage.middleware.mirror.options import MirrorOptions
from holdfast.testing import Fault, FaultPlan, FaultyDriver
from holdfast.testing.suite.acts import content_or_none

if TYPE_CHECKING:
    from holdfast.storage import StorageDriver


class Mirrored:
    """Two stores in memory that can be made to fail, and a mirror of them."""

    def __init__(self, required: str = "both") -> None:
        self.one, self.two = FaultyDriver(InMemoryDriver()), FaultyDriver(InMemoryDriver())
        options = MirrorOptions.model_validate({"storage": {"inmemory": {}}, "required": required})
        self.middleware = Mirror(self.one, options, second=self.two)
        self.driver: StorageDriver = compose(self.middleware)

    def fail(self, store: FaultyDriver, *ops: str, error: type[Any] = StorageUnavailableError) -> None:
        """Let these operations of a store fail from now on, and all others of both be right."""
        self.one.plan = self.two.plan = FaultPlan(faults=[])
        store.plan = FaultPlan(faults=[Fault(op=op, times=None, error=error) for op in ops])

    async def contents(self, path: str) -> tuple[bytes | None, bytes | None]:
        """What each store has at a path."""
        return await content_or_none(self.one.inner, path), await content_or_none(self.two.inner, path)
