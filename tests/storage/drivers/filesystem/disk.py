"""The disk behind a driver's back."""

import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Disk", "open_files"]


@dataclass(frozen=True, slots=True)
class Disk:
    """A root directory, seen without the driver."""

    root: Path

    def at(self, path: str) -> Path:
        """Where a storage path lies."""
        return self.root / path[1:]

    def write(self, path: str, content: bytes = b"x") -> Path:
        """Put a file there."""
        file = self.at(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file

    def names(self) -> list[str]:
        """Everything below the root, whatever it is."""
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*"))

    def litter(self) -> list[str]:
        """Temporary files, and directories with nothing in them."""
        empty = [path for path in self.root.rglob("*") if path.is_dir() and not any(path.iterdir())]
        temporary = [path for path in self.root.rglob("~*") if path.name != "~lock"]
        return sorted(str(path.relative_to(self.root)) for path in (*empty, *temporary))


def open_files() -> list[str]:
    """What this process has open, by name, in order."""
    found = []
    for number in os.listdir("/proc/self/fd"):  # noqa: PTH208 - the directory read must not be held by an iterator
        try:
            found.append(os.readlink(f"/proc/self/fd/{number}"))  # noqa: PTH115 - as above
        except FileNotFoundError:
            continue
    return sorted(found)
