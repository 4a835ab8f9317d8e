"""The HTTP interface: `holdfast serve` on a temporary folder, given what its description and its tests lead to."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.services.holdfast_server import HoldfastServer

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["fuzz_described", "fuzz_raw"]

_DOCUMENT = Path(__file__).parent.parent / "docs/reference/openapi.yaml"
_CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
_SIGNS = ("Traceback", "request failed", "panicked", '"level":"error"', "[error")


@contextmanager
def _served() -> Iterator[HoldfastServer]:
    """A registry where everything is allowed; what it logged must have no sign of an error of its own."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        root = Path(folder)
        server = HoldfastServer(
            root=root / "data",
            scratch=root / "scratch",
            config={
                "storage": {"delete": {"enabled": True}},
                "http": {"secret": "a fixed secret"},
                "log": {"accesslog": {"disabled": True}},
            },
        )
        with server:
            yield server
            server.stop()
            printed = server.output()
        bad = [line for line in printed.splitlines() if any(sign in line for sign in _SIGNS)]
        if bad:
            raise AssertionError("the server logged errors:\n" + "\n".join(bad[:20]))


def fuzz_described(seconds: int, seed: int) -> bool:
    """Let schemathesis make requests of the description, right ones and wrong ones.

    Returns:
        Whether all answers are as described; one that isn't is printed.

    Raises:
        AssertionError: The server logged an error.
    """
    with _served() as server:
        command = [
            *(str(Path(sys.executable).with_name("schemathesis")), "run", str(_DOCUMENT)),
            *("--url", server.url, "--checks", ",".join(_CHECKS), "--max-time", str(seconds), "--seed", str(seed)),
            *("--phases", "coverage,fuzzing", "--continue-on-failure", "--warnings", "off", "--request-timeout", "20"),
        ]
        # Its command line is an installed one; a database of earlier finds would make runs differ.
        environment = {**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": tempfile.gettempdir()}
        return subprocess.run(command, check=False, timeout=seconds * 3 + 60, env=environment).returncode == 0


def fuzz_raw(seconds: int, seed: int) -> bool:
    """Send mutated requests of the tests, byte for byte.

    Returns:
        Whether any could be sent.

    Raises:
        AssertionError: The server erred.
    """
    from fuzz.wire import fuzz_wire  # noqa: PLC0415 - it builds thousands of requests

    with _served() as server:
        sent = asyncio.run(fuzz_wire(server.port, seconds, seed))
    print(f"wire: {sent} requests")
    return sent > 0
