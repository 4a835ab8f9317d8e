"""What `holdfast serve` says to the person who starts it."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.services.holdfast_server import HOLDFAST, HoldfastServer
from tests.services.server import free_port

pytestmark = pytest.mark.e2e


def _serve(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs `holdfast serve` that is expected to fail."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("REGISTRY_")}
    command = [str(HOLDFAST), "serve", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=env, timeout=20)


def _refusal(*arguments: str | Path, cwd: Path) -> str:
    """The one line with which `holdfast serve` refuses to start."""
    done = _serve(*arguments, cwd=cwd)
    printed = done.stderr + done.stdout

    assert done.returncode == 1, printed
    assert "Traceback" not in printed
    assert len(done.stderr.splitlines()) == 1, printed

    return done.stderr


@contextmanager
def _taken_port() -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def test_serve_says_where_and_how(root: Path, scratch: Path) -> None:
    """On start the address, the data folder and a line to push with are printed."""
    with HoldfastServer(root=root, scratch=scratch) as server:
        server.stop()

        printed = server.output()

    assert server.address in printed
    assert str(root) in printed
    assert any("push" in line and server.address in line for line in printed.splitlines()), printed


def test_data_folder_is_made(root: Path, scratch: Path) -> None:
    """A data folder that does not exist yet is made, with its parents."""
    with HoldfastServer(root=root / "new" / "folder", scratch=scratch) as server:
        assert server.root.is_dir()
        assert 0 == server.stop()


def test_port_taken(tmp_path: Path) -> None:
    """A port in use is one line that names the address."""
    with _taken_port() as address:
        line = _refusal("--root", tmp_path / "root", "--addr", address, cwd=tmp_path)

    assert address in line
    assert "in use" in line


@pytest.mark.parametrize("inside", [".", "sub/folder"])
def test_root_that_is_a_file(tmp_path: Path, inside: str) -> None:
    """A data folder that is a file, or lies in one, is one line that names it."""
    (tmp_path / "file").touch()
    root = tmp_path / "file" / inside
    line = _refusal("--root", root, "--addr", f"127.0.0.1:{free_port()}", cwd=tmp_path)

    assert str(root) in line


def test_root_that_cannot_be_written(tmp_path: Path) -> None:
    """A data folder on a file system that takes no files is one line that names it; root's own rights do not help."""
    line = _refusal("--root", "/proc/holdfast", "--addr", f"127.0.0.1:{free_port()}", cwd=tmp_path)

    assert "/proc/holdfast" in line


def test_configuration_that_is_missing(tmp_path: Path) -> None:
    """A configuration file that is not there is one line that names it."""
    line = _refusal(tmp_path / "missing.yml", cwd=tmp_path)

    assert str(tmp_path / "missing.yml") in line


def test_configuration_that_is_a_folder(tmp_path: Path) -> None:
    """A configuration file that cannot be read as a file is one line that names it."""
    line = _refusal(tmp_path, cwd=tmp_path)

    assert str(tmp_path) in line


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("version: 0.1\nstorage: {filesystem: {rootdirectory: [", "yml"),
        ("version: 9.9\nstorage: {filesystem: {rootdirectory: /x}}\n", "version"),
        ("version: 0.1\nstorage: {filesistem: {rootdirectory: /x}}\n", "filesystem"),
        ("version: 0.1\nstorage: {filesystem: {rootdirektory: /x}}\n", "rootdirektory"),
        ("version: 0.1\n", "storage"),
        ("- a list\n", "yml"),
        ("\x00\x01", "yml"),
    ],
    ids=["not-yaml", "version", "unknown-driver", "unknown-option", "no-storage", "no-mapping", "binary"],
)
def test_configuration_that_is_wrong(tmp_path: Path, text: str, complaint: str) -> None:
    """A configuration that cannot be used is one line that names the file and what is wrong in it."""
    path = tmp_path / "config.yml"
    path.write_text(text)
    line = _refusal(path, cwd=tmp_path)

    assert "config.yml" in line
    assert complaint in line
