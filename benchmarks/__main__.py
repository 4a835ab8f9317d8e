"""The command line: `python -m benchmarks [--quick] [--json FILE]`."""

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from benchmarks.result import show, write_json
from benchmarks.run import Plan, Tools, measure
from tests.services.tools import Tool, find_tool

__all__ = ["main"]

_WIDTH = 150
_QUICK = Plan(repetitions=1, seconds=1, push_size=64 << 20)


def main() -> None:
    """Measures, prints the table, and removes everything that was written."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="one short round, for a glance; targets are not judged by it"
    )
    parser.add_argument(
        "--logs", action="store_true", help="with the logs that both registries write by default, each request included"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample to FILE")
    parser.add_argument("--repetitions", type=int, default=Plan().repetitions, help="rounds (default: %(default)s)")
    parser.add_argument(
        "--folder", type=Path, default=Path(".cache"), help="where to put 15 GB for a while (default: %(default)s)"
    )
    options = parser.parse_args()
    plan = replace(_QUICK if options.quick else Plan(repetitions=options.repetitions), logs=options.logs)
    # In a file or a log a table as narrow as a terminal is nobody's help.
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    options.folder.mkdir(parents=True, exist_ok=True)
    tools = Tools(docker_registry=_require("docker-registry"), nginx=_require("nginx"), wrk=_require("wrk"))
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.folder.resolve()) as folder:
        results = measure(Path(folder), tools, plan, console)
    show(results, console)
    if options.json is not None:
        write_json(results, options.json)


def _require(name: str) -> Tool:
    tool = find_tool(name)
    if tool is None:
        sys.exit(f"{name} is missing: scripts/fetch-tools {name}")
    return tool


if __name__ == "__main__":
    main()
