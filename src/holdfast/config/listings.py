"""The sections `catalog` and `tags`: how much one answer lists."""

from typing import Annotated

from pydantic import AfterValidator, Field

from holdfast.config.scalars import Count, Integer
from holdfast.config.section import Section

__all__ = ["CatalogSection", "TagsSection"]

_MANY = 1000


class CatalogSection(Section):
    """The list of repositories."""

    maxentries: Annotated[Integer, AfterValidator(lambda value: value if value > 0 else _MANY)] = Field(
        default=_MANY, description="How many repositories an answer lists at most; 0 or less for the default."
    )


class TagsSection(Section):
    """The list of a repository's tags."""

    maxtags: Annotated[Count, AfterValidator(lambda value: value or _MANY)] = Field(
        default=_MANY, description="How many tags an answer lists at most; 0 for the default."
    )
