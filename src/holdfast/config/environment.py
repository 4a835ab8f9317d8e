"""`REGISTRY_*` variables, laid over the file with upstream's rules.

`REGISTRY_HTTP_TLS_MINIMUMTLS=tls1.3` is `http.tls.minimumtls`. A word is a key in upper case, or the index of a list
item, up to the one after the last. A value is YAML of any depth: `REGISTRY_STORAGE_S3='{bucket: b, region: r}'`. What
a variable names is replaced as a whole. Variables count in the order of their names, so `REGISTRY_STORAGE=s3` replaces
the file's storage before `REGISTRY_STORAGE_S3_BUCKET` adds to it. Keys that the file lacks come to be, in lower case.

A variable whose first word is no section means nothing, nor do those that Kubernetes and Docker set for services whose
names begin with `registry`. Otherwise, what upstream passes over is an error here. Where upstream's own names for
variables differ from the file's keys (`REGISTRY_HEALTH_FILECHECKERS`), both are understood.

Source: https://github.com/distribution/distribution/blob/main/configuration/parser.go.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from holdfast.config.configuration import Configuration
from holdfast.config.document import Document, Value, read_value
from holdfast.config.problem import Path, Problem
from holdfast.config.schema import FREE, Shape, file_keys, nearest
from holdfast.storage.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from holdfast.config.section import Section

__all__ = ["PREFIX", "lay_over", "overrides"]

PREFIX = "REGISTRY_"
"""What the variables' names begin with."""

_SERVICE_NAME = re.compile(r"_(SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)\Z")
_SERVICE_VALUE = re.compile(r"((tcp|udp|sctp)://\S+|tcp|udp|sctp|\d+|[0-9a-fA-F.:]+)\Z")
_MAX_WORDS = 64
"""More than any key is deep."""

_NAMED_SECTIONS = frozenset({"auth", "storage"})
"""Sections that may be a name alone."""


def overrides(environment: Mapping[str, str]) -> list[str]:
    """Name the variables that override keys, such as `REGISTRY_HTTP_ADDR`, in the order in which they count."""
    sections = {word for key in file_keys(Configuration).values() for word in key.words}
    found = [
        name
        for name, value in environment.items()
        if name.startswith(PREFIX)
        and name.removeprefix(PREFIX).partition("_")[0].upper() in sections
        and not _is_of_a_service(name, value)
    ]
    return sorted(found, key=_order)


def lay_over(document: Document, environment: Mapping[str, str]) -> tuple[Document, list[Problem]]:
    """Lay the variables over a document.

    Returns:
        The document as they make it, and what is wrong with them. A variable that is wrong changes nothing.
    """
    problems = []
    document = replace(document, content=_names_as_keys(document.content), places=dict(document.places))
    for name in overrides(environment):
        try:
            document = _Override(name, environment[name], document).applied()
        except _RefusedError as refused:
            problems.append(refused.problem)
    return document, problems


def _order(name: str) -> list[tuple[int, str]]:
    """What names a section before what names a key in it; item 2 before item 10, where upstream stumbles."""
    return [(len(word) if word.isdigit() else 0, word) for word in name.split("_")]


def _is_of_a_service(name: str, value: str) -> bool:
    """Whether it is one of those that tell where a service is, such as `REGISTRY_REDIS_PORT=tcp://10.0.0.1:6379`."""
    match = _SERVICE_NAME.search(name)
    if match is None or _SERVICE_VALUE.match(value) is None:
        return False
    return match[1] != "PORT" or "://" in value


def _names_as_keys(content: dict[str, Value]) -> dict[str, Value]:
    """`storage: inmemory` is `storage: {inmemory: {}}`."""
    named: dict[str, Value] = {key: {value: {}} for key, value in content.items() if isinstance(value, str) and value}
    return content | {key: value for key, value in named.items() if key in _NAMED_SECTIONS}


class _RefusedError(Exception):
    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))


class _Override:
    """One variable on its way through the document; what it passes is copied, as aliases share what they stand for."""

    def __init__(self, name: str, text: str, document: Document) -> None:
        self._name = name
        self._text = text
        self._document = document
        self._path: Path = ()
        self._new: Path | None = None

    def applied(self) -> Document:
        words = self._name.split("_")[1:]
        if len(words) > _MAX_WORDS:
            raise self._refused(f"has more than {_MAX_WORDS} words in its name")
        content = self._below(self._document.content, Shape(section=Configuration), words)
        if not isinstance(content, dict):
            raise self._refused("isn't the name of a key")
        path, new = self._path, self._new or self._path
        places = {known: place for known, place in self._document.places.items() if known[: len(path)] != path}
        places |= {path: self._name, new: self._name}
        return replace(self._document, content=_names_as_keys(content), places=places)

    def _below(self, value: Value, shape: Shape, words: list[str]) -> Value:
        """What becomes of a value when what the words name in it is replaced."""
        if not words:
            return self._payload()
        if shape.section is not None:
            return self._in_section(value, shape.section, words)
        if shape.items is not None or (shape.free and isinstance(value, list)):
            return self._in_list(value, shape.items or FREE, words)
        if shape.entries is not None or shape.free:
            return self._in_mapping(value, shape.entries or FREE, words)
        raise self._refused("is a single value, and has no keys below it")

    def _payload(self) -> Value:
        try:
            value = read_value(self._text, self._name)
        except ConfigurationError as error:
            raise self._refused(str(error).removeprefix(f"{self._name}: ")) from error
        if value is None and self._text.lstrip().startswith("#"):
            raise self._refused("is nothing but a comment in YAML; put text that begins with # in quotes")
        return value

    def _in_section(self, value: Value, model: type[Section], words: list[str]) -> Value:
        keys = file_keys(model)
        key = next((key for key in keys.values() if words[0] in key.words), None)
        if key is not None:
            return self._in_entry(value, key.name, key.shape, words)
        if model.names_a_driver and words[0]:
            return self._in_mapping(value, FREE, words)
        known = [word for key in keys.values() for word in sorted(key.words)]
        before = self._before(words)
        near = nearest(words[0].upper(), known)
        guess = f"; did you mean {before}_{near}?" if near else ""
        self._path = (*self._path, words[0].lower())
        raise self._refused(f"is unknown{guess} (known: {', '.join(keys)})")

    def _in_mapping(self, value: Value, shape: Shape, words: list[str]) -> Value:
        """An entry whose name is that word in upper case, or a new one in lower case."""
        names = value if isinstance(value, dict) else {}
        name = next((name for name in names if name.upper() == words[0]), words[0].lower())
        if not name:
            raise self._refused("has an empty word in its name")
        return self._in_entry(value, name, shape, words)

    def _in_entry(self, value: Value, name: str, shape: Shape, words: list[str]) -> Value:
        if value is not None and not isinstance(value, dict):
            raise self._refused(f"has no keys: it is a single value in {self._document.locate(self._path)}")
        entries = value or {}
        self._step(name, new=entries.get(name) is None)
        return entries | {name: self._below(entries.get(name), shape, words[1:])}

    def _in_list(self, value: Value, shape: Shape, words: list[str]) -> Value:
        items = value if isinstance(value, list) else []
        if not (words[0].isascii() and words[0].isdigit() and len(words[0]) < 7):
            raise self._refused(f"is a list: an item is named by its index, such as {self._before(words)}_0")
        index = int(words[0])
        if index > len(items):
            raise self._refused(f"has {len(items)} items, so that the next index is {len(items)}, not {index}")
        self._step(index, new=index == len(items))
        item = self._below(items[index] if index < len(items) else None, shape, words[1:])
        return [*items[:index], item, *items[index + 1 :]]

    def _before(self, words: list[str]) -> str:
        return "_".join(self._name.split("_")[: -len(words)])

    def _step(self, part: str | int, *, new: bool) -> None:
        self._path = (*self._path, part)
        if new and self._new is None:
            self._new = self._path

    def _refused(self, reason: str) -> _RefusedError:
        return _RefusedError(Problem(path=self._path, place=self._name, reason=reason))
