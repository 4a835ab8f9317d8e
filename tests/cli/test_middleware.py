import json

import pytest
from pydantic import Field, SecretStr
from starlette.types import ASGIApp
from typer.testing import CliRunner

from holdfast.cli.main import app
from holdfast.registry.middleware import REGISTRY
from holdfast.storage import DriverOptions


class _Vault:
    """Locks the registry up.

    With more to say about it.
    """

    class Options(DriverOptions):
        phrase: SecretStr = Field(description="What [opens] it.")

    def __call__(self, inner: ASGIApp, options: Options, /) -> ASGIApp:
        del inner, options
        raise AssertionError("listing middleware makes none")


@pytest.fixture(autouse=True)
def _vault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(REGISTRY._registered, "vault", _Vault())


def _run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["middleware", *words], env={"COLUMNS": "200"})
    return result.exit_code, result.output


def test_lists_all_by_what_they_stand_around() -> None:
    """Ours and those of others, each with where it comes from and what it takes."""
    status, output = _run()
    lines = {line.split()[0]: line for line in output.splitlines() if line.strip()}

    assert 0 == status
    assert "holdfast 0" in lines["redirect"]
    assert "baseurl (required)" in lines["redirect"]
    assert "registered in this process" in lines["vault"]
    assert output.index("Around the storage") < output.index("redirect") < output.index("Around the registry")
    assert "Around the repository" not in output, "there is none"


def test_one_is_shown_with_all_of_its_options() -> None:
    """Type, default and description of each; a secret is told to be one."""
    status, output = _run("vault")

    assert 0 == status
    assert "Locks the registry up." in output
    assert "text, secret" in output
    assert "What [opens] it." in output
    assert "redirect" not in output


def test_durations_are_shown_as_one_writes_them() -> None:
    """A default can be pasted into a configuration."""
    assert "20m" in _run("cloudfront")[1]


def test_programs_get_json() -> None:
    """The same, with what each stands around."""
    status, output = _run("--json")
    found = {(row["around"], row["name"]): row for row in json.loads(output)}

    assert 0 == status
    assert {("storage", "redirect"), ("storage", "rewrite"), ("registry", "vault")} <= found.keys()
    assert "baseurl" == found["storage", "redirect"]["options"][0]["name"]


def test_an_unknown_name_is_one_line_with_the_nearest() -> None:
    """As everywhere."""
    status, output = _run("redirekt")

    assert 1 == status
    assert "no middleware is named 'redirekt'. Did you mean 'redirect'?" in output
    assert 1 == len(output.splitlines())
