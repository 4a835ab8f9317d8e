"""The keys of the configuration, read off the models: what the reference page shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

from pydantic import ByteSize, SecretStr
from pydantic_core import PydanticUndefined

from holdfast.config.address import Address
from holdfast.config.configuration import Configuration
from holdfast.config.schema import Key, Shape, file_keys
from holdfast.duration import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from holdfast.config.section import Section

__all__ = ["KeyInfo", "keys"]

_TYPES: dict[Any, str] = {
    Address: "address",
    ByteSize: "size",
    SecretStr: "secret",
    bool: "boolean",
    int: "whole number",
    timedelta: "duration",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyInfo:
    """One key, for people.

    Attributes:
        path: The dotted path; `[]` stands for an item of a list, `NAME` for a name that the operator chooses.
        type: The type, as a word or as the values there are.
        default: The default as the file would have it; `None` where the key is required or has none.
        required: Whether it must be given, where the section or item that it is in is given.
        description: What it does.
    """

    path: str
    type: str
    default: str | None
    required: bool
    description: str


def keys() -> list[KeyInfo]:
    """List every key, in the order of the reference."""
    return list(_section(Configuration, ""))


def _section(model: type[Section], prefix: str) -> Iterator[KeyInfo]:
    if model.names_a_driver:
        yield KeyInfo(
            path=f"{prefix}DRIVER",
            type="parameters",
            default=None,
            required=True,
            description="Exactly one driver, by its name, with its parameters below it.",
        )
    for key in file_keys(model).values():
        yield from _key(key, prefix + key.name)


def _key(key: Key, path: str) -> Iterator[KeyInfo]:
    if key.shape.section is not None:
        yield from _section(key.shape.section, f"{path}.") if file_keys(key.shape.section) else [_info(key, path)]
    elif key.shape.items is not None and key.shape.items.section is not None:
        yield from _section(key.shape.items.section, f"{path}[].")
    else:
        yield _info(key, f"{path}.NAME" if key.shape.entries is not None else path)


def _info(key: Key, path: str) -> KeyInfo:
    default = key.info.default
    return KeyInfo(
        path=path,
        type="no keys" if key.shape.section is not None else _type(key.info.annotation, key.shape),
        default=None if default in {None, PydanticUndefined, (), ""} else _text(default),
        required=key.info.is_required(),
        description=key.info.description or "",
    )


def _type(annotation: Any, shape: Shape) -> str:
    arguments = get_args(annotation)
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if get_origin(annotation) is Annotated:
        return _type(arguments[0], shape)
    if shape.items is not None:
        return f"list of: {_type(arguments[0], shape.items)}"
    if shape.entries is not None:
        return "anything" if shape.entries.free else _type(arguments[1], shape.entries)
    plain = next((item for item in arguments if item is not type(None)), None)
    return _TYPES.get(annotation, "text") if plain is None else _type(plain, shape)


def _text(value: object) -> str:
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, ByteSize):
        return value.human_readable().replace(".0", "")
    return str(value).lower() if isinstance(value, bool) else str(value)
