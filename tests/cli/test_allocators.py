"""The allocators keep freed memory, unless the environment says otherwise."""

import os
import subprocess
import sys
from collections.abc import Mapping

import pytest

_CYCLES = """
import resource
from holdfast.cli.allocators import keep_freed_memory

KEEP
def cycle():
    blocks = [b"x" * (1 << 20) for _ in range(32)]
    del blocks

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

cycle()
before = faults()
for _ in range(10):
    cycle()
print(faults() - before)
"""


def _faults(keep: str, environment: Mapping[str, str]) -> int:
    """The page faults of taking and freeing 32 MiB ten times, after the first time."""
    code = _CYCLES.replace("KEEP", keep)
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_freed_memory_is_used_again() -> None:
    """Large blocks that were freed are used again without the kernel being asked for their pages."""
    assert _faults("keep_freed_memory()", {}) < 1000


@pytest.mark.parametrize("variable", ["MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"])
def test_environment_comes_first(variable: str) -> None:
    """A threshold that the operator sets is left alone: blocks above it go back to the kernel, page by page."""
    assert _faults("keep_freed_memory()", {variable: "131072"}) > 10_000


def test_server_has_a_setting_of_its_own() -> None:
    """The HTTP server's allocator is told by its variable before the server is imported; an operator's stays."""
    code = (
        "import os, sys; from holdfast.cli.allocators import keep_freed_memory; keep_freed_memory();"
        "assert 'granian' not in sys.modules; print(os.environ['_RJEM_MALLOC_CONF'])"
    )

    def told(environment: Mapping[str, str]) -> str:
        return subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, check=True
        ).stdout.strip()

    assert told({}) == "dirty_decay_ms:-1"
    assert told({"_RJEM_MALLOC_CONF": "dirty_decay_ms:1"}) == "dirty_decay_ms:1"
