"""Finds the programs of others that the tests and benchmarks drive."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

__all__ = ["TOOLS", "Tool", "find_tool"]

TOOLS = Path(__file__).resolve().parents[2] / ".tools"
"""Where the scripts put what they fetch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A program that can be run.

    Attributes:
        path: The executable.
        env: What it needs in its environment, the caller's own included.
    """

    path: Path
    env: dict[str, str]


def find_tool(name: str) -> Tool | None:
    """Returns the program as `scripts/fetch-tools` unpacked it, else as it is on PATH, else None."""
    env = dict(os.environ)
    unpacked = TOOLS / "bin" / name
    if unpacked.exists():
        env["LD_LIBRARY_PATH"] = str(TOOLS / "lib")
        return Tool(path=unpacked, env=env)
    installed = shutil.which(name)
    return None if installed is None else Tool(path=Path(installed), env=env)
