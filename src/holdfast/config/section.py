"""What all sections of the configuration share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["NotInFile", "Section", "Variable", "below"]


@dataclass(frozen=True, slots=True)
class Variable:
    """Marks a field that upstream calls something else in a variable's name than in the file.

    Attributes:
        name: The word, in upper case. The key's own name is understood as well.
    """

    name: str


@dataclass(frozen=True, slots=True)
class NotInFile:
    """Marks a field that is worked out from others: it is no key of the file."""


class Section(BaseModel):
    """The base of a section: closed (an unknown key is an error), immutable, values kept out of error messages."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)

    names_a_driver: ClassVar[bool] = False
    """Whether a key that isn't a field is a driver's name, with the driver's parameters below it."""

    @model_validator(mode="before")
    @classmethod
    def _an_empty_value_is_the_default(cls, value: Any) -> Any:
        """`http:` with nothing behind it, or `addr: ''`, says nothing; upstream takes it for the default, too."""
        if isinstance(value, dict):
            return {key: item for key, item in value.items() if item is not None and item != ""}
        return value


def below(description: str) -> Any:
    """Make a field for a section in a section; it has its defaults where nothing is said.

    Its defaults come from validating nothing: so only the whole configuration's validator is built, when it is first
    used, and not one for each section, of which most are never asked.
    """
    return Field(default_factory=dict, validate_default=True, description=description)
