import re
import subprocess
import sys

import pytest

_PROGRAM = """
import logging, structlog
from holdfast.cli.logs import configure_logs
early = structlog.get_logger("early")
configure_logs({level!r})
early.debug("fine")
early.info("usual", repository="a/b")
early.warning("odd", note="two words")
logging.getLogger("library").warning("from a library")
try:
    raise ValueError("why")
except ValueError:
    early.exception("failed")
"""


def _logged(level: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(level=level)], capture_output=True, text=True, check=True
    )

    assert "" == done.stdout
    return done.stderr.splitlines()


@pytest.mark.parametrize(
    ("level", "messages"),
    [
        ("debug", ["fine", "usual", "odd", '"from a library"', "failed"]),
        ("info", ["usual", "odd", '"from a library"', "failed"]),
        ("warn", ["odd", '"from a library"', "failed"]),
        ("error", ["failed"]),
    ],
)
def test_the_level_decides_what_is_written(level: str, messages: list[str]) -> None:
    """Each level writes itself and what is graver, to standard error, one line each."""
    actual = _logged(level)

    assert messages == [line.partition(" msg=")[2].partition(" repository=")[0] for line in _messages(actual)]


def test_lines_are_logfmt_with_details() -> None:
    """A line starts with when, how grave and what; details follow as key=value, quoted where needed."""
    usual, odd, library, failed = _logged("info")

    assert " level=info msg=usual repository=a/b" in usual
    assert ' level=warning msg=odd note="two words"' in odd
    assert " level=warning" in library
    assert "logger=library" in library
    assert "ValueError: why" in failed


def _messages(lines: list[str]) -> list[str]:
    return [re.split(" (?:note|logger|exception)=", line)[0] for line in lines]
