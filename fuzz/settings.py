"""The parsers of what operators write: the configuration file, its durations, sizes, addresses and patterns."""

from __future__ import annotations

import contextlib

from pydantic import TypeAdapter, ValidationError

from fuzz.target import Target
from holdfast.config import parse
from holdfast.config.address import Address
from holdfast.config.document import read_document
from holdfast.config.scalars import URL, Boolean, HeaderFields, Integer, Pattern, Size
from holdfast.duration import Duration, format_duration, parse_duration
from holdfast.storage.errors import ConfigurationError

__all__ = ["TARGETS"]

_FILE = b"""version: 0.1
log: {level: info, fields: {a: b}}
storage:
  filesystem: &f {rootdirectory: /var/lib/registry}
  delete: {enabled: true}
http:
  addr: :5000
  headers: {X-Content-Type-Options: [nosniff]}
  draintimeout: 1m30s
health: {storagedriver: {enabled: true, interval: 10s, threshold: 3}}
"""
_MERGED = b'a: &a {b: 1}\nc: {<<: *a, d: "\\u00e9"}\ne: [*a, ~, |\n x\n]\n'
_SCALARS: list[TypeAdapter[object]] = [TypeAdapter(kind) for kind in (Boolean, Duration, Integer, Pattern, Size, URL)]
_FIELDS: TypeAdapter[object] = TypeAdapter(HeaderFields)


def _document(data: bytes) -> None:
    """Text, lists and mappings, or one line that says what is wrong."""
    try:
        read_document(data, "file")
    except ConfigurationError as error:
        _require_one_line(error)


def _configuration(data: bytes) -> None:
    """A configuration, or one line that says what is wrong."""
    for content in (data, b"version: 0.1\nstorage: {inmemory: {}}\n" + data):
        try:
            parse(content, source="file")
        except ConfigurationError as error:
            _require_one_line(error)


def _duration(data: bytes) -> None:
    """A duration is the same when it is written and read again."""
    try:
        duration = parse_duration(data.decode("utf-8", "replace"))
    except ValueError:
        return
    if parse_duration(format_duration(duration)) != duration:
        raise AssertionError(f"{data!r} is {duration!r}, written {format_duration(duration)}")


def _scalars(data: bytes) -> None:
    """Every type of a value takes a text or refuses it."""
    text = data.decode("utf-8", "replace")
    for adapter in _SCALARS:
        with contextlib.suppress(ValidationError):
            adapter.validate_python(text)
    with contextlib.suppress(ValidationError):
        _FIELDS.validate_python({text: [text]})
    try:
        address = Address.parse(text)
    except ValueError:
        return
    if Address.parse(str(address)) != address:
        raise AssertionError(f"{text!r} is {address}")


def _require_one_line(error: ConfigurationError) -> None:
    if len(str(error).splitlines()) != 1:
        raise AssertionError(f"not one line: {error}")


TARGETS = [
    # YAML is read by Python, a hundred times more slowly than anything else here.
    Target(
        name="document",
        check=_document,
        seeds=[_FILE, _MERGED, b"[[[[", b"? a\n: b", b"%YAML 1.2", b'a: "\\U0010FFFF"'],
        seconds_per_byte=500e-6,
    ),
    Target(name="configuration", check=_configuration, seeds=[_FILE, _MERGED], seconds_per_byte=1000e-6),
    Target(name="duration", check=_duration, seeds=[b"1h2m3.5s", b"0", b"-1.5us", b"9ns" * 9]),
    Target(
        name="scalars", check=_scalars, seeds=[b"5MiB", b":5000", b"[::1]:80", b"https://a.test/", b"0x1f", b"a+b*"]
    ),
]
