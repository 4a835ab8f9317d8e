"""A folder as the certification suite looks at it behind a driver's back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["disk_hooks"]


def disk_hooks(root: Path, *stay: str) -> dict[str, Callable[..., Any]]:
    """The hooks of a store whose files lie in a folder; the folder of unfinished writes may stay in it, and `stay`."""

    def seed(path: str, content: bytes) -> None:
        file = root / path[1:]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    def read(path: str) -> bytes:
        return (root / path[1:]).read_bytes()

    def leftovers() -> list[str]:
        return sorted({str(path.relative_to(root)) for path in root.rglob("*")} - {".uploads~", *stay})

    return {"seed_behind": seed, "read_behind": read, "leftovers": leftovers}
