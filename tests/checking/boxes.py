"""Storages to check: one in memory that outlives its drivers, with what a test puts around it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from holdfast.checking import CHECKS, Plan, Report, Subject, check_storage
from holdfast.storage import factory
from holdfast.storage.driver import StorageDriver
from holdfast.storage.drivers.inmemory import InMemoryDriver
from holdfast.storage.layers.forwarding import ForwardingDriver
from holdfast.storage.options import DriverOptions

__all__ = ["BOX", "QUICK", "Box", "Kept", "Wrap", "check_box", "names", "without"]

BOX = "box"
QUICK = Plan(size=2 * 1024 * 1024, repetitions=2, seconds=20)
"""Small enough for a test."""

Wrap = Callable[[StorageDriver], StorageDriver]


class Kept(ForwardingDriver):
    """A driver whose content stays when it is closed."""

    async def aclose(self) -> None:
        """Keep it."""


class Box:
    """A driver's factory, registered as `box`, whose drivers are all on the same memory.

    Args:
        wrap: What is put around it, inside of the layers.
        options: What the driver takes.
    """

    def __init__(self, wrap: Wrap | None = None, options: type[DriverOptions] = DriverOptions) -> None:
        self.Options = options
        self.memory = InMemoryDriver()
        self._wrap = wrap or (lambda driver: driver)

    def __call__(self, options: Any, /) -> StorageDriver:
        """Make a driver."""
        del options
        return self._wrap(Kept(self.memory))

    async def files(self) -> list[str]:
        """What is in it."""
        return [file.path async for file in self.memory.walk("/")]

    async def leftovers(self) -> list[str]:
        """What is in it, unfinished writes included."""
        return await self.files() + [upload.path async for upload in self.memory.list_uploads("/")]

    @contextmanager
    def registered(self) -> Iterator[Subject]:
        """Register it for a while."""
        factory.register(BOX, self)
        try:
            yield Subject.named(BOX, {})
        finally:
            factory.unregister(BOX)


async def check_box(wrap: Wrap | None = None, plan: Plan = QUICK) -> tuple[Report, Box]:
    """Check a box with something around it."""
    box = Box(wrap)
    with box.registered() as subject:
        return await check_storage(subject, plan), box


def names(report: Report, *outcomes: str) -> set[str]:
    """The checks that ended so."""
    return {finding.name for finding in report.findings if finding.outcome in outcomes}


def without(*left_out: str) -> set[str]:
    """All checks but some."""
    return {check.name for check in CHECKS} - set(left_out)
