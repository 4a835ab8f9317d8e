"""How a command fails: with one line, never with a traceback for what isn't a bug."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["failures_in_one_line"]


@contextmanager
def failures_in_one_line() -> Iterator[None]:
    """Turn what goes wrong into one line on standard error, and status 1."""
    from holdfast.storage.errors import HoldfastError  # noqa: PLC0415 - completion and help needn't load it

    try:
        yield
    except (HoldfastError, OSError) as error:
        typer.echo(f"holdfast: {' '.join(str(error).split())}", err=True)
        raise typer.Exit(1) from error
