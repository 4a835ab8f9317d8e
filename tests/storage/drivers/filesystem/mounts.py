"""Small filesystems of their own, where this process may mount them."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

__all__ = ["can_mount", "mounted", "remount"]


@cache
def can_mount() -> bool:
    """Whether mounting works here: it takes a privilege that not every container has."""
    if shutil.which("mount") is None:
        return False
    with tempfile.TemporaryDirectory() as directory:
        try:
            with mounted(Path(directory)):
                return True
        except subprocess.CalledProcessError:
            return False


@contextmanager
def mounted(directory: Path, options: str = "size=1m") -> Iterator[Path]:
    """Mount a filesystem in memory on a directory, which is made if it is missing."""
    directory.mkdir(parents=True, exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(directory))
    try:
        yield directory
    finally:
        _run("umount", str(directory))


def remount(directory: Path, options: str) -> None:
    """Change a mounted filesystem's options."""
    _run("mount", "-o", f"remount,{options}", str(directory))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
