"""The effective configuration: each value as the file would have it, with where it came from; secrets masked."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

import yaml
from pydantic import BaseModel, SecretBytes, SecretStr

from holdfast.config.http import HTTPSection
from holdfast.config.middleware import OFFERS, Middleware
from holdfast.config.schema import file_keys
from holdfast.config.section import Section
from holdfast.config.storage import StorageSection
from holdfast.duration import format_duration
from holdfast.storage import factory, options

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from holdfast.config.document import Document, Value
    from holdfast.config.file import Reading
    from holdfast.config.problem import Path

__all__ = ["DEFAULT", "MASK", "Setting", "settings", "to_yaml"]

MASK = "********"
"""What stands for a secret."""

DEFAULT = "default"
"""Where a value came from that nobody has given."""

_sounds_secret = re.compile(r"pass|secret|token|key|credential|authorization|cookie|signature", re.IGNORECASE).search
_PASSWORD = re.compile(r"(?<=://)([^/@:\s]*):[^/@\s]+(?=@)")

_Tree: TypeAlias = "Setting | dict[str | int, _Tree]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One value of the effective configuration.

    Attributes:
        path: The key's path.
        value: What the file would have: text, a number, a boolean, or a list of them; a secret is masked.
        origin: Where it came from: `file:line:column`, the name of a variable, or `default`.
    """

    path: Path
    value: Any
    origin: str


def settings(reading: Reading) -> list[Setting]:
    """List every value there is, in the order of the reference; a key without a value isn't in it.

    The driver's code is imported, for its defaults and for which of its parameters are secret.

    Raises:
        ConfigurationError: Something is wrong with the configuration.
    """
    configuration = reading.usable()
    found = _Walk(reading.document).section(configuration, ())
    return [setting for setting in found if setting.path != ("loglevel",)]  # it is told as log.level


def to_yaml(found: Iterable[Setting]) -> str:
    """Write settings as a configuration file, each with where it came from in a comment."""
    tree: dict[str | int, _Tree] = {}
    for setting in found:
        branch = tree
        for part in setting.path[:-1]:
            below = branch.get(part)
            if below is None or isinstance(below, Setting):  # the setting only said that something is there
                below = branch[part] = {}
            branch = below
        branch[setting.path[-1]] = setting
    return "".join(f"{line}\n" for line in _lines(tree))


class _Walk:
    """Walks the models, and asks the document where what it meets came from."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def section(self, section: Section, path: Path) -> Iterator[Setting]:
        if isinstance(section, StorageSection):
            yield from self._driver(section, path)
        for key in file_keys(type(section)).values():
            value = getattr(section, key.field)
            if key.name == "addr" and isinstance(section, HTTPSection) and section.unix is not None:
                value = section.unix
            if key.name == "options" and isinstance(section, Middleware):
                value = _hidden(section, str(path[-2]))
            yield from self._value(value, (*path, key.name))

    def _value(self, value: Any, path: Path) -> Iterator[Setting]:
        if isinstance(value, Section):
            if file_keys(type(value)):
                yield from self.section(value, path)
            else:
                yield Setting(path=path, value={}, origin=self._origin(path))
        elif isinstance(value, dict):
            for name, item in value.items():
                yield from self._value(_masked(item) if _sounds_secret(name) else item, (*path, name))
        elif isinstance(value, list | tuple) and any(isinstance(item, Section | dict) for item in value):
            for index, item in enumerate(value):
                yield from self._value(item, (*path, index))
        elif value is not None and value not in ((), [], ""):
            yield Setting(path=path, value=_plain(value), origin=self._origin(path))

    def _driver(self, section: StorageSection, path: Path) -> Iterator[Setting]:
        path = (*path, section.driver)
        made = options.parse(section.driver, factory.load(section.driver).Options, section.parameters)
        found = []
        for option in options.describe(type(made)):
            given = next((name for name in (option.name, *option.aliases) if name in section.parameters), option.name)
            value = getattr(made, option.name)
            shown = _masked(value) if option.secret else _dumped(value)
            found += [
                Setting(path=(*path, *setting.path[len(path) :]), value=setting.value, origin=setting.origin)
                for setting in self._value(shown, (*path, given))
            ]
        if all(setting.origin == DEFAULT for setting in found):  # then its name is all that was said
            yield Setting(path=path, value={}, origin=self._document.locate(path))
        yield from found

    def _origin(self, path: Path) -> str:
        if path == ("log", "level") and not _stands_in(self._document.content, path):
            path = ("loglevel",)
        return self._document.locate(path) if _stands_in(self._document.content, path) else DEFAULT


def _hidden(entry: Middleware, around: str) -> dict[str, Any]:
    """Its options, those masked that it says are secret; what is disabled isn't asked, and need not be installed."""
    if entry.disabled:
        return entry.options
    infos = options.describe(OFFERS[around].load(entry.name).Options)
    secret = {name for info in infos if info.secret for name in (info.name, *info.aliases)}
    return {name: _masked(value) if name in secret else value for name, value in entry.options.items()}


def _stands_in(content: Value, path: Path) -> bool:
    for part in path:
        if isinstance(content, dict) and isinstance(part, str):
            content = content.get(part)
        elif isinstance(content, list) and isinstance(part, int) and part < len(content):
            content = content[part]
        else:
            return False
    return content is not None and content != ""


def _dumped(value: Any) -> Any:
    return value.model_dump() if isinstance(value, BaseModel) else value


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _masked(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(item) for item in value]
    return None if value is None else MASK


def _plain(value: Any) -> Any:
    if isinstance(value, SecretStr | SecretBytes):
        return MASK
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, bool | int | float):
        return value if isinstance(value, bool | float) else int(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(_masked(item) if _sounds_secret(name) else item) for name, item in value.items()}
    return _PASSWORD.sub(rf"\1:{MASK}", str(getattr(value, "pattern", value)))


def _lines(tree: dict[str | int, _Tree]) -> Iterator[str]:
    for part, below in tree.items():
        head = "-" if isinstance(part, int) else f"{_scalar(part)}:"
        if isinstance(below, Setting):
            yield f"{head} {_scalar(below.value)}  # {below.origin}"
            continue
        lines = list(_lines(below))
        if isinstance(part, int):
            yield f"- {lines[0]}"
            lines = lines[1:]
        else:
            yield head
        yield from (f"  {line}" for line in lines)


def _scalar(value: Any) -> str:
    if isinstance(value, str) and not value.isprintable():
        return json.dumps(value)  # YAML would spread it over lines
    text = yaml.safe_dump(value, default_flow_style=True, width=2**31, allow_unicode=True)
    return text.removesuffix("...\n").strip()
