import json
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NoReturn

import pytest
from pydantic import AliasChoices, Field, SecretStr
from typer.testing import CliRunner

from holdfast.cli.main import app
from holdfast.storage import DriverOptions, factory, offers


class _Identity(DriverOptions):
    word: SecretStr = Field(description="Its word.")


class _Options(DriverOptions):
    bucket: str = Field(description="Which bucket [of many].")
    secretkey: SecretStr | None = Field(
        default=None, description="The key.", validation_alias=AliasChoices("secretkey", "key")
    )
    retries: int = Field(default=3, description="How often.")
    identity: _Identity | None = Field(default=None, description="Who.")


class _Cloud:
    """Files in a cloud.

    With more to say about it.
    """

    Options = _Options

    def __call__(self, options: Any, /) -> NoReturn:
        del options
        raise AssertionError("listing drivers makes none")


@pytest.fixture(autouse=True)
def cloud() -> Iterator[None]:
    """A driver with all kinds of options."""
    factory.register("cloud", _Cloud())
    yield
    factory.unregister("cloud")


def _run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["drivers", *words], env={"COLUMNS": "200"})
    return result.exit_code, result.output


def test_lists_every_driver_with_its_package() -> None:
    """The overview has our drivers and those registered by others, each with where it comes from."""
    status, output = _run()

    assert 0 == status
    lines = {line.split()[0]: line for line in output.splitlines() if line.strip()}
    assert "holdfast 0" in lines["filesystem"]
    assert "holdfast 0" in lines["inmemory"]
    assert "registered in this process" in lines["cloud"]
    assert "bucket (required), secretkey, retries, identity" in lines["cloud"]


def test_one_driver_is_shown_with_all_of_its_options() -> None:
    """Type, default, aliases and description of each option are there, as they were written."""
    status, output = _run("cloud")

    assert 0 == status
    rows = [line.split(maxsplit=1) for line in output.splitlines()]
    shown = {row[0]: " ".join(row[1].split()) for row in rows if len(row) == 2}
    assert "Files in a cloud." == shown["cloud"]
    assert "text required Which bucket [of many]." == shown["bucket"]
    assert "or key text, secret none The key." == shown["secretkey,"]
    assert "whole number 3 How often." == shown["retries"]
    assert "mapping none Who." == shown["identity"]
    assert "text, secret required Its word." == shown["identity.word"]


def test_json_has_the_same() -> None:
    """Programs get names, types, defaults and what is secret."""
    status, output = _run("cloud", "--json")

    assert 0 == status
    (driver,) = json.loads(output)
    assert ("cloud", "Files in a cloud.", None) == (driver["name"], driver["summary"], driver["problem"])
    assert {"bucket": (True, None), "secretkey": (False, None), "retries": (False, "3"), "identity": (False, None)} == {
        option["name"]: (option["required"], option["default"]) for option in driver["options"]
    }
    assert [("word", True)] == [(option["name"], option["secret"]) for option in driver["options"][-1]["options"]]
    assert ["secretkey"] == [option["name"] for option in driver["options"] if option["secret"]]


def test_an_unknown_driver_is_one_line_and_status_1() -> None:
    """A mistyped name is told with the nearest one."""
    result = CliRunner().invoke(app, ["drivers", "clud"])

    assert 1 == result.exit_code
    assert result.stderr.startswith("holdfast: no storage driver is named 'clud'. Did you mean 'cloud'?")
    assert 1 == result.stderr.count("\n")


def test_a_driver_that_cannot_be_loaded_is_listed_with_its_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """One driver without its extra doesn't hide the others."""
    broken = EntryPoint(name="broken", value="nowhere.at_all:Driver", group=factory.ENTRY_POINT_GROUP)

    def with_broken(**query: str) -> list[EntryPoint]:
        matching = query.get("name", "broken") == "broken"
        return [*entry_points(**query), *([broken] if matching else [])]

    monkeypatch.setattr(offers, "entry_points", with_broken)

    status, output = _run()

    assert 0 == status
    assert "storage driver 'broken' can't be loaded: No module named 'nowhere'" in output
    assert "\ninmemory" in output
