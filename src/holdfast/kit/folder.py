"""Writing a folder: whole or not at all, and over nothing that is there."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from holdfast.kit.errors import PackageError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["write_folder"]


def write_folder(folder: Path, files: Mapping[str, str]) -> None:
    """Write files into a folder that isn't there yet, or is empty.

    They are written beside it and moved there in the end, with the parents that are missing.

    Args:
        folder: The folder.
        files: Path within it, and text.

    Raises:
        PackageError: Something is there already.
        OSError: It can't be written; then nothing is.
    """
    folder = folder.resolve()
    if folder.exists() and not folder.is_dir():
        raise PackageError(f"{folder} is a file; nothing was written")
    if folder.is_dir() and any(folder.iterdir()):
        raise PackageError(f"{folder} isn't empty; nothing was written")
    base = next(place for place in (folder, *folder.parents) if place.exists())
    with TemporaryDirectory(prefix=".holdfast-new-", dir=base) as scratch:
        staged = Path(scratch) / folder.relative_to(base)
        for name, text in files.items():
            path = staged / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        _move_all(Path(scratch), base)


def _move_all(source: Path, destination: Path) -> None:
    """Move what is in one folder into another; where something stands in the way, nothing is moved."""
    with ExitStack() as back:
        for entry in sorted(source.iterdir()):
            target = destination / entry.name
            if target.exists():
                raise PackageError(f"{target} has just come into being; nothing was written")
            entry.rename(target)
            back.callback(target.rename, entry)
        back.pop_all()
