"""Storage middleware by name: what stands around a driver and changes one thing about it.

A middleware is most simply a class:

    class UpperCase(ForwardingDriver):
        class Options(DriverOptions): ...

        def __init__(self, inner: StorageDriver, options: Options) -> None:
            super().__init__(inner)

        async def get_content(self, path: str) -> bytes:
            return (await self.inner.get_content(path)).upper()

A package offers it by an entry point:

    [project.entry-points."holdfast.storage_middleware"]
    uppercase = "holdfast_uppercase:UpperCase"

`holdfast.storage.create` puts them around a driver, the first one innermost, as the configuration lists them; the
always-on layers are outside of them all:

    ChecksLayer(ErrorContextLayer(TelemetryLayer(LimitsLayer(Second(First(FilesystemDriver))))))

So a middleware is called with what the contract allows, and the errors that it raises tell where they happened. It
owns its driver: its `aclose` closes the inner one, whatever else fails. Capabilities are the inner driver's, but for
those of which it changes the truth. `redirect_url` stays `None` where the inner driver says so, unless giving one is
what the middleware is for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from holdfast.storage.offers import Offer, Offers

if TYPE_CHECKING:
    from holdfast.storage.driver import StorageDriver
    from holdfast.storage.options import DriverOptions

__all__ = [
    "ENTRY_POINT_GROUP",
    "KIND",
    "OFFERS",
    "MiddlewareFactory",
    "MiddlewareSource",
    "load",
    "register",
    "sources",
    "unregister",
]

ENTRY_POINT_GROUP = "holdfast.storage_middleware"

KIND = "storage middleware"
"""What errors call it."""

MiddlewareSource = Offer
"""Where a middleware's name comes from."""


class MiddlewareFactory(Protocol):
    """What is registered under a name: a middleware's class, or anything shaped like it."""

    @property
    def Options(self) -> type[DriverOptions]:  # noqa: N802 - a class attribute that holds a class
        """What the middleware takes."""

    def __call__(self, inner: StorageDriver, options: Any, /) -> StorageDriver:
        """Put it around a driver, without connecting to anything."""


OFFERS: Offers[MiddlewareFactory] = Offers(kind=KIND, group=ENTRY_POINT_GROUP)
"""Middleware around storage, by name."""


def register(name: str, factory: MiddlewareFactory | type[StorageDriver]) -> None:
    """Register a factory under a name, for this process.

    Args:
        name: The name it is asked for by.
        factory: A middleware's class with `Options` in it, or anything shaped like one.

    Raises:
        DuplicateDriverError: The name is taken, by a registration or by an installed package.
        TypeError: The factory can't be called, or has no `Options`.
        ValueError: The name isn't made of lower-case letters, digits, `-` and `_`.
    """
    OFFERS.register(name, factory)


def unregister(name: str) -> None:
    """Take back a registration of this process; one that isn't there is a `KeyError`."""
    OFFERS.unregister(name)


def sources() -> list[MiddlewareSource]:
    """Tell which middleware exists, sorted by name, without loading any. A name claimed twice is there twice."""
    return OFFERS.sources()


def load(name: str) -> MiddlewareFactory:
    """Return the factory of a name, importing its code.

    Raises:
        InvalidMiddlewareError: No middleware has the name.
        DuplicateDriverError: More than one package claims it.
        DriverLoadError: Its code can't be imported; says which extra to install where the package names one.
    """
    return OFFERS.load(name)
