"""The keys of the configuration, read off the models: what the reference page and the command line show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic_core import PydanticUndefined

from holdfast.config.address import Address
from holdfast.config.configuration import Configuration
from holdfast.config.duration import format_duration
from holdfast.config.storage import StorageSection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

__all__ = ["KeyInfo", "keys"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyInfo:
    """One key, for people.

    Attributes:
        path: The dotted path.
        type: The type, as a word or as the values there are.
        default: The default as the file would have it; `None` where the key is required or has none.
        required: Whether it must be given.
        description: What it does.
    """

    path: str
    type: str
    default: str | None
    required: bool
    description: str


def keys() -> list[KeyInfo]:
    """List every key that is honoured, in the order of the reference."""
    return list(_keys(Configuration, ()))


def _keys(model: type[BaseModel], path: tuple[str, ...]) -> Iterator[KeyInfo]:
    for name, field in model.model_fields.items():
        below = (*path, name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _keys(field.annotation, below)
        elif model is StorageSection and name == "driver":
            yield KeyInfo(
                path="storage.DRIVER",
                type="parameters",
                default=None,
                required=True,
                description="Exactly one driver, by its name, with its parameters below it.",
            )
        elif model is not StorageSection or name != "parameters":
            yield _key(".".join(below), field)


def _key(path: str, field: FieldInfo) -> KeyInfo:
    return KeyInfo(
        path=path,
        type=_type(field.annotation),
        default=None if field.default in {None, PydanticUndefined} else _text(field.default),
        required=field.is_required(),
        description=field.description or "",
    )


def _type(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(annotation))
    plain = next((item for item in get_args(annotation) if item is not type(None)), annotation)
    return {bool: "boolean", int: "whole number", SecretStr: "secret", timedelta: "duration", Address: "address"}.get(
        plain, "text"
    )


def _text(value: object) -> str:
    if isinstance(value, timedelta):
        return format_duration(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
