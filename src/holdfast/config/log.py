"""The section `log`."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field

from holdfast.config.section import Section

__all__ = ["LogLevel", "LogSection"]

LogLevel: TypeAlias = Literal["error", "warn", "info", "debug"]
"""The least grave messages that are written."""


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


class LogSection(Section):
    """What is logged, to standard error."""

    level: Annotated[LogLevel, BeforeValidator(_lower)] = Field(
        default="info", description="The least grave messages that are logged; upper case is taken as well."
    )
