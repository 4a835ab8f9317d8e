"""The command line: `python -m benchmarks.s3 [--quick] [--json FILE]`."""

import argparse
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from benchmarks.result import show, write_json
from benchmarks.s3.run import PEERS, Plan, Tools, measure
from tests.services.stores.ceph import CephPrograms
from tests.services.tools import Tool, find_tool

__all__ = ["main"]

_WIDTH = 150
_QUICK = Plan(repetitions=1, seconds=1, push_size=64 << 20, tags=1000, repositories=100)


def main() -> None:
    """Measures, prints the table, and removes everything that was written."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.s3", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="one short round, for a glance; targets are not judged by it"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample to FILE")
    parser.add_argument(
        "--folder", type=Path, default=Path(".cache"), help="where to put 10 GB for a while (default: %(default)s)"
    )
    options = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    options.folder.mkdir(parents=True, exist_ok=True)
    ceph = CephPrograms.find()
    if ceph is None:
        sys.exit("ceph is missing: scripts/install-stores ceph")
    tools = Tools(docker_registry=_require("docker-registry"), wrk=_require("wrk"), ceph=ceph)
    with tempfile.TemporaryDirectory(prefix="bench-s3-", dir=options.folder.resolve()) as folder:
        results = measure(Path(folder), tools, _QUICK if options.quick else Plan(), console)
    show(results, console, PEERS)
    if options.json is not None:
        write_json(results, options.json)


def _require(name: str) -> Tool:
    tool = find_tool(name)
    if tool is None:
        sys.exit(f"{name} is missing: scripts/fetch-tools {name}")
    return tool


if __name__ == "__main__":
    main()
