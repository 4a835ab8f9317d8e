"""The section `middleware`."""

from typing import Any

from pydantic import Field

from holdfast.config.scalars import Boolean
from holdfast.config.section import Section

__all__ = ["Middleware", "MiddlewareSection"]


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
    def around_storage(self) -> tuple[tuple[str, dict[str, Any]], ...]:
        """Name and options of what stands around the storage driver, as `holdfast.storage.create` takes them."""
        return tuple((entry.name, entry.given) for entry in self.storage if not entry.disabled)
