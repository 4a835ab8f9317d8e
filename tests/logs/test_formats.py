import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.logs import formats
from holdfast.logs.formats import render_json, render_logstash, render_terminal, render_text, renderer

_NOW = "2026-01-31T12:00:00.5Z"

_CALLER = {"pathname": "/lib/holdfast/gc.py", "lineno": 7, "func_name": "sweep"}

_WORD = r'"(?:[^"\\]|\\.)*"|[A-Za-z0-9._/@^+-]*'
_PAIR = re.compile(f"(?P<key>{_WORD})=(?P<value>{_WORD})")
"""A pair of a text line, as a parser of `key=value` reads it."""

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.binary(),
    lambda values: st.lists(values) | st.dictionaries(st.text(st.characters()), values),
    max_leaves=5,
)


@pytest.fixture(autouse=True)
def _at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "_now", lambda: _NOW)


def _event(**fields: Any) -> dict[str, Any]:
    return {"event": "storage failed", "vars.name": "a/b", "count": 3, "ok": True, "why": 'x: "y"\n'} | fields


def test_text() -> None:
    """Text has time, level and message first, then the fields by name, as logrus writes them."""
    assert (
        f'time="{_NOW}" level=error msg="storage failed" count=3 ok=true vars.name=a/b why="x: \\"y\\"\\n"'
        == render_text(None, "error", _event())
    )
    assert f'time="{_NOW}" level=warning msg=odd func=sweep file="/lib/holdfast/gc.py:7"' == render_text(
        None, "warning", {"event": "odd", **_CALLER}
    )


def test_json() -> None:
    """JSON has the same names, sorted, and values of their own types."""
    assert (
        '{"count":3,"level":"error","msg":"storage failed","ok":true,'
        f'"time":"{_NOW}","vars.name":"a/b","why":"x: \\"y\\"\\n"}}' == render_json(None, "error", _event())
    )
    assert (
        '{"file":"/lib/holdfast/gc.py:7","func":"sweep","level":"warning","msg":"odd",'
        f'"time":"{_NOW}"}}' == render_json(None, "warning", {"event": "odd", **_CALLER})
    )


def test_logstash() -> None:
    """Logstash's names stand for time and message, and the version of its format is there."""
    assert (
        f'{{"@timestamp":"{_NOW}","@version":"1","count":3,"level":"error","message":"storage failed","ok":true,'
        '"vars.name":"a/b","why":"x: \\"y\\"\\n"}' == render_logstash(None, "error", _event())
    )
    assert (
        f'{{"@timestamp":"{_NOW}","@version":"1","file":"/lib/holdfast/gc.py:7","function":"sweep",'
        '"level":"warning","message":"odd"}' == render_logstash(None, "warning", {"event": "odd", **_CALLER})
    )


def test_terminal() -> None:
    """On a terminal a traceback has lines of its own, and nothing logged can move the cursor."""
    event = {"event": "failed\x1b[2J", "exception": 'Traceback:\n  File "x"\nValueError: \x1b[2J', "n": 1}

    assert [
        f"\x1b[2m{_NOW}\x1b[0m \x1b[31mERROR  \x1b[0m failed\\x1b[2J \x1b[31mn\x1b[0m=1",
        "Traceback:",
        '  File "x"',
        "ValueError: \\x1b[2J",
    ] == render_terminal(None, "error", event).split("\n")


@pytest.mark.parametrize(
    ("method", "level"),
    [
        ("debug", "debug"),
        ("info", "info"),
        ("warning", "warning"),
        ("warn", "warning"),
        ("error", "error"),
        ("exception", "error"),
        ("critical", "fatal"),
        ("notice", "notice"),
    ],
)
def test_levels_have_the_names_of_logrus(method: str, level: str) -> None:
    """Whatever the method is called, the line says what Distribution's says; an unknown level is left as it is."""
    assert level == json.loads(render_json(None, method, {"event": "x"}))["level"]


@pytest.mark.parametrize(
    ("formatter", "taken"),
    [("text", "time level msg"), ("json", "time level msg"), ("logstash", "@timestamp @version level message")],
)
def test_a_field_never_hides_what_the_line_says(formatter: Any, taken: str) -> None:
    """A field with the name of one of the line's own is called `fields.NAME`."""
    line = renderer(formatter, terminal=False)(None, "info", {"event": "x"} | dict.fromkeys(taken.split(), "mine"))
    found = json.loads(line) if line[0] == "{" else {pair["key"]: pair["value"] for pair in _PAIR.finditer(line)}

    assert ["mine"] * len(taken.split()) == [found[f"fields.{name}"] for name in taken.split()]
    assert "mine" not in [found[name] for name in taken.split()]


@given(st.dictionaries(st.text(st.characters()), _VALUES), st.text(st.characters()))
def test_any_event_is_one_line_of_json(fields: dict[str, Any], message: str) -> None:
    """Whatever is logged, the line is one, is UTF-8, is JSON, and its own fields are right."""
    for render, name in ((render_json, "msg"), (render_logstash, "message")):
        line = render(None, "info", {**fields, "event": message})
        read = json.loads(line.encode())

        assert {"\n", "\r"}.isdisjoint(line)
        assert ("info", message.encode(errors="backslashreplace").decode()) == (read["level"], read[name])


@given(st.dictionaries(st.text(st.characters()), _VALUES), st.text(st.characters()))
def test_any_event_is_one_line_of_text(fields: dict[str, Any], message: str) -> None:
    """Whatever is logged, the line is one, is printable, and can be taken apart again."""
    fields = {key: value for key, value in fields.items() if key and key not in {"pathname", "event"}}
    line = render_text(None, "info", {**fields, "event": message})

    assert line.isprintable()
    assert "" == _PAIR.sub("", line).strip()
    assert len(fields) + 2 + bool(message) == len(_PAIR.findall(line))
