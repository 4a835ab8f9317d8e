"""The section `validation`: what a manifest must have to be taken."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from holdfast.config.scalars import Boolean, Pattern, Word
from holdfast.config.section import Section, below

__all__ = [
    "IndexesSection",
    "ManifestsSection",
    "Platform",
    "Platforms",
    "URLsSection",
    "ValidationSection",
]

Platforms: TypeAlias = Literal["all", "none", "list"]
"""Of which platforms an index's images must be there."""


class Platform(Section):
    """A platform, as an index names it."""

    architecture: str = Field(default="", description="The architecture, such as `amd64`.")
    os: str = Field(default="", description="The operating system, such as `linux`.")


class URLsSection(Section):
    """The URLs that layers may be at."""

    allow: tuple[Pattern, ...] = Field(
        default=(),
        description="Patterns; a URL in a manifest must match one. With neither `allow` nor `deny`, no URL is taken.",
    )
    deny: tuple[Pattern, ...] = Field(default=(), description="Patterns; a URL that matches one isn't taken.")


class IndexesSection(Section):
    """What an index must have."""

    platforms: Annotated[Platforms, Word] = Field(
        default="all",
        description=(
            "Which images of an index must be there when it is pushed: `all`, `none`, or those of the platforms in"
            " `platformlist`; an empty one means all."
        ),
    )
    platformlist: tuple[Platform, ...] = Field(default=(), description="The platforms, with `platforms: list`.")


class ManifestsSection(Section):
    """What a manifest must have."""

    urls: URLsSection = below("The URLs that layers may be at.")
    indexes: IndexesSection = below("What an index must have.")


class ValidationSection(Section):
    """What a manifest must have to be taken."""

    enabled: Boolean = Field(default=False, description="Deprecated: overrules `disabled`.")
    disabled: Boolean = Field(default=False, description="Take any URL, and indexes without their images.")
    manifests: ManifestsSection = below("What a manifest must have.")

    @property
    def active(self) -> bool:
        """Whether `manifests` counts; it does unless it is switched off."""
        return self.enabled or not self.disabled

    @property
    def allowed_urls(self) -> tuple[Any, ...] | None:
        """Patterns of which a URL in a manifest must match one; `None` where it need not. Ask with `search`."""
        urls = self.manifests.urls
        if not self.active or (urls.deny and not urls.allow):
            return None
        return urls.allow

    @property
    def denied_urls(self) -> tuple[Any, ...]:
        """Patterns of which a URL in a manifest must match none. Ask with `search`."""
        return self.manifests.urls.deny if self.active else ()

    @property
    def platforms(self) -> Platforms:
        """Which images of an index must be there; `list` never comes with an empty list of platforms."""
        indexes = self.manifests.indexes
        if not self.active:
            return "none"
        return "all" if indexes.platforms == "list" and not indexes.platformlist else indexes.platforms

    @property
    def platform_list(self) -> frozenset[tuple[str, str]]:
        """OS and architecture of the platforms whose images must be there, where `platforms` is `list`."""
        if self.platforms != "list":
            return frozenset()
        return frozenset((platform.os, platform.architecture) for platform in self.manifests.indexes.platformlist)
