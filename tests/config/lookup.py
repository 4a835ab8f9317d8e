"""Looks values up in a configuration, in plain form, for tests to compare."""

from datetime import timedelta
from typing import Any

from pydantic import SecretStr

from holdfast.config import Address, Configuration
from holdfast.config.section import Section
from holdfast.duration import format_duration


def value_at(configuration: Configuration, path: str) -> Any:
    """The value at a dotted path, as the models have it."""
    value: Any = configuration
    for part in path.split("."):
        if isinstance(value, dict):
            value = value[part]
        else:
            value = value[int(part)] if isinstance(value, tuple) else getattr(value, part)
    return value


def plain(value: Any) -> Any:  # noqa: PLR0911 - one type, one line
    """Text, numbers, booleans, lists and mappings; durations and addresses as text, and secrets as they are."""
    if isinstance(value, Section):
        return {name: plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, Address):
        return str(value)
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return getattr(value, "pattern", value)
