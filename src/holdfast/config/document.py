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

from holdfast.config.problem import Path, Problem
from holdfast.storage.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MAX_BYTES", "Document", "Value", "read_document", "read_value"]

MAX_BYTES = 1024 * 1024
"""The largest configuration file, in bytes; real ones have a few thousand."""

Value: TypeAlias = "str | list[Value] | dict[str, Value] | None"

_NULL = "tag:yaml.org,2002:null"
_MERGE = "tag:yaml.org,2002:merge"
_CORE_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}" for name in ("null", "merge", "str", "int", "float", "bool", "timestamp", "map", "seq")
)


_REPLACED_AS_A_WHOLE = frozenset({"auth", "middleware", "storage"})
"""Sections in which upstream, when a key stands there twice, forgets the first; in others it joins the two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A mapping read from YAML, and what was laid over it.

    Attributes:
        source: What it was read from, for messages.
        content: The mapping.
        places: Where a key or list item stands: `source:line:column`, or the name of a variable. What a place covers
            as a whole, such as the value of a variable, has no places inside.
        remarks: What is legal and still looks like a mistake: a key that stands there twice.
    """

    source: str
    content: dict[str, Value]
    places: Mapping[Path, str]
    remarks: tuple[Problem, ...] = ()

    def locate(self, path: Path) -> str:
        """Tell where a key stands, or the nearest key around it that the text has; else the source."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.places:
                return self.places[path[:end]]
        return self.source


def read_document(data: bytes, source: str) -> Document:
    """Read a YAML document that is a mapping.

    Raises:
        ConfigurationError: It is too large, not UTF-8, empty, not YAML, has an unknown tag, a key that isn't text, or
            is no mapping; with the line and column.
    """
    if len(data) > MAX_BYTES:
        raise ConfigurationError(f"{source}: is larger than {MAX_BYTES} bytes, which no configuration is")
    try:
        node = _compose(_decode(data, source))
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


def read_value(text: str, source: str) -> Value:
    """Read a YAML value, such as that of a variable; nothing, or a comment alone, is `None`.

    Raises:
        ConfigurationError: It isn't YAML, or has what `read_document` refuses. The message doesn't quote the value.
    """
    reason = None
    try:
        node = _compose(text)
        return None if node is None else _Construction(source).value(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = f"isn't a YAML value (character {mark.index + 1 if mark else 1}); put text with special characters"
        reason += " in quotes"
    except ReaderError as error:
        reason = f"isn't a YAML value: {error.reason} at character {error.position + 1}"
    except RecursionError:
        reason = "is nested too deeply"
    raise ConfigurationError(f"{source}: {reason}")  # without a cause: YAML's own message can quote a secret


def _compose(text: str) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=_Loader)
    except (ValueError, OverflowError) as error:
        # The library makes numbers and characters of what the text has after `%YAML` and `\U`, whatever it is.
        raise yaml.MarkedYAMLError(problem="a number is out of range") from error


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
        self._places: dict[Path, str] = {}
        self._remarks: list[Problem] = []

    def document(self, node: yaml.MappingNode) -> Document:
        content = self._mapping(node, ())
        return Document(source=self._source, content=content, places=self._places, remarks=tuple(self._remarks))

    def value(self, node: yaml.Node, path: Path = ()) -> Value:
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

    def _fresh_value(self, node: yaml.Node, path: Path) -> Value:
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._item(item, (*path, index)) for index, item in enumerate(node.value)]
        return None if node.tag == _NULL else str(node.value)

    def _item(self, node: yaml.Node, path: Path) -> Value:
        self._places[path] = self._place(node)
        return self.value(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Value]:
        own: dict[str, Value] = {}
        merged: dict[str, Value] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                for mapping in self._merged(value_node):
                    merged = mapping | merged
                continue
            key = self._key(key_node)
            below = (*path, key)
            first = self._places.get(below) if key in own else None
            self._places[below] = self._place(key_node)
            value = self.value(value_node, below)
            own[key] = value if first is None else self._repeated(below, own[key], value, first)
        return merged | own

    def _repeated(self, path: Path, earlier: Value, later: Value, first: str) -> Value:
        """What counts of a key that stands there twice, as upstream has it, and a remark about it."""
        joined = isinstance(earlier, dict) and isinstance(later, dict) and path[0] not in _REPLACED_AS_A_WHOLE
        what = "the two are joined" if joined else "this one counts"
        reason = f"stands here a second time, after {first}; {what}, as upstream has it"
        self._remarks.append(Problem(path=path, place=self._places[path], reason=reason))
        return _join(earlier, later) if joined else later

    def _merged(self, node: yaml.Node) -> list[dict[str, Value]]:
        """What `<<` brings in: a mapping or a list of them, the earlier ones winning."""
        value = self.value(node)
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
        return ConfigurationError(f"{self._place(node)}: {reason}")

    def _place(self, node: yaml.Node) -> str:
        return f"{self._source}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"


def _join(earlier: Value, later: Value) -> Value:
    if not isinstance(earlier, dict) or not isinstance(later, dict):
        return later
    return earlier | {key: _join(earlier.get(key), value) for key, value in later.items()}
