"""One declaration per option of a driver or middleware, read by the factory, the commands and the reference pages.

    class Options(DriverOptions):
        bucket: str = Field(description="The bucket's name.")
        accesskey: SecretStr | None = Field(default=None, description="...", alias=...)

A secret is a `SecretStr`: it is masked wherever options are shown.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from pydantic import AliasChoices, BaseModel, ConfigDict, SecretBytes, SecretStr, ValidationError

from holdfast.duration import format_duration
from holdfast.storage.errors import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

__all__ = ["DriverOptions", "OptionInfo", "describe", "parse"]


class DriverOptions(BaseModel):
    """The base of what a driver or middleware takes: closed (an unknown key is an error), immutable, secrets masked."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionInfo:
    """One option, for people: as help and reference pages show it.

    Attributes:
        name: The key.
        aliases: Other keys that mean the same.
        type: The type, as a word.
        default: The default as text; `None` where the option is required or has none.
        required: Whether it must be given.
        secret: Whether its value is masked.
        description: What it does.
        options: What stands below it, where it is a mapping; their names are within it.
    """

    name: str
    aliases: tuple[str, ...]
    type: str
    default: str | None
    required: bool
    secret: bool
    description: str
    options: tuple[OptionInfo, ...] = ()

    def flattened(self, prefix: str = "") -> Iterator[tuple[str, OptionInfo]]:
        """Yield it and all below it, each with its dotted key."""
        yield prefix + self.name, self
        for option in self.options:
            yield from option.flattened(f"{prefix}{self.name}.")


OptionsT = TypeVar("OptionsT", bound=DriverOptions)


def parse(
    driver: str, options: type[OptionsT], parameters: Mapping[str, Any], *, kind: str = "storage driver"
) -> OptionsT:
    """Turn a configuration's parameters into the options of a driver, or of another `kind` of thing.

    Text is taken for numbers and booleans, since environment variables have nothing else.

    Raises:
        InvalidParameterError: The first parameter that is unknown, missing or ill-typed, by driver and key.
    """
    try:
        return options.model_validate(dict(parameters))
    except ValidationError as error:
        detail = error.errors(include_url=False, include_context=False, include_input=False)[0]
        key = _key(detail["loc"], parameters, missing=detail["type"] == "missing")
        reason = _reason(detail["type"], detail["msg"], key, options)
        raise InvalidParameterError(driver, key, reason, kind=kind) from None


def describe(options: type[BaseModel]) -> list[OptionInfo]:
    """Describe a driver's options, in the order of their declaration."""
    return [_describe_field(name, field) for name, field in options.model_fields.items()]


def _key(location: tuple[int | str, ...], parameters: Mapping[str, Any], *, missing: bool) -> str:
    """The place within the parameters, dotted; without what only tells which branch of a type was tried."""
    parts: list[str] = []
    value: Any = parameters
    for part in location:
        if isinstance(value, Mapping) and (part in value or missing):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int):
            value = value[part]
        else:
            continue
        parts.append(str(part))
    return ".".join(parts) or "(all)"


def _reason(kind: str, message: str, key: str, options: type[DriverOptions]) -> str:
    if key in _secret_keys(options) and kind not in {"missing", "extra_forbidden"}:
        return "is not valid"  # a validator's own message could quote the secret
    if kind == "missing":
        return "is required"
    if kind == "extra_forbidden":
        *sections, unknown = key.split(".")
        known = sorted(_section(options, sections).model_fields)
        near = difflib.get_close_matches(unknown, known, n=1)
        guess = f"; did you mean {near[0]!r}?" if near else ""
        return f"is unknown{guess} (known: {', '.join(known) or 'none'})"
    message = message.removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _section(options: type[BaseModel], names: list[str]) -> type[BaseModel]:
    """The model of options within options; the outermost one that is known, where a name isn't."""
    for name in names:
        models = _models(options.model_fields[name].annotation) if name in options.model_fields else []
        options = models[0] if models else options
    return options


def _models(annotation: Any) -> list[type[BaseModel]]:
    kinds = [annotation, *get_args(annotation)]
    return [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]


def _describe_field(name: str, field: FieldInfo) -> OptionInfo:
    choices = field.validation_alias.choices if isinstance(field.validation_alias, AliasChoices) else ()
    aliases = tuple(str(choice) for choice in choices if choice != name)
    required = field.is_required()
    default = None if required or field.default is None else _text(field.default)
    return OptionInfo(
        name=name,
        aliases=aliases,
        type=_type_name(field.annotation),
        default=default,
        required=required,
        secret=_is_secret(field),
        description=field.description or "",
        options=tuple(option for model in _models(field.annotation)[:1] for option in describe(model)),
    )


def _text(default: object) -> str:
    """A default as a configuration file has it."""
    if isinstance(default, timedelta):
        return format_duration(default)
    return str(default).lower() if isinstance(default, bool) else str(default)


def _is_secret(field: FieldInfo) -> bool:
    return bool({SecretStr, SecretBytes} & {field.annotation, *get_args(field.annotation)})


def _secret_keys(options: type[DriverOptions]) -> set[str]:
    flat = [pair for option in describe(options) for pair in option.flattened()]
    return {
        key.removesuffix(info.name) + name for key, info in flat if info.secret for name in (info.name, *info.aliases)
    }


def _type_name(annotation: Any) -> str:
    names = {
        "str": "text",
        "int": "whole number",
        "float": "number",
        "bool": "boolean",
        "SecretStr": "text",
        "timedelta": "duration",
    }
    if _models(annotation):
        return "mapping"
    plain = [arg for arg in get_args(annotation) if arg is not type(None)] or [annotation]
    return " or ".join(names.get(getattr(arg, "__name__", ""), getattr(arg, "__name__", str(arg))) for arg in plain)
