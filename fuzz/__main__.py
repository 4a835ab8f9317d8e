"""The command line: `python -m fuzz [--seconds N] [TARGET ...]`."""

from __future__ import annotations

import argparse
import importlib
import random
import subprocess
import sys
from pathlib import Path

from fuzz.engine import MODULES
from fuzz.http import fuzz_described, fuzz_raw

__all__ = ["main"]

_HTTP = {"http": fuzz_described, "wire": fuzz_raw}


def main() -> None:
    """Fuzz one target after the other, and end with an error if any of them found something."""
    parsers = [target.name for module in MODULES for target in importlib.import_module(module).TARGETS]
    names = [*_HTTP, *parsers]
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"any of: {', '.join(names)} (default: all)")
    parser.add_argument("--seconds", type=int, default=60, help="how long each takes (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=random.randrange(2**31), help="of the requests (default: random)")  # noqa: S311 - no secret
    parser.add_argument(
        "--folder", type=Path, default=Path(".cache/fuzz"), help="where finds go (default: %(default)s)"
    )
    options = parser.parse_args()
    unknown = [name for name in options.targets if name not in names]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; known are {', '.join(names)}")
    failed = [name for name in options.targets or names if not _passes(name, options)]
    print(f"found something: {', '.join(failed)}" if failed else "found nothing")
    sys.exit(bool(failed))


def _passes(name: str, options: argparse.Namespace) -> bool:
    print(f"== {name}, {options.seconds} s, seed {options.seed}", flush=True)
    if name in _HTTP:
        try:
            return _HTTP[name](options.seconds, options.seed)
        except AssertionError as error:
            print(error)
            return False
    command = [sys.executable, "-m", "fuzz.engine", name, str(options.seconds), str(options.folder)]
    return subprocess.run(command, check=False).returncode == 0


if __name__ == "__main__":
    main()
