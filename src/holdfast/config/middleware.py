"""The section `middleware`."""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from pydantic import Field

from holdfast.config.scalars import Boolean
from holdfast.config.section import Section
from holdfast.registry import middleware as around_registries
from holdfast.storage import middleware as around_drivers
from holdfast.storage.offers import Offers

__all__ = ["OFFERS", "Middleware", "MiddlewareSection", "NamesAndOptions"]

OFFERS: Final[Mapping[str, Offers[Any]]] = {
    "storage": around_drivers.OFFERS,
    "registry": around_registries.REGISTRY,
    "repository": around_registries.REPOSITORY,
}
"""The middleware that there is, by the key of the section that names what it stands around."""

NamesAndOptions: TypeAlias = tuple[tuple[str, dict[str, Any]], ...]
"""Middleware that isn't disabled, by name and options; the first is the innermost."""


class Middleware(Section):
    """Something around the storage, a repository or the registry."""

    name: str = Field(description="The name it is registered by.")
    disabled: Boolean = Field(default=False, description="Leave it out.")
    options: dict[str, Any] = Field(default_factory=dict, repr=False, description="What it takes.")

    @property
    def given(self) -> dict[str, Any]:
        """The options that have a value: an empty one says nothing."""
        return {key: value for key, value in self.options.items() if value is not None}


class MiddlewareSection(Section):
    """What stands around the storage, a repository or the registry; the first is the innermost."""

    registry: tuple[Middleware, ...] = Field(default=(), description="Around the registry.")
    repository: tuple[Middleware, ...] = Field(default=(), description="Around each repository.")
    storage: tuple[Middleware, ...] = Field(default=(), description="Around the storage driver.")

    @property
    def around_registry(self) -> NamesAndOptions:
        """What stands around the registry."""
        return _enabled(self.registry)

    @property
    def around_repositories(self) -> NamesAndOptions:
        """What stands around each repository."""
        return _enabled(self.repository)

    @property
    def around_storage(self) -> NamesAndOptions:
        """What stands around the storage driver, as `holdfast.storage.create` takes it."""
        return _enabled(self.storage)


def _enabled(entries: tuple[Middleware, ...]) -> NamesAndOptions:
    return tuple((entry.name, entry.given) for entry in entries if not entry.disabled)
