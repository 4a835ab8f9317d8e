"""What all sections of the configuration share."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

__all__ = ["Section"]


class Section(BaseModel):
    """The base of a section: closed (an unknown key is an error), immutable, values kept out of error messages."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _an_empty_value_is_the_default(cls, value: Any) -> Any:
        """`http:` with nothing behind it, or `addr:`, says nothing; upstream takes it for the default, too."""
        if isinstance(value, dict):
            return {key: item for key, item in value.items() if item is not None}
        return value
