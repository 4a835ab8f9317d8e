import subprocess
import sys

import pytest
from typer.testing import CliRunner

from holdfast import __version__
from holdfast.cli.main import app


def test_version() -> None:
    """`--version` prints the package's version and nothing else."""
    result = CliRunner().invoke(app, ["--version"])

    assert (0, f"holdfast {__version__}\n") == (result.exit_code, result.output)


@pytest.mark.parametrize("command", ["serve", "drivers"])
def test_help_teaches_by_examples(command: str) -> None:
    """Each command's help has its options and examples of its use."""
    result = CliRunner().invoke(app, [command, "--help"])

    assert 0 == result.exit_code
    assert "Examples:" in result.output
    assert f"holdfast {command}" in result.output.partition("Examples:")[2]


@pytest.mark.parametrize(
    "words",
    [["serf"], ["serve", "--prot", "1"], ["serve", "a", "b"], ["serve", "--addr", "5000"], ["drivers", "a", "b"]],
)
def test_wrong_usage_is_status_2(words: list[str]) -> None:
    """A word or option that isn't there, or an address that isn't one, is wrong usage."""
    result = CliRunner().invoke(app, words)

    assert 2 == result.exit_code
    assert "Usage:" in result.output


def test_completion_and_help_load_neither_the_server_nor_the_drivers() -> None:
    """What a shell asks for on every TAB stays quick."""
    heavy = ["granian", "pydantic", "starlette", "structlog", "uvloop", "rich", "holdfast.storage"]
    program = f"import sys, holdfast.cli.main; print([name for name in {heavy} if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "[]\n" == done.stdout
