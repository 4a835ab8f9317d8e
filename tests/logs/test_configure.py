import json
import logging
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from holdfast.logs import LogOptions, configure_logs

_PROGRAM = """
import logging, structlog
from holdfast.logs import LogOptions, configure_logs
early = structlog.get_logger("early")
with configure_logs({options!r}):
    early.debug("fine")
    early.info("usual", repository="a/b")
    early.warning("odd", note="two words")
    logging.getLogger("library").warning("from a %s", "library")
    secret = "sesame"
    try:
        raise ValueError("why")
    except ValueError:
        early.exception("failed")
early.warning("after the end")
"""


def _logged(options: LogOptions) -> list[str]:
    program = _PROGRAM.format(options=options)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "" == done.stdout
    return done.stderr.splitlines()


@pytest.mark.parametrize(
    ("options", "messages"),
    [
        (LogOptions(level="debug"), ["fine", "usual", "odd", '"from a library"', "failed", '"after the end"']),
        (LogOptions(level="info"), ["usual", "odd", '"from a library"', "failed", '"after the end"']),
        (LogOptions(level="warn"), ["odd", '"from a library"', "failed", '"after the end"']),
        (LogOptions(level="error"), ["failed"]),
    ],
)
def test_the_level_decides_what_is_written(options: LogOptions, messages: list[str]) -> None:
    """Each level writes itself and what is graver, to standard error, one line each; after the end as well."""
    actual = _logged(options)

    assert messages == [re.search(r' msg=("[^"]*"|\S+)', line)[1] for line in actual]  # type: ignore[index]


def test_lines_are_logfmt_with_details() -> None:
    """A line starts with when, how grave and what; details follow as key=value, quoted where needed."""
    usual, odd, library, failed, _ = _logged(LogOptions())

    assert re.fullmatch(r'time="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z" level=info msg=usual repository=a/b', usual)
    assert ' level=warning msg=odd note="two words"' in odd
    assert " level=warning" in library
    assert "logger=library" in library
    assert "ValueError: why" in failed


def test_no_format_shows_the_values_of_variables() -> None:
    """A traceback says where, on the line of its error, and not what the variables held."""
    lines = [line for name in ("text", "json", "logstash") for line in _logged(LogOptions(formatter=name))]

    assert 3 == sum("Traceback" in line for line in lines)
    assert [] == [line for line in lines if "sesame" in line]


def test_static_fields_and_the_caller() -> None:
    """Every line has the configured fields, and says where in the program it comes from; libraries' lines too."""
    options = LogOptions(formatter="json", fields={"service": "registry", "shard": 7}, report_caller=True)
    lines = [json.loads(line) for line in _logged(options)]

    assert [("registry", 7)] * 5 == [(line["service"], line["shard"]) for line in lines]
    assert [f"<string>:{number}" for number in (7, 8, 9, 14, 15)] == [line["file"] for line in lines]
    assert {"<module>"} == {line["func"] for line in lines}


_IN_A_TASK = """
import logging, structlog
from holdfast.logs import LOG_CONTEXT, LogOptions, configure_logs
class Context:
    def fields(self):
        return {"vars.name": "a/b", "service": "the task's"}
with configure_logs(LogOptions(formatter="json", fields={"service": "registry"})):
    LOG_CONTEXT.set(Context())
    structlog.get_logger().info("ours")
    logging.getLogger("library").warning("theirs")
    structlog.get_logger().info("its own", service="the line's")
"""


def test_lines_tell_the_context_of_their_task() -> None:
    """What a task is about is in all its lines, libraries' too; the nearer source of a field counts."""
    done = subprocess.run([sys.executable, "-c", _IN_A_TASK], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]

    assert [("ours", "the task's"), ("theirs", "the task's"), ("its own", "the line's")] == [
        (line["msg"], line["service"]) for line in lines
    ]
    assert ["a/b"] * 3 == [line["vars.name"] for line in lines]


def test_colours_are_for_terminals_that_want_them() -> None:
    """A terminal gets colours, unless NO_COLOR is set; `json` stays `json` there."""
    program = _PROGRAM.format(options=LogOptions())
    as_json = _PROGRAM.format(options=LogOptions(formatter="json"))

    assert "\x1b[" in _on_a_terminal(program, {})
    assert "\x1b[" not in _on_a_terminal(program, {"NO_COLOR": "1"})
    assert "usual" == json.loads(_on_a_terminal(as_json, {}).splitlines()[0])["msg"]


def _on_a_terminal(program: str, environment: dict[str, str]) -> str:

    ours, theirs = pty.openpty()
    inherited = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    try:
        subprocess.run([sys.executable, "-c", program], stderr=theirs, check=True, env=inherited | environment)
        return os.read(ours, 65536).decode()
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_process_without_standard_error_logs_nowhere(tmp_path: Path) -> None:
    """With standard error closed, its number may come to be a file of ours: no line gets into that."""
    path = tmp_path / "content"
    program = f"content = open({str(path)!r}, 'w')\nassert content.fileno() == 2\n" + _PROGRAM.format(
        options=LogOptions()
    )

    subprocess.run(["/bin/sh", "-c", 'exec "$@" 2>&-', "sh", sys.executable, "-c", program], check=True)

    assert "" == path.read_text()


@pytest.fixture
def _structlog_as_it_was() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.mark.usefixtures("_structlog_as_it_was")
def test_a_library_that_logs_wrongly_harms_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong logging call of a library doesn't raise where it stands."""
    root = logging.getLogger()
    handlers, level, reported = root.handlers[:], root.level, list[Any]()
    monkeypatch.setattr(logging.Handler, "handleError", lambda _, record: reported.append(record.msg))
    try:
        with configure_logs(LogOptions()):
            logging.getLogger("library").warning("%d", "no number")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)

    assert ["%d"] == reported
