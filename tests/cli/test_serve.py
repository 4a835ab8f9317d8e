import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path

import pytest

_HOLDFAST = Path(sys.executable).with_name("holdfast")
_DEADLINE = 30.0


def _environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
    return kept | {"XDG_DATA_HOME": str(home)}


@contextmanager
def _serving(tmp_path: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A registry on a free port, with the lines it has said; killed if the test doesn't stop it."""
    process = subprocess.Popen(
        [str(_HOLDFAST), "serve", *words],
        env=_environment(tmp_path),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        said = [line.rstrip("\n") for line in islice(process.stdout or (), 4)]
        yield process, said
    finally:
        process.kill()
        process.communicate(timeout=_DEADLINE)


def _refused(tmp_path: Path, *words: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [str(_HOLDFAST), "serve", *words],
        env=_environment(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=_DEADLINE,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def _port(said: list[str]) -> int:
    return int(said[0].rpartition(":")[2].split()[0])


def _status(port: int) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=_DEADLINE)
    try:
        connection.request("GET", "/v2/")
        return connection.getresponse().status
    finally:
        connection.close()


def test_says_where_it_is_and_answers_until_it_is_told_to_stop(tmp_path: Path) -> None:
    """It prints address, data folder and the line to push with, serves, and ends well on SIGTERM."""
    with _serving(tmp_path, "--addr", "127.0.0.1:0") as (process, said):
        port = _port(said)
        status = _status(port)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=_DEADLINE)

    assert 200 == status
    assert said[0].endswith(f" listens on http://127.0.0.1:{port}")
    assert f"Data:  {tmp_path}/holdfast/registry" == said[1]
    assert f"docker push 127.0.0.1:{port}/NAME:TAG" in said[2]
    assert f"docker://127.0.0.1:{port}/NAME:TAG" in said[3]
    assert 0 == process.returncode


def test_a_configuration_file_is_served(tmp_path: Path) -> None:
    """Storage, address and log level come from the file."""
    path = tmp_path / "config.yml"
    path.write_text("version: 0.1\nlog: {level: error}\nstorage: inmemory\nhttp: {addr: '127.0.0.1:0'}\n")

    with _serving(tmp_path, str(path)) as (process, said):
        status = _status(_port(said))
        process.send_signal(signal.SIGINT)
        _, log = process.communicate(timeout=_DEADLINE)

    assert 200 == status
    assert "Data:  memory; it is gone when the registry stops" == said[1]
    assert (0, "") == (process.returncode, log)


def test_warns_when_others_can_reach_it(tmp_path: Path) -> None:
    """On every address, it says so, and warns on standard error."""
    with _serving(tmp_path, "--root", "data", "--addr", ":0") as (process, said):
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=_DEADLINE)

    assert said[0].endswith(" (every address of this machine)")
    assert f"docker push 127.0.0.1:{_port(said)}/NAME:TAG" in said[2]
    assert "holdfast: warning: no authentication and no TLS" in log


def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    """Which address, why and what to do; status 1 and no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        status, out, err = _refused(tmp_path, "--root", "data", "--addr", f"127.0.0.1:{port}")

    assert (1, "") == (status, out)
    assert f"holdfast: cannot listen on 127.0.0.1:{port}: address already in use; stop the program that has" in err
    assert 1 == err.count("\n")


def test_a_root_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """A file where the data folder should be is found at start."""
    (tmp_path / "data").write_text("a file")

    status, out, err = _refused(tmp_path, "--root", "data", "--addr", "127.0.0.1:0")

    assert (1, "") == (status, out)
    assert err.startswith(f"holdfast: the storage in {tmp_path}/data can't be written: ")
    assert err.endswith("; choose a folder that this user may write to\n")
    assert 1 == err.count("\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "holdfast: the configuration file config.yml can't be read: no such file or directory\n"),
        ("storage: [", "holdfast: config.yml:1:11: isn't valid YAML: "),
        ("version: 0.1\nstorage: filesytem", "holdfast: config.yml:2:1: storage.filesytem: no storage driver is named"),
        (
            "version: 0.1\nstorage: inmemory\nproxy: {remoteurl: 'http://a.example'}",
            "holdfast: config.yml:3:9: proxy.remoteurl: this version isn't a cache",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(tmp_path: Path, content: str | None, message: str) -> None:
    """A missing, broken or misspelt file is told with its place; status 1 and no traceback."""
    if content is not None:
        (tmp_path / "config.yml").write_text(content)

    status, out, err = _refused(tmp_path, "config.yml")

    assert (1, "") == (status, out)
    assert message == err[: len(message)]
    assert 1 == err.count("\n")


def test_a_folder_for_storage_without_one_is_wrong_usage(tmp_path: Path) -> None:
    """`--root` with a driver that has no folder is status 2, not ignored."""
    (tmp_path / "config.yml").write_text("version: 0.1\nstorage: inmemory\n")

    status, _, err = _refused(tmp_path, "config.yml", "--root", "data")

    assert 2 == status
    assert "--root" in err


_OFFERED = """
from holdfast.registry.http.errors import ApiError
from holdfast.storage import DriverOptions
class Stamp:
    class Options(DriverOptions):
        text: str
    def __init__(self, app, options):
        self.app, self.text = app, options.text.encode()
    async def __call__(self, scope, receive, send):
        async def stamped(message):
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], (b"x-stamp", self.text)]}
            await send(message)
        await self.app(scope, receive, stamped)
class Closed:
    class Options(DriverOptions): ...
    def __init__(self, options): ...
    async def __call__(self, operation, proceed):
        raise ApiError("DENIED")
"""


def test_middleware_of_other_packages_is_put_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Around the registry, and around the operations on repositories alone; that they are installed is enough."""
    info = tmp_path / "packages" / "holdfast_offered-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: holdfast-offered\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[holdfast.registry_middleware]\nstamp = offered_here:Stamp\n"
        "[holdfast.repository_middleware]\nclosed = offered_here:Closed\n"
    )
    (info.parent / "offered_here.py").write_text(_OFFERED)
    monkeypatch.setenv("PYTHONPATH", str(info.parent))
    config = tmp_path / "config.yml"
    config.write_text(
        "version: 0.1\nstorage: inmemory\nhttp: {addr: '127.0.0.1:0'}\n"
        "middleware: {registry: [{name: stamp, options: {text: ours}}], repository: [{name: closed}]}\n"
    )
    found = {}
    with _serving(tmp_path, str(config)) as (process, said):
        for path in ("/v2/", "/v2/a/tags/list"):
            connection = HTTPConnection("127.0.0.1", _port(said), timeout=_DEADLINE)
            connection.request("GET", path)
            answer = connection.getresponse()
            found[path] = (answer.status, answer.headers["x-stamp"])
            connection.close()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=_DEADLINE)

    assert {"/v2/": (200, "ours"), "/v2/a/tags/list": (403, "ours")} == found
    assert 0 == process.returncode
