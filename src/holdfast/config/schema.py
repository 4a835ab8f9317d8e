"""The shape of the file, read off the models: which keys a section has, and what can stand below them.

Variables, messages about unknown keys and the reference page all ask here, so that a field that is added to a model
is known everywhere.
"""

from __future__ import annotations

import difflib
import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from holdfast.config.configuration import Configuration
from holdfast.config.section import NotInFile, Section, Variable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic.fields import FieldInfo

    from holdfast.config.problem import Path

__all__ = ["FREE", "VALUE", "Key", "Shape", "file_keys", "model_at", "nearest", "shape_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What can stand at a place of the file. At most one attribute is set; none is a single value.

    Attributes:
        section: A section with known keys.
        items: A list, and the shape of its items.
        entries: A mapping with keys of the operator's own, and the shape of its values.
        free: Anything.
    """

    section: type[Section] | None = None
    items: Shape | None = None
    entries: Shape | None = None
    free: bool = False


VALUE = Shape()
"""A single value."""

FREE = Shape(free=True)
"""Anything: a driver's parameters, for instance, which only the driver knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key of a section.

    Attributes:
        name: The key, as the file has it.
        field: The field's own name in the model.
        words: What it is called in a variable's name.
        info: The model's field.
        shape: What stands below it.
    """

    name: str
    field: str
    words: frozenset[str]
    info: FieldInfo
    shape: Shape


def file_keys(model: type[Section]) -> Mapping[str, Key]:
    """List the keys that a section has in the file, by name, in the order of declaration."""
    return {
        key.name: key
        for field, info in model.model_fields.items()
        if not any(isinstance(mark, NotInFile) for mark in info.metadata)
        for key in [_key(field, info)]
    }


def shape_of(annotation: Any) -> Shape:
    """Tell what can stand where a model has this type."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return shape_of(arguments[0])
    if origin in {Union, types.UnionType}:
        return shape_of(next(argument for argument in arguments if argument is not type(None)))
    if origin is tuple:
        return Shape(items=shape_of(arguments[0]))
    if origin is dict:
        return Shape(entries=FREE if arguments[1] is Any else shape_of(arguments[1]))
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return Shape(section=annotation)
    return VALUE


def model_at(path: Path) -> type[Section] | None:
    """Return the model of the section at a path; `None` where there is none."""
    shape = Shape(section=Configuration)
    for part in path:
        if isinstance(part, int):
            shape = shape.items or VALUE
        elif shape.section is not None:
            key = file_keys(shape.section).get(part)
            shape = VALUE if key is None else key.shape
        else:
            shape = shape.entries or VALUE
    return shape.section


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is most like one that isn't known; `None` where none is like it."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return near[0] if near else None


def _key(field: str, info: FieldInfo) -> Key:
    name = info.alias or field
    words = {name.upper(), *(mark.name for mark in info.metadata if isinstance(mark, Variable))}
    return Key(name=name, field=field, words=frozenset(words), info=info, shape=shape_of(info.annotation))
