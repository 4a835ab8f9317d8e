"""Drivers by name: those registered in this process, and those that installed packages offer.

A factory is most simply the driver's class: its `Options` name what it takes, and calling it with those
makes the driver. A package offers it by an entry point:

    [project.entry-points."holdfast.drivers"]
    mystore = "holdfast_mystore:MyStoreDriver"

Nothing is read at import; entry points are looked up when a name is asked for, and only that driver's
code is loaded.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, Protocol, cast

from holdfast.storage.errors import DriverLoadError, DuplicateDriverError, InvalidStorageDriverError
from holdfast.storage.options import DriverOptions, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from holdfast.storage.driver import StorageDriver

__all__ = ["ENTRY_POINT_GROUP", "DriverFactory", "DriverSource", "create", "load", "register", "sources", "unregister"]

ENTRY_POINT_GROUP = "holdfast.drivers"


class DriverFactory(Protocol):
    """What is registered under a name: a driver's class, or anything shaped like it."""

    @property
    def Options(self) -> type[DriverOptions]:  # noqa: N802 - a class attribute that holds a class
        """What the driver takes."""

    def __call__(self, options: Any, /) -> StorageDriver:
        """Make the driver, without connecting to anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverSource:
    """Where a driver's name comes from.

    Attributes:
        name: The driver's name.
        owner: The distribution and version that offers it, or `registered in this process`.
        target: The object's address, as `module:name`.
    """

    name: str
    owner: str
    target: str


_registered: dict[str, DriverFactory] = {}
_IN_PROCESS = "registered in this process"
_NO_FACTORY = "no driver factory: it needs an Options class, made from DriverOptions, and to be callable"


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
    if not name or not set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_"):
        raise ValueError(f"a driver's name is made of a-z, 0-9, '-' and '_': {name!r}")
    if not _is_factory(factory):
        raise TypeError(f"{_target(factory)} is {_NO_FACTORY}")
    owners = [source.owner for source in sources() if source.name == name]
    if owners:
        raise DuplicateDriverError(name, [*owners, _target(factory)])
    # A class nested in another, as most `Options` are, doesn't match a protocol's member for type checkers.
    _registered[name] = cast("DriverFactory", factory)


def unregister(name: str) -> None:
    """Take back a registration of this process; one that isn't there is a `KeyError`."""
    del _registered[name]


def sources() -> list[DriverSource]:
    """Tell which drivers exist, sorted by name, without loading any. A name claimed twice is there twice."""
    found = [
        DriverSource(name=name, owner=_IN_PROCESS, target=_target(factory)) for name, factory in _registered.items()
    ]
    found += [
        DriverSource(name=point.name, owner=_owner(point), target=point.value)
        for point in entry_points(group=ENTRY_POINT_GROUP)
    ]
    return sorted(found, key=lambda source: (source.name, source.owner))


def load(name: str) -> DriverFactory:
    """Return the factory of a name, importing its code.

    Raises:
        InvalidStorageDriverError: No driver has the name.
        DuplicateDriverError: More than one package claims it.
        DriverLoadError: Its code can't be imported; says which extra to install where the package names one.
    """
    points = list(entry_points(group=ENTRY_POINT_GROUP, name=name))
    owners = [_owner(point) for point in points]
    if name in _registered:
        owners.append(_IN_PROCESS)
    if len(owners) > 1:
        raise DuplicateDriverError(name, owners)
    if name in _registered:
        return _registered[name]
    if not points:
        known = {source.name for source in sources()}
        near = difflib.get_close_matches(name, known, n=1)
        raise InvalidStorageDriverError(name, known, nearest=near[0] if near else None)
    return _load_entry_point(points[0])


def create(name: str, parameters: Mapping[str, Any] | None = None) -> StorageDriver:
    """Make a driver ready for use: its parameters checked, the always-on layers around it.

    Nothing is connected to yet; close it with `aclose`, for instance by `contextlib.aclosing`.

    Args:
        name: The driver's name.
        parameters: Its options as a configuration gives them; none, if omitted.

    Raises:
        ConfigurationError: The name or a parameter is wrong; see `load` and `holdfast.storage.options.parse`.
    """
    from holdfast.storage.layers import compose  # noqa: PLC0415 - metrics and tracing load with the first driver

    factory = load(name)
    options = parse(name, factory.Options, parameters or {})
    return compose(factory(options), options)


def _load_entry_point(point: EntryPoint) -> DriverFactory:
    try:
        loaded = point.load()
    except ImportError as error:
        raise DriverLoadError(point.name, str(error), remedy=_remedy(point)) from error
    except AttributeError as error:
        raise DriverLoadError(point.name, f"{point.value}: {error}") from error
    if not _is_factory(loaded):
        raise DriverLoadError(point.name, f"{point.value} of {_owner(point)} is {_NO_FACTORY}")
    return cast("DriverFactory", loaded)


def _is_factory(candidate: object) -> bool:
    options = getattr(candidate, "Options", None)
    return callable(candidate) and isinstance(options, type) and issubclass(options, DriverOptions)


def _remedy(point: EntryPoint) -> str | None:
    if not point.extras or point.dist is None:
        return None
    return f"install it with: pip install '{point.dist.name}[{','.join(point.extras)}]'"


def _owner(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value


def _target(factory: object) -> str:
    kind = factory if isinstance(factory, type) else type(factory)
    return f"{kind.__module__}:{kind.__qualname__}"
