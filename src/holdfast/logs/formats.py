"""The formats of a log line. Fields have the names that Distribution gives them, so that what reads its log goes on.

    text      time="2026-01-31T12:00:00.5Z" level=info msg="two words" key=value
    json      {"key":"value","level":"info","msg":"two words","time":"2026-01-31T12:00:00.5Z"}
    logstash  {"@timestamp":"...","@version":"1","key":"value","level":"info","message":"two words"}

The field names of `logstash` are those of Distribution 2 and of Logstash itself; Distribution 3 writes under that name
what it writes as `json`. A field whose name is taken by the line itself is called `fields.NAME`, as logrus does.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from holdfast.logs.quoting import escape, quote_if_needed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, MutableMapping

    from holdfast.logs.options import LogFormatter

__all__ = ["LEVEL_NAMES", "render_json", "render_logstash", "render_terminal", "render_text", "renderer"]

LEVEL_NAMES = {
    "debug": "debug",
    "info": "info",
    "warn": "warning",
    "warning": "warning",
    "error": "error",
    "exception": "error",
    "critical": "fatal",
    "fatal": "fatal",
}
"""A logger's method to the level that the line has, in logrus's words."""

_COLOURS = {"debug": "37", "info": "36", "warning": "33", "error": "31", "fatal": "31"}


def renderer(formatter: LogFormatter, *, terminal: bool) -> Callable[[object, str, MutableMapping[str, Any]], str]:
    """Return what writes down a line, given whether people read it on a coloured terminal."""
    if formatter == "json":
        return render_json
    if formatter == "logstash":
        return render_logstash
    return render_terminal if terminal else render_text


def render_text(_: object, method: str, event: MutableMapping[str, Any]) -> str:
    """Render an event as `key=value` pairs; the event is used up."""
    message, caller = _message(event), _caller(event)
    _evade(event, "time", "level", "msg", *caller)
    head = {"time": _now(), "level": _level(method)} | ({"msg": message} if message else {})
    return _pairs([*head.items(), *caller.items(), *sorted(event.items())])


def render_json(_: object, method: str, event: MutableMapping[str, Any]) -> str:
    """Render an event as an object on one line; the event is used up."""
    message, caller = _message(event), _caller(event)
    _evade(event, "time", "level", "msg", *caller)
    return _object({**event, **caller, "time": _now(), "level": _level(method), "msg": message})


def render_logstash(_: object, method: str, event: MutableMapping[str, Any]) -> str:
    """Render an event as an object that Logstash takes as its own; the event is used up."""
    message, caller = _message(event), _caller(event)
    if caller:
        caller["function"] = caller.pop("func")
    _evade(event, "@timestamp", "@version", "level", "message", *caller)
    line = {"@timestamp": _now(), "@version": "1", "level": _level(method), "message": message}
    return _object({**event, **caller, **line})


def render_terminal(_: object, method: str, event: MutableMapping[str, Any]) -> str:
    """Render an event for people, coloured; a traceback goes on lines of its own. The event is used up."""
    message, caller, level = _message(event), _caller(event), _level(method)
    traceback = event.pop("exception", "")
    colour = f"\x1b[{_COLOURS.get(level, '36')}m"
    details = "".join(
        f" {colour}{quote_if_needed(key)}\x1b[0m={_value(value)}" for key, value in sorted({**event, **caller}.items())
    )
    line = f"\x1b[2m{_now()}\x1b[0m {colour}{level.upper():7}\x1b[0m {escape(message)}{details}"
    return "\n".join([line, *(_printable(each) for each in str(traceback).splitlines())])


def _message(event: MutableMapping[str, Any]) -> str:
    return str(event.pop("event", ""))


def _caller(event: MutableMapping[str, Any]) -> dict[str, str]:
    """Take the caller's place out of an event, if it has one."""
    if "pathname" not in event:
        return {}
    return {
        "func": event.pop("func_name"),
        "file": f"{event.pop('pathname')}:{event.pop('lineno')}",
    }


def _evade(event: MutableMapping[str, Any], *taken: str) -> None:
    """Rename the fields whose names the line needs for itself."""
    for name in taken:
        if name in event:
            event[f"fields.{name}"] = event.pop(name)


def _level(method: str) -> str:
    return LEVEL_NAMES.get(method, method)


def _now() -> str:
    return datetime.now(UTC).isoformat().removesuffix("+00:00") + "Z"


def _pairs(pairs: Iterable[tuple[str, object]]) -> str:
    return " ".join(f"{quote_if_needed(key)}={_value(value)}" for key, value in pairs)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list | tuple):
        return quote_if_needed(_object(value))
    return quote_if_needed(str(value))


def _printable(line: str) -> str:
    """A line of a traceback: quotes stay as they are, what a terminal would obey doesn't."""
    return line if line.isprintable() else "".join(each if each in {'"', "\\"} else escape(each) for each in line)


def _object(value: object) -> str:
    try:
        return msgspec.json.encode(value, enc_hook=str, order="sorted").decode()
    except (TypeError, ValueError, OverflowError):
        # Text that isn't Unicode, an integer of more than 64 bits, a key that is no text.
        fields = value.items() if isinstance(value, dict) else [("value", value)]
        texts = {_unicode(key): _unicode(item) for key, item in fields}
        return msgspec.json.encode(texts, order="sorted").decode()


def _unicode(value: object) -> str:
    return str(value).encode(errors="backslashreplace").decode()
