"""Runs one target, in a process of its own: `python -m fuzz.engine NAME SECONDS FOLDER`.

With atheris (libFuzzer, which sees what code an input reaches) where it is installed, else with hypothesis. The memory
of the process is limited: an input that takes it all is a failure, too.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fuzz.target import Target

__all__ = ["MODULES", "drive", "find", "main"]

MODULES = ("fuzz.parsers", "fuzz.settings")

_MEMORY_BYTES = 2 * 1024**3
_INPUT_SECONDS = 25
"""What a single input may take: far more than any target allows, so that it is the target that complains."""


def find(name: str) -> Target:
    """Return the target of a name.

    Raises:
        KeyError: There is none.
    """
    targets: dict[str, Target] = {}
    for module in MODULES:
        targets |= {target.name: target for target in importlib.import_module(module).TARGETS}
    return targets[name]


def drive(target: Target, seconds: float) -> int:
    """Try inputs of hypothesis's for a while, and return how many; an input that fails is shrunk and raised."""
    from hypothesis import HealthCheck, Phase, given, settings  # noqa: PLC0415 - for the one engine that needs it
    from hypothesis import strategies as st  # noqa: PLC0415 - as above

    deadline = time.monotonic() + seconds
    tried = 0
    seeds = st.sampled_from([*target.seeds])

    @given(
        st.one_of(st.binary(max_size=2000), seeds, st.builds(_mixed, seeds, st.binary(max_size=8), st.integers(0, 999)))
    )
    @settings(
        max_examples=200,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    def run(data: bytes) -> None:
        nonlocal tried
        if time.monotonic() < deadline:
            tried += 1
            target(data)

    for seed in target.seeds:
        target(seed)
    while time.monotonic() < deadline:
        run()
    return tried


def main() -> None:
    """Fuzz the target that the command line names, and end with an error if an input fails."""
    name, seconds, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    if importlib.util.find_spec("atheris") is None:
        print(f"{name}: {drive(find(name), seconds)} inputs (hypothesis)")
        return
    _run_atheris(name, seconds, folder)


def _run_atheris(name: str, seconds: int, folder: Path) -> None:
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["holdfast.registry", "holdfast.config"]):
        target = find(name)
    corpus = folder / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds):
        # The first byte says whether an input is stretched.
        (corpus / f"seed-{number}").write_bytes(seed)
        (corpus / f"seed-{number}-long").write_bytes(b"\x08" + seed)
    found = folder / "found"
    found.mkdir(parents=True, exist_ok=True)
    options = {"max_total_time": seconds, "timeout": _INPUT_SECONDS, "max_len": 4096, "rss_limit_mb": 1024}
    arguments = [f"-{key}={value}" for key, value in options.items()]
    atheris.Setup(
        [
            sys.argv[0],
            *arguments,
            f"-artifact_prefix={found}/{name}-",
            "-verbosity=0",
            "-print_final_stats=1",
            str(corpus),
        ],
        target,
    )
    with contextlib.suppress(KeyboardInterrupt):
        atheris.Fuzz()


def _mixed(seed: bytes, more: bytes, at: int) -> bytes:
    """A seed with something in the middle of it."""
    at %= len(seed) + 1
    return seed[:at] + more + seed[at + len(more) // 2 :]


if __name__ == "__main__":
    main()
