"""`holdfast drivers check`: its words, what it prints, and how it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from pydantic import Field, SecretStr
from typer.testing import CliRunner, Result

from holdfast.cli.main import app
from holdfast.storage import DriverOptions, factory
from holdfast.storage.driver import Paths, StorageDriver
from holdfast.storage.drivers.inmemory import InMemoryDriver
from holdfast.storage.errors import AccessDeniedError
from holdfast.storage.layers.forwarding import ForwardingDriver
from holdfast.testing.drivers import Fault, FaultyDriver
from tests.services.holdfast_server import HOLDFAST

_SMALL = ("--size", "1MiB")


class _Inner(DriverOptions):
    user: str = Field(default="", description="Who.")


class _Options(DriverOptions):
    refuse: str = Field(default="", description="An operation that is refused.")
    retries: int = Field(default=1, description="A number.")
    secret: SecretStr | None = Field(default=None, description="A secret.")
    login: _Inner = Field(default=_Inner(), description="Nested.")


class _Introducing(ForwardingDriver):
    """Logs who it is, as drivers of object stores do, and warns."""

    async def list(self, path: str, *, start_after: str | None = None, limit: int | None = None) -> Paths:
        log = structlog.get_logger("holdfast.storage.drivers.cloud")
        log.info("identity at the store", driver="cloud", identity="user Alice")
        log.warning("the store is [slow]", driver="cloud", host="example.org")
        return await self.inner.list(path, start_after=start_after, limit=limit)


class _Cloud:
    Options = _Options

    def __init__(self) -> None:
        self.made: list[_Options] = []

    def __call__(self, options: Any, /) -> StorageDriver:
        self.made.append(options)
        driver: StorageDriver = _Introducing(InMemoryDriver())
        if options.refuse:
            driver = FaultyDriver(driver, Fault(op=options.refuse, times=None, error=AccessDeniedError))
        return driver


@pytest.fixture(autouse=True)
def cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[_Cloud]:
    """A driver of somebody's, that can be made to fail."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    made = _Cloud()
    factory.register("cloud", made)
    yield made
    factory.unregister("cloud")
    structlog.reset_defaults()


def _check(*words: object, status: int = 0) -> Result:
    result = CliRunner().invoke(app, ["drivers", "check", *map(str, words)], env={"COLUMNS": "160"})
    assert status == result.exit_code, result.output
    return result


def _config(folder: Path, storage: str) -> Path:
    path = folder / "config.yml"
    path.write_text(f"version: 0.1\nstorage: {storage}\n")
    return path


def _files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


# Which storage ------------------------------------------------------------------------------------


def test_a_configuration(tmp_path: Path) -> None:
    """A configuration's storage is checked, and keeps nothing of it."""
    data = tmp_path / "data"
    data.mkdir()
    result = _check("--config", _config(tmp_path, f"{{filesystem: {{rootdirectory: {data}}}}}"), *_SMALL)

    assert f"filesystem  {data}" == result.stdout.splitlines()[0]
    assert "ready to carry a registry; without redirect GET, redirect HEAD" == result.stdout.splitlines()[-1]
    assert [".uploads~/~lock"] == _files(data)


def test_a_folder(tmp_path: Path) -> None:
    """`--root` names a folder, as for the server."""
    assert f"filesystem  {tmp_path}" == _check("--root", tmp_path, *_SMALL).stdout.splitlines()[0]


def test_the_environment_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables override the configuration, as for the server."""
    config = _config(tmp_path, "{filesystem: {rootdirectory: /nowhere}}")
    monkeypatch.setenv("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", str(tmp_path / "real"))

    assert f"filesystem  {tmp_path}/real" == _check("--config", config, *_SMALL).stdout.splitlines()[0]


def test_a_driver_by_name(cloud: _Cloud) -> None:
    """Options of a driver are given one by one, nested ones by dots, numbers as text."""
    words = ("--param", "retries=3", "--param", "login.user=alice", "--param", "secret=a=b")
    result = _check("cloud", *words, *_SMALL)

    assert (3, "alice") == (cloud.made[0].retries, cloud.made[0].login.user)
    assert "a=b" == (cloud.made[0].secret or SecretStr("")).get_secret_value()
    assert "a=b" not in result.output


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("cloud", "--param", "retries"), "KEY=VALUE"),
        (("cloud", "--param", "=x"), "KEY=VALUE"),
        (("cloud", "--param", "a.=x"), "KEY=VALUE"),
        (("cloud", "--param", "login=x", "--param", "login.user=y"), "options below it"),
        (("cloud", "--config", "config.yml"), "so is a configuration"),
        (("cloud", "--root", "data"), "so is a configuration"),
        (("--param", "retries=3"), "name one"),
        (("cloud", "--size", "much"), "--size"),
        (("cloud", "--size", "1"), "--size"),
        (("cloud", "--timeout", "week"), "--timeout"),
        (("cloud", "--timeout", "0"), "--timeout"),
    ],
)
def test_wrong_words(words: tuple[str, ...], complaint: str) -> None:
    """Words that don't go together or can't be read are wrong usage, and nothing is opened."""
    assert complaint in " ".join(_check(*words, status=2).stderr.replace("│", " ").split())


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("clod",), "no storage driver is named 'clod'. Did you mean 'cloud'?"),
        (("cloud", "--param", "retires=1"), "did you mean 'retries'?"),
        (("cloud", "--param", "retries=many"), "parameter 'retries'"),
        (("--config", "missing.yml"), "missing.yml"),
    ],
)
def test_what_is_configured_wrongly_is_one_line(words: tuple[str, ...], complaint: str) -> None:
    """A wrong configuration is one line, as for the server."""
    result = _check(*words, status=1)

    assert result.stderr.startswith("holdfast: ")
    assert complaint in result.stderr
    assert 1 == result.stderr.count("\n")


# What is printed ----------------------------------------------------------------------------------


def test_a_refusal_is_explained() -> None:
    """What fails is told with the error, the reason and a remedy, and the last line sums it up."""
    lines = _check("cloud", "--param", "refuse=walk", *_SMALL, status=1).stdout.splitlines()
    at = lines.index("walk: AccessDeniedError")

    assert lines[at + 1].startswith("  faulty") or "walk /holdfast-check-" in lines[at + 1]
    assert "injected fault" in lines[at + 1]
    assert lines[at + 2].startswith("  Remedy:")
    assert "not ready to carry a registry: walk failed" == lines[-1]


def test_who_we_are_and_what_the_driver_says_is_told() -> None:
    """The identity that a driver logs is shown, and its warnings are, once; nothing else of its log is."""
    result = _check("cloud", *_SMALL)

    assert "As:  user Alice" == result.stdout.splitlines()[1]
    assert 1 == result.stdout.count("logged: the store is [slow] (driver=cloud, host=example.org)")
    assert "identity at the store" not in result.output


def test_json() -> None:
    """Programs get all of it in one document."""
    document = json.loads(_check("cloud", "--param", "refuse=move", "--json", *_SMALL, status=1).stdout)
    found = {finding["name"]: finding for finding in document["findings"]}

    assert (False, "cloud", "user Alice", False) == tuple(
        document[key] for key in ("ready", "driver", "identity", "read_only")
    )
    assert {"move", "large move"} == {name for name, finding in found.items() if finding["outcome"] == "failed"}
    assert "AccessDeniedError" == found["move"]["problem"]["error"]
    assert found["write"]["seconds"] > 0
    assert found["large write"]["bytes_per_second"] > 0
    assert "missing" == found["redirect GET"]["outcome"]
    assert document["capabilities"]["put_create_only"] is True
    assert (["the store is [slow] (driver=cloud, host=example.org)"], [], []) == tuple(
        document[key] for key in ("warnings", "advice", "left")
    )


def test_what_is_left_is_named() -> None:
    """What can't be removed is told on standard error, and in the document."""
    words = ("--param", "refuse=delete", "--json", *_SMALL)
    result = _check("cloud", *words, status=1)

    assert [] == json.loads(result.stdout)["left"]  # other means have removed it
    assert "couldn't be removed" not in result.stderr


def test_read_only(tmp_path: Path) -> None:
    """With --read-only, or where the registry is configured so, nothing is written."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file").write_bytes(b"content")
    storage = f"{{filesystem: {{rootdirectory: {tmp_path / 'data'}}}, maintenance: {{readonly: {{enabled: true}}}}}}"
    for words in (("--root", tmp_path / "data", "--read-only"), ("--config", _config(tmp_path, storage))):
        lines = _check(*words).stdout.splitlines()

        assert "ready to be read by a registry; without redirect GET" == lines[-1]
        assert ["file"] == _files(tmp_path / "data")


def test_redirects_that_are_switched_off(tmp_path: Path) -> None:
    """What the configuration switches off isn't tried."""
    storage = f"{{filesystem: {{rootdirectory: {tmp_path / 'data'}}}, redirect: {{disable: true}}}}"
    document = json.loads(_check("--config", _config(tmp_path, storage), "--json", *_SMALL).stdout)
    found = {finding["name"]: finding for finding in document["findings"]}

    assert "not tried" == found["redirect GET"]["outcome"]


# How it ends --------------------------------------------------------------------------------------


def test_a_folder_that_takes_no_writes() -> None:
    """Storage that can't be written is told so with a remedy; root's own rights don't help there."""
    output = _check("--root", "/proc/holdfast", status=1).stdout

    assert "not ready to carry a registry: write failed" in output
    assert "give a folder as `rootdirectory` that exists, or that can be made" in output


def _has_large_file(folder: Path) -> bool:
    try:
        return any(path.stat().st_size > 10_000_000 for path in folder.rglob("*") if path.is_file())
    except FileNotFoundError:  # the check before deletes what it wrote while we look
        return False


@pytest.mark.parametrize(("how", "status"), [(signal.SIGINT, {130, 1}), (signal.SIGTERM, {143})])
def test_interrupted_it_clears_up(tmp_path: Path, how: signal.Signals, status: set[int]) -> None:
    """Ctrl-C and SIGTERM end it, and what it has written is removed."""
    words = [str(HOLDFAST), "drivers", "check", "--root", str(tmp_path), "--size", "20GiB"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        for _ in range(500):
            if _has_large_file(tmp_path):
                break
            time.sleep(0.02)
        process.send_signal(how)
        output, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()

    assert process.returncode in status, output
    assert "Traceback" not in output
    assert set() == set(_files(tmp_path)) - {".uploads~/~lock"}


_STUCK = """
import asyncio
from holdfast.cli.main import main
from holdfast.storage import DriverOptions, factory
from holdfast.storage.drivers.inmemory import InMemoryDriver
from holdfast.storage.layers.forwarding import ForwardingDriver

class Stuck(ForwardingDriver):
    Options = DriverOptions

    def __init__(self, options):
        super().__init__(InMemoryDriver())

    async def delete(self, path):
        print("deleting", flush=True)
        await asyncio.Event().wait()

factory.register("stuck", Stuck)
main()
"""


def test_interrupted_twice_it_ends_at_once() -> None:
    """Whoever doesn't wait for the clearing up is told what stays behind."""
    words = [sys.executable, "-c", _STUCK, "drivers", "check", "stuck", "--size", "1MiB"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        for _ in range(2):  # the check of deleting, then the removal that follows its end
            assert "deleting\n" == process.stdout.readline()
            process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()

    assert process.returncode in {1, 130}
    assert "couldn't be removed, remove it by hand: /holdfast-check-" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("words", [("show",), ("check",)])
def test_help(words: tuple[str, ...]) -> None:
    """Each command's help has examples of its use."""
    shown = CliRunner().invoke(app, ["drivers", *words, "--help"]).output

    assert "holdfast drivers" in shown.partition("Examples:")[2]


def test_the_module_needs_no_server() -> None:
    """The check loads neither the server nor an SDK."""
    program = (
        "import sys, holdfast.checking;"
        "print([name for name in ('granian', 'starlette', 'typer', 'holdfast.config', 'holdfast.registry', 'botocore')"
        " if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "[]\n" == done.stdout


def test_completion() -> None:
    """After `holdfast drivers` a shell is offered its commands, and the drivers."""
    environment = {"_HOLDFAST_COMPLETE": "complete_bash", "COMP_WORDS": "holdfast drivers ", "COMP_CWORD": "2"}
    done = subprocess.run([HOLDFAST], capture_output=True, text=True, env={**os.environ, **environment}, check=False)

    assert {"show", "check", "filesystem", "inmemory"} <= set(done.stdout.split())


def test_the_middleware_of_the_configuration_is_checked_too(tmp_path: Path) -> None:
    """A CDN that can't be reached is told before a client is sent to it; what is disabled doesn't count."""
    config = tmp_path / "config.yml"
    entry = "{name: redirect, options: {baseurl: 'http://127.0.0.1:1'}"
    text = "version: 0.1\nstorage: inmemory\nmiddleware: {storage: [%s]}\n"
    config.write_text(text % f"{entry}}}")
    with_it = json.loads(_check("--config", config, *_SMALL, "--json").stdout)
    config.write_text(text % f"{entry}, disabled: true}}")
    without = json.loads(_check("--config", config, *_SMALL, "--json").stdout)

    assert "http://127.0.0.1:1 can't be reached from here" in json.dumps(with_it["findings"])
    assert "can't be reached" not in json.dumps(without["findings"])
    assert (True, False) == (with_it["capabilities"]["redirect_get"], without["capabilities"]["redirect_get"])
