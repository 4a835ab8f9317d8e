"""Runs wrk, and reads what it counted."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.services.tools import Tool

__all__ = ["CONNECTIONS", "Load", "WrkError", "run_wrk"]

CONNECTIONS = 16

_REPORT = """\
done = function(summary, latency)
    local e = summary.errors
    io.write(string.format('\\n{"requests": %d, "bytes": %d, "microseconds": %d, "errors": %d}\\n',
        summary.requests, summary.bytes, summary.duration, e.connect + e.read + e.write + e.status + e.timeout))
end
"""


class WrkError(Exception):
    """Requests failed, so that their rate says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a run came to.

    Attributes:
        requests_per_second: Answered requests.
        bytes_per_second: Received bytes, the heads of the answers included.
    """

    requests_per_second: float
    bytes_per_second: float


def run_wrk(tool: Tool, url: str, *, accept: str, seconds: float, scratch: Path) -> Load:
    """Loads one URL from one thread and 16 connections.

    Args:
        tool: The `wrk` executable.
        url: What to get.
        accept: The Accept header.
        seconds: How long; wrk knows whole seconds only, so at least 1.
        scratch: A folder for its script.

    Raises:
        WrkError: a request failed, or was not answered with a success.
    """
    script = scratch / "report.lua"
    script.write_text(_REPORT)
    shape = ["-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", "--timeout", "30s"]
    command = [str(tool.path), *shape, "-H", f"Accept: {accept}", "-s", str(script), url]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=tool.env)
    counted = json.loads(done.stdout.splitlines()[-1])
    if counted["errors"] or not counted["requests"]:
        msg = f"{url}: {counted['errors']} errors in {counted['requests']} requests"
        raise WrkError(msg)
    elapsed = counted["microseconds"] / 1e6
    return Load(requests_per_second=counted["requests"] / elapsed, bytes_per_second=counted["bytes"] / elapsed)
