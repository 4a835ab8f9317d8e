import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from holdfast.cli.main import app

_GOOD = """\
version: 0.1
storage:
  filesystem:
    rootdirectory: /srv/registry
http:
  addr: :5000
  secret: hush
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration file that can be served."""
    path = tmp_path / "config.yml"
    path.write_text(_GOOD)
    return path


def _run(*words: str | Path, **variables: str) -> Result:
    return CliRunner().invoke(app, ["config", *map(str, words)], env=variables)


def test_a_good_file_is_one_line(config: Path) -> None:
    """Nothing wrong: one friendly line on standard output, status 0."""
    result = _run("check", config)

    assert (0, f"{config}: good; the storage is filesystem\n", "") == (result.exit_code, result.stdout, result.stderr)


def test_variables_are_counted(config: Path) -> None:
    """A file is checked with what the environment overrides, and says so."""
    result = _run("check", config, REGISTRY_STORAGE="inmemory", REGISTRY_HTTP_ADDR=":6000", REGISTRY_DUCKS="quack")

    assert (0, f"{config}: good, with 2 variables; the storage is inmemory\n") == (result.exit_code, result.stdout)


def test_every_problem_is_a_line(config: Path) -> None:
    """What is unknown, wrong, and not honoured is told all at once, each in a line of its own, with its place."""
    config.write_text(f"{_GOOD}  hedaers: {{}}\nauth: {{silly: {{realm: r, service: s}}}}\nlog: {{level: loud}}\n")

    result = _run("check", config, REGISTRY_HTTP_ADR="x")

    assert 1 == result.exit_code
    assert "" == result.stdout
    assert [
        ("REGISTRY_HTTP_ADR", "http.adr"),
        (f"{config}:10:7", "log.level"),
        (f"{config}:8:3", "http.hedaers"),
    ] == [tuple(line.split(": ")[:2]) for line in result.stderr.splitlines()]


def test_what_is_not_honoured_is_wrong(config: Path) -> None:
    """A file that is right and can't be served by this version isn't good, and says what to do."""
    config.write_text(
        f"{_GOOD}proxy: {{remoteurl: 'https://r.example'}}\nmiddleware: {{storage: [{{name: redirect}}]}}\n"
    )

    result = _run("check", config)

    assert (1, 2) == (result.exit_code, len(result.stderr.splitlines()))
    assert f"{config}:8:9: proxy.remoteurl: this version isn't a cache" in result.stderr
    assert f"{config}:9:24: middleware.storage.0.options.baseurl: is required" in result.stderr


def test_a_word_of_warning_is_no_problem(config: Path) -> None:
    """What is deprecated is told, and the file is good."""
    config.write_text(f"{_GOOD}loglevel: debug\n")

    result = _run("check", config)

    assert 0 == result.exit_code
    assert f"warning: {config}:8:1: loglevel: is deprecated; write log.level\n" == result.stderr


@pytest.mark.parametrize(("text", "word"), [("a: [", "isn't valid YAML"), ("", "is empty"), ("- a", "isn't a mapping")])
def test_what_is_no_configuration_is_one_line(config: Path, text: str, word: str) -> None:
    """A file that isn't even YAML is one line, too."""
    config.write_text(text)

    result = _run("check", config)

    assert 1 == result.exit_code
    assert 1 == len(result.stderr.splitlines())
    assert word in result.stderr


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    """A file that isn't there is named."""
    for command in ("check", "show"):
        result = _run(command, tmp_path / "none.yml")

        assert 1 == result.exit_code
        assert f"the configuration file {tmp_path}/none.yml can't be read: no such file" in result.stderr


def test_check_is_there_for_programs(config: Path) -> None:
    """As JSON: whether it is good, the problems and the remarks, each with key, place and reason."""
    good = json.loads(_run("check", config, "--json").stdout)
    config.write_text(f"{_GOOD}loglevel: debug\nproxy: {{remoteurl: 'https://r.example'}}\n")
    result = _run("check", config, "--json")
    bad = json.loads(result.stdout)
    config.write_text("a: [")
    broken = json.loads(_run("check", config, "--json").stdout)

    assert {"good": True, "problems": [], "remarks": []} == good
    assert (1, False, False) == (result.exit_code, bad["good"], broken["good"])
    assert ("proxy.remoteurl", f"{config}:9:9") == (bad["problems"][0]["key"], bad["problems"][0]["place"])
    assert "loglevel" == bad["remarks"][0]["key"]
    assert "isn't valid YAML" in broken["problems"][0]["message"]


def test_show_tells_values_and_places(config: Path) -> None:
    """The effective configuration is YAML, each value with where it came from; secrets are masked."""
    result = _run("show", config, REGISTRY_HTTP_ADDR=":6000")
    lines = result.stdout.splitlines()

    assert 0 == result.exit_code
    assert "  addr: :6000  # REGISTRY_HTTP_ADDR" in lines
    assert f"    rootdirectory: /srv/registry  # {config}:4:5" in lines
    assert "  draintimeout: 30s  # default" in lines
    assert f"  secret: '********'  # {config}:7:3" in lines
    assert ":6000" == yaml.safe_load(result.stdout)["http"]["addr"]


def test_show_can_leave_defaults_out(config: Path) -> None:
    """Then there is only what the file and the environment say."""
    result = _run("show", config, "--no-defaults", REGISTRY_LOG_LEVEL="debug")

    assert {
        "version": "0.1",
        "log": {"level": "debug"},
        "storage": {"filesystem": {"rootdirectory": "/srv/registry"}},
        "http": {"addr": ":5000", "secret": "********"},
    } == yaml.safe_load(result.stdout)


def test_show_is_there_for_programs(config: Path) -> None:
    """As JSON: key, value and origin."""
    rows = json.loads(_run("show", config, "--json", "--no-defaults").stdout)

    assert {"key": "http.addr", "value": ":5000", "origin": f"{config}:6:3"} in rows
    assert {"version", "storage.filesystem.rootdirectory", "http.addr", "http.secret"} == {row["key"] for row in rows}


def test_show_of_a_wrong_file_is_one_line(config: Path) -> None:
    """What can't be used isn't shown."""
    config.write_text(f"{_GOOD}log: {{level: loud}}\n")

    result = _run("show", config)

    assert (1, "") == (result.exit_code, result.stdout)
    assert result.stderr.startswith(f"holdfast: {config}:8:7: log.level: input should be 'error',")


@pytest.mark.parametrize("command", ["check", "show"])
def test_help_teaches_by_examples(command: str) -> None:
    """The help of each has examples of its use."""
    result = _run(command, "--help")

    assert 0 == result.exit_code
    assert f"holdfast config {command}" in result.output.partition("Examples:")[2]


@pytest.mark.parametrize("words", [[], ["check"], ["chekc", "x"], ["show", "a", "b"]])
def test_wrong_usage_is_status_2(words: list[str]) -> None:
    """A word that isn't there, or a file that isn't given, is wrong usage."""
    result = _run(*words)

    assert 2 == result.exit_code
    assert "Usage:" in result.output
