"""How much memory a process uses; Linux's own count."""

import os
from pathlib import Path

__all__ = ["peak", "reset_peak", "resident"]


def resident(pid: int) -> int:
    """Returns the bytes of a process that are in memory now."""
    return _status(pid, "VmRSS")


def peak(pid: int) -> int:
    """Returns the most bytes that were in memory at once, since the start or since `reset_peak`."""
    return _status(pid, "VmHWM")


def reset_peak(pid: int) -> None:
    """Lets `peak` start from what is in memory now (proc_pid_clear_refs(5))."""
    with Path(f"/proc/{pid}/clear_refs").open("wb", buffering=0) as file:
        os.write(file.fileno(), b"5")


def _status(pid: int, key: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == key:
            return int(value.split()[0]) * 1024
    msg = f"/proc/{pid}/status has no {key}"
    raise KeyError(msg)
