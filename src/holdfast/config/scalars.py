"""The types of single values: what YAML 1.1 and Go take for a boolean or a number, sizes, URLs, header fields."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, Any
from urllib.parse import urlsplit

import re2  # type: ignore[import-untyped] # it comes without types
from pydantic import AfterValidator, BeforeValidator, ByteSize, Field
from pydantic_core import PydanticCustomError

__all__ = ["URL", "Boolean", "Count", "HeaderFields", "Integer", "Pattern", "Size", "Word"]

_TRUE = frozenset({"y", "yes", "true", "on"})
_FALSE = frozenset({"n", "no", "false", "off"})
_INTEGER = re.compile(r"(?P<sign>[+-]?)(?:0x(?P<hex>[0-9a-fA-F]+)|0b(?P<bin>[01]+)|0o?(?P<oct>[0-7]+)|(?P<dec>\d+))\Z")
_BASES = {"hex": 16, "bin": 2, "oct": 8, "dec": 10}
_MAX_INTEGER = 2**63 - 1

_is_token = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z").match
_has_control = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]").search


def _boolean(value: Any) -> Any:
    """The words of YAML 1.1, in lower case, upper case or capitalized."""
    if not isinstance(value, str):
        return value
    word = value.lower()
    if value in {word, word.upper(), word.capitalize()} and word in _TRUE | _FALSE:
        return word in _TRUE
    raise PydanticCustomError("boolean", "needs true or false")


def _integer(value: Any) -> Any:
    """Decimal, or with the prefix `0x`, `0b`, `0o` or `0`, as YAML 1.1 has them; `_` may stand between digits."""
    if not isinstance(value, str):
        return value
    match = _INTEGER.match(value.replace("_", "")) if value.isascii() and value[:1] != "_" else None
    if match is None:
        raise PydanticCustomError("integer", "needs a whole number")
    base = next(name for name in _BASES if match[name] is not None)
    if len(match[base]) > 64:
        raise PydanticCustomError("integer", "is larger than a number can be here")
    number = int(match["sign"] + match[base], _BASES[base])
    if abs(number) > _MAX_INTEGER:
        raise PydanticCustomError("integer", "is larger than a number can be here")
    return number


def _url(value: str) -> str:
    """An absolute `http` or `https` URL; what is wrong is told without quoting it, as it may hold a password."""
    try:
        parts = urlsplit(value)
        has_host = bool(parts.hostname)
        _ = parts.port  # a port that isn't a number is found when it is asked for
    except ValueError as error:
        raise PydanticCustomError("url", "isn't a URL") from error
    if parts.scheme not in {"http", "https"} or not has_host:
        raise PydanticCustomError("url", "needs a whole URL, such as https://registry.example.org")
    if _has_control(value) or " " in value:
        raise PydanticCustomError("url", "isn't a URL: it has a space or a control character in it")
    return value


def _pattern(value: Any) -> Any:
    return _compiled(value) if isinstance(value, str) else value


@lru_cache
def _compiled(text: str) -> Any:
    """Compile a pattern; the same text gives the same object, so that equal configurations are equal."""
    options = re2.Options()
    options.log_errors = False  # it would write to standard error by itself
    try:
        return re2.compile(text, options)
    except re2.error as error:
        reason = error.args[0].decode("utf-8", "replace") if error.args else "it can't be read"
        raise PydanticCustomError("pattern", "isn't a regular expression: {reason}", {"reason": reason}) from error


def _header_fields(value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    for name, items in value.items():
        if not _is_token(name):
            raise PydanticCustomError("header", "{name} can't be the name of a header field", {"name": repr(name)})
        if any(_has_control(item) or not item.isascii() for item in items):
            raise PydanticCustomError("header", "{name} has a character that no header field can have", {"name": name})
    return value


def _word(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


Boolean = Annotated[bool, BeforeValidator(_boolean)]
"""`true` or `false`, and the other words that YAML 1.1 has for them."""

Integer = Annotated[int, BeforeValidator(_integer)]
"""A whole number."""

Count = Annotated[int, BeforeValidator(_integer), Field(ge=0)]
"""A whole number that isn't negative."""

Size = Annotated[ByteSize, Field(ge=0)]
"""A number of bytes: `5242880`, `5MiB`, `5MB`."""

URL = Annotated[str, AfterValidator(_url)]
"""An absolute `http` or `https` URL."""

Pattern = Annotated[Any, BeforeValidator(_pattern)]
"""A regular expression with Go's syntax, by the library that Go's is made after: matching takes linear time."""

HeaderFields = Annotated[dict[str, tuple[str, ...]], AfterValidator(_header_fields)]
"""Header fields by name, each with a list of values."""

Word = BeforeValidator(_word)
"""For a choice of words that may be written in upper case."""
