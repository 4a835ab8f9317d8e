"""A store as the suite meets it: how to open it, and how to look at it behind the driver's back."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from holdfast.storage.factory import create
from holdfast.storage.layers import compose

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    from holdfast.storage.driver import StorageDriver
    from holdfast.storage.options import DriverOptions

__all__ = ["Store"]

ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """One store, fresh and empty when a test begins, thrown away afterwards.

    Hooks may be plain or async functions. They must not go through the driver: that is their point.

    Attributes:
        make: Makes a driver on the store, with or without the always-on layers around it (they are added). Where
            the driver is `shared`, another call opens the same store again.
        options: The driver's options, for the layers; `None` if `make` returns it composed or they need none.
        name: The name by which another process can `create` the driver; needed where it is `shared`.
        parameters: What that process gives to `create`; needed where it is `shared`.
        seed_behind: Puts a file's content into the store behind the driver's back.
        read_behind: Reads a file's content from it.
        leftovers: Tells what lies in the store by whatever name; nothing may, once all is deleted.
        open_resources: Counts what the driver holds open, such as descriptors or connections, if that isn't
            seen in this process's own list of open files.
        content_in_memory: The content itself lies in this process's memory, so that it doesn't count as used
            for streaming.
    """

    make: Callable[[], StorageDriver | Awaitable[StorageDriver]]
    options: DriverOptions | None = None
    name: str | None = None
    parameters: Mapping[str, Any] | None = None
    seed_behind: Callable[[str, bytes], Awaitable[None] | None] | None = None
    read_behind: Callable[[str], Awaitable[bytes] | bytes] | None = None
    leftovers: Callable[[], Awaitable[Collection[str]] | Collection[str]] | None = None
    open_resources: Callable[[], int] | None = None
    content_in_memory: bool = False

    @classmethod
    def named(cls, name: str, parameters: Mapping[str, Any] | None = None, **hooks: Any) -> Store:
        """A store opened by its driver's registered name, as `holdfast.storage.create` does it.

        Args:
            name: The driver's name.
            parameters: Its options as a configuration gives them.
            hooks: Any other attribute of a store.
        """
        return cls(make=lambda: create(name, parameters), name=name, parameters=parameters or {}, **hooks)

    async def open(self, *, around: Callable[[StorageDriver], StorageDriver] | None = None) -> StorageDriver:
        """Open a driver on the store, with the always-on layers outermost.

        Args:
            around: Wraps the driver before the layers do, for instance to make it fail.
        """
        driver = await settle(self.make())
        return compose(driver if around is None else around(driver), self.options)

    async def seed(self, driver: StorageDriver, path: str, content: bytes) -> None:
        """Put content into the store, behind the driver's back where that can be done."""
        if self.seed_behind is None:
            await driver.put_content(path, content)
        else:
            await settle(self.seed_behind(path, content))

    async def read(self, driver: StorageDriver, path: str) -> bytes:
        """Read content from the store, behind the driver's back where that can be done."""
        if self.read_behind is None:
            return await driver.get_content(path)
        return await settle(self.read_behind(path))

    async def leftover_names(self) -> list[str]:
        """What lies in the store by whatever name, as far as the store can tell."""
        return [] if self.leftovers is None else sorted(await settle(self.leftovers()))


async def settle(value: Awaitable[ValueT] | ValueT) -> ValueT:
    """The value of what a plain or an async function returned."""
    if inspect.isawaitable(value):
        settled: ValueT = await value
        return settled
    return value
