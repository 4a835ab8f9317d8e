"""What options of several drivers share: parameters as YAML and variables of the environment write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["as_text", "without_empty"]


def without_empty(parameters: Any, names: Collection[str]) -> Any:
    """Leave out those of some parameters that have empty text, or nothing.

    That is what a variable without a value has, and upstream takes it for "not given".
    """
    if not isinstance(parameters, dict):
        return parameters
    return {key: value for key, value in parameters.items() if not (value in ("", None) and key in names)}


def as_text(value: Any) -> Any:
    """Make text of a whole number: YAML makes a number of a name or key that looks like one."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
