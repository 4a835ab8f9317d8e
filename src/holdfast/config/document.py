"""YAML as the configuration uses it: text, lists and mappings, each with the place where it stands.

Every scalar stays the text it is in the file, and empty ones are `None`: the models know the types. So a
secret that looks like an octal number stays what was written, `version: 0.1` is not a float, and a value
from a file and one from an environment variable are the same thing. Nothing but text, lists and mappings
can come out of a document, whatever its tags say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import yaml
from yaml.reader import ReaderError

from holdfast.storage.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MAX_BYTES", "Document", "Value", "read_document"]

MAX_BYTES = 1024 * 1024
"""The largest configuration file, in bytes; real ones have a few thousand."""

Value: TypeAlias = "str | list[Value] | dict[str, Value] | None"

_NULL = "tag:yaml.org,2002:null"
_MERGE = "tag:yaml.org,2002:merge"
_CORE_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}" for name in ("null", "merge", "str", "int", "float", "bool", "timestamp", "map", "seq")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A mapping read from YAML.

    Attributes:
        source: What it was read from, for messages.
        content: The mapping.
        places: Line and column, from 1, of each key and list item that the text itself has.
    """

    source: str
    content: dict[str, Value]
    places: Mapping[tuple[str | int, ...], tuple[int, int]]

    def locate(self, path: tuple[str | int, ...]) -> str:
        """`source:line:column` of a key, or of the nearest key around it that the text has; else the source."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.places:
                line, column = self.places[path[:end]]
                return f"{self.source}:{line}:{column}"
        return self.source


def read_document(data: bytes, source: str) -> Document:
    """Read a YAML document that is a mapping.

    Raises:
        ConfigurationError: It is too large, not UTF-8, empty, not YAML, has a key twice, an unknown tag, a key that
            isn't text, or is no mapping; with the line and column.
    """
    if len(data) > MAX_BYTES:
        raise ConfigurationError(f"{source}: is larger than {MAX_BYTES} bytes, which no configuration is")
    try:
        node = yaml.compose(_decode(data, source), Loader=_Loader)
        if node is None:
            raise ConfigurationError(f"{source}: is empty; it needs at least `version` and `storage`")
        if not isinstance(node, yaml.MappingNode):
            raise ConfigurationError(f"{source}: isn't a mapping of keys to values")
        return _Construction(source).document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{source}:{mark.line + 1}:{mark.column + 1}" if mark else source
        what = " ".join(part for part in (error.context, error.problem) if part)
        raise ConfigurationError(f"{place}: isn't valid YAML: {what}") from error
    except ReaderError as error:
        raise ConfigurationError(f"{source}: isn't valid YAML: {error.reason} at character {error.position}") from error
    except RecursionError as error:
        raise ConfigurationError(f"{source}: is nested too deeply") from error


def _decode(data: bytes, source: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{source}:{line}: isn't UTF-8 text") from error


class _Loader(yaml.SafeLoader):
    """Only ever composes nodes. Of the scalars, it knows those that aren't text: the null and the merge key."""


_Loader.yaml_implicit_resolvers = {}
_Loader.add_implicit_resolver(_NULL, re.compile(r"(?:~|null|Null|NULL|)\Z"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver(_MERGE, re.compile(r"<<\Z"), ["<"])


class _Construction:
    """Builds values from nodes, each node once: aliases share a value, so that none can multiply the work."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._built: dict[int, Value] = {}
        self._open: set[int] = set()
        self._places: dict[tuple[str | int, ...], tuple[int, int]] = {}

    def document(self, node: yaml.MappingNode) -> Document:
        content = self._mapping(node, ())
        return Document(source=self._source, content=content, places=self._places)

    def _value(self, node: yaml.Node, path: tuple[str | int, ...]) -> Value:
        identity = id(node)
        if identity in self._built:
            return self._built[identity]
        if identity in self._open:
            raise self._error(node, "contains itself")
        if node.tag not in _CORE_TAGS:
            raise self._error(node, f"has the tag {node.tag}, which means nothing here")
        self._open.add(identity)
        value = self._fresh_value(node, path)
        self._open.discard(identity)
        self._built[identity] = value
        return value

    def _fresh_value(self, node: yaml.Node, path: tuple[str | int, ...]) -> Value:
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._item(item, (*path, index)) for index, item in enumerate(node.value)]
        return None if node.tag == _NULL else str(node.value)

    def _item(self, node: yaml.Node, path: tuple[str | int, ...]) -> Value:
        self._places[path] = _place(node)
        return self._value(node, path)

    def _mapping(self, node: yaml.MappingNode, path: tuple[str | int, ...]) -> dict[str, Value]:
        own: dict[str, Value] = {}
        merged: dict[str, Value] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                for mapping in self._merged(value_node):
                    merged = mapping | merged
                continue
            key = self._key(key_node)
            if key in own:
                line, _ = self._places[*path, key]
                raise self._error(key_node, f"the key {key!r} stands here a second time, after line {line}")
            self._places[*path, key] = _place(key_node)
            own[key] = self._value(value_node, (*path, key))
        return merged | own

    def _merged(self, node: yaml.Node) -> list[dict[str, Value]]:
        """What `<<` brings in: a mapping or a list of them, the earlier ones winning."""
        value = self._value(node, ())
        mappings = value if isinstance(value, list) else [value]
        for mapping in mappings:
            if not isinstance(mapping, dict):
                raise self._error(node, "`<<` takes a mapping or a list of mappings")
        return [mapping for mapping in mappings if isinstance(mapping, dict)]

    def _key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode) or node.tag == _NULL:
            raise self._error(node, "a key is a word")
        return str(node.value)

    def _error(self, node: yaml.Node, reason: str) -> ConfigurationError:
        line, column = _place(node)
        return ConfigurationError(f"{self._source}:{line}:{column}: {reason}")


def _place(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
