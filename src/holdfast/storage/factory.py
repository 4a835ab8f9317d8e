"""Drivers by name: those registered in this process, and those that installed packages offer.

A factory is most simply the driver's class: its `Options` name what it takes, and calling it with those
makes the driver. A package offers it by an entry point:

    [project.entry-points."holdfast.drivers"]
    mystore = "holdfast_mystore:MyStoreDriver"

Nothing is read at import; entry points are looked up when a name is asked for, and only that driver's
code is loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from holdfast.storage import middleware as storage_middleware
from holdfast.storage.errors import InvalidStorageDriverError
from holdfast.storage.offers import Offer, Offers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from holdfast.storage.driver import StorageDriver
    from holdfast.storage.options import DriverOptions

__all__ = [
    "ENTRY_POINT_GROUP",
    "OFFERS",
    "DriverFactory",
    "DriverSource",
    "create",
    "load",
    "register",
    "sources",
    "unregister",
]

ENTRY_POINT_GROUP = "holdfast.drivers"

DriverSource = Offer
"""Where a driver's name comes from."""


class DriverFactory(Protocol):
    """What is registered under a name: a driver's class, or anything shaped like it."""

    @property
    def Options(self) -> type[DriverOptions]:  # noqa: N802 - a class attribute that holds a class
        """What the driver takes."""

    def __call__(self, options: Any, /) -> StorageDriver:
        """Make the driver, without connecting to anything."""


class _Drivers(Offers[DriverFactory]):
    def unknown(self, name: str, known: Iterable[str], nearest: str | None) -> InvalidStorageDriverError:
        return InvalidStorageDriverError(name, known, nearest=nearest)


OFFERS = _Drivers(kind="storage driver", group=ENTRY_POINT_GROUP)
"""Drivers, by name."""


def register(name: str, factory: DriverFactory | type[StorageDriver]) -> None:
    """Register a factory under a name, for this process.

    Args:
        name: The name it is created by.
        factory: A driver's class with `Options` in it, or anything shaped like one.

    Raises:
        DuplicateDriverError: The name is taken, by a registration or by an installed package.
        TypeError: The factory can't be called, or has no `Options`.
        ValueError: The name isn't made of lower-case letters, digits, `-` and `_`.
    """
    OFFERS.register(name, factory)


def unregister(name: str) -> None:
    """Take back a registration of this process; one that isn't there is a `KeyError`."""
    OFFERS.unregister(name)


def sources() -> list[DriverSource]:
    """Tell which drivers exist, sorted by name, without loading any. A name claimed twice is there twice."""
    return OFFERS.sources()


def load(name: str) -> DriverFactory:
    """Return the factory of a name, importing its code.

    Raises:
        InvalidStorageDriverError: No driver has the name.
        DuplicateDriverError: More than one package claims it.
        DriverLoadError: Its code can't be imported; says which extra to install where the package names one.
    """
    return OFFERS.load(name)


def create(
    name: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    middleware: Iterable[tuple[str, Mapping[str, Any]]] = (),
) -> StorageDriver:
    """Make a driver ready for use: its parameters checked, middleware and the always-on layers around it.

    Nothing is connected to yet; close it with `aclose`, for instance by `contextlib.aclosing`.

    Args:
        name: The driver's name.
        parameters: Its options as a configuration gives them; none, if omitted.
        middleware: What stands around the driver, by name and options; the first is the innermost.

    Raises:
        ConfigurationError: A name or a parameter is wrong; see `load` and `holdfast.storage.options.parse`.
    """
    from holdfast.storage.layers import compose  # noqa: PLC0415 - metrics and tracing load with the first driver

    factory, options = OFFERS.chosen(name, parameters or {})
    around = [storage_middleware.OFFERS.chosen(*each) for each in middleware]
    driver = factory(options)
    for outer, outer_options in around:
        driver = outer(driver, outer_options)
    return compose(driver, options)
