"""Factories by name: those registered in this process, and those that installed packages offer by entry points.

Drivers and the kinds of middleware are all found this way. Nothing is read at import; entry points are looked up when a
name is asked for, and only that name's code is loaded.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

from holdfast.storage.errors import DriverLoadError, DuplicateDriverError, InvalidMiddlewareError
from holdfast.storage.options import DriverOptions, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from holdfast.storage.errors import ConfigurationError

__all__ = ["Factory", "Offer", "Offers"]

_IN_PROCESS = "registered in this process"
_NEEDS = "it needs an Options class, made from DriverOptions, and to be callable"


class Factory(Protocol):
    """What the factories of all kinds have in common; what they are called with is up to the kind."""

    @property
    def Options(self) -> type[DriverOptions]:  # noqa: N802 - a class attribute that holds a class
        """What is made takes these."""


FactoryT = TypeVar("FactoryT", bound=Factory)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Where a name comes from.

    Attributes:
        name: The name.
        owner: The distribution and version that offers it, or `registered in this process`.
        target: The object's address, as `module:name`.
    """

    name: str
    owner: str
    target: str


class Offers(Generic[FactoryT]):
    """The factories of one kind.

    Attributes:
        kind: What they make, in words, such as `storage driver`.
        group: The group of entry points that offers them.
    """

    def __init__(self, *, kind: str, group: str) -> None:
        self.kind = kind
        self.group = group
        self._registered: dict[str, FactoryT] = {}

    def register(self, name: str, factory: Any) -> None:
        """Register a factory under a name, for this process.

        A class nested in another, as most `Options` are, doesn't match a protocol's member for type checkers: what the
        factory has is seen here.

        Raises:
            DuplicateDriverError: The name is taken, by a registration or by an installed package.
            TypeError: The factory can't be called, or has no `Options`.
            ValueError: The name isn't made of lower-case letters, digits, `-` and `_`.
        """
        if not name or not set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_"):
            raise ValueError(f"a {self.kind}'s name is made of a-z, 0-9, '-' and '_': {name!r}")
        if not _is_factory(factory):
            raise TypeError(f"{_target(factory)} is no {self.kind} factory: {_NEEDS}")
        owners = [offer.owner for offer in self.sources() if offer.name == name]
        if owners:
            raise DuplicateDriverError(name, [*owners, _target(factory)], kind=self.kind)
        self._registered[name] = factory

    def unregister(self, name: str) -> None:
        """Take back a registration of this process; one that isn't there is a `KeyError`."""
        del self._registered[name]

    def sources(self) -> list[Offer]:
        """Tell which there are, sorted by name, without loading any. A name claimed twice is there twice."""
        found = [
            Offer(name=name, owner=_IN_PROCESS, target=_target(factory)) for name, factory in self._registered.items()
        ]
        found += [
            Offer(name=point.name, owner=_owner(point), target=point.value) for point in entry_points(group=self.group)
        ]
        return sorted(found, key=lambda offer: (offer.name, offer.owner))

    def load(self, name: str) -> FactoryT:
        """Return the factory of a name, importing its code.

        Raises:
            ConfigurationError: Nothing has the name; which error it is, `unknown` tells.
            DuplicateDriverError: More than one package claims it.
            DriverLoadError: Its code can't be imported; says which extra to install where the package names one.
        """
        points = list(entry_points(group=self.group, name=name))
        owners = [_owner(point) for point in points]
        if name in self._registered:
            owners.append(_IN_PROCESS)
        if len(owners) > 1:
            raise DuplicateDriverError(name, owners, kind=self.kind)
        if name in self._registered:
            return self._registered[name]
        if not points:
            known = {offer.name for offer in self.sources()}
            near = difflib.get_close_matches(name, known, n=1)
            raise self.unknown(name, known, near[0] if near else None)
        return self._load_entry_point(points[0])

    def chosen(self, name: str, parameters: Mapping[str, Any]) -> tuple[FactoryT, DriverOptions]:
        """Return the factory of a name, and the options that it takes as a configuration gives them.

        Raises:
            ConfigurationError: The name or a parameter is wrong; see `load` and `holdfast.storage.options.parse`.
        """
        factory = self.load(name)
        return factory, parse(name, factory.Options, parameters, kind=self.kind)

    def unknown(self, name: str, known: Iterable[str], nearest: str | None) -> ConfigurationError:
        """Make the error that tells that nothing has a name."""
        return InvalidMiddlewareError(self.kind, name, known, nearest=nearest)

    def _load_entry_point(self, point: EntryPoint) -> FactoryT:
        try:
            loaded = point.load()
        except ImportError as error:
            raise DriverLoadError(point.name, str(error), remedy=_remedy(point), kind=self.kind) from error
        except AttributeError as error:
            raise DriverLoadError(point.name, f"{point.value}: {error}", kind=self.kind) from error
        if not _is_factory(loaded):
            reason = f"{point.value} of {_owner(point)} is no {self.kind} factory: {_NEEDS}"
            raise DriverLoadError(point.name, reason, kind=self.kind)
        return cast("FactoryT", loaded)


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
