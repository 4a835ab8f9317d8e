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


class MiddlewareSection(Section):
    """What stands around the storage, a repository or the registry; the first is the innermost."""

    registry: tuple[Middleware, ...] = Field(default=(), description="Around the registry.")
    repository: tuple[Middleware, ...] = Field(default=(), description="Around each repository.")
    storage: tuple[Middleware, ...] = Field(default=(), description="Around the storage driver.")
