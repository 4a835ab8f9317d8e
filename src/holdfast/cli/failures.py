"""How a command fails: with one line, never with a traceback for what isn't a bug."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["failures_in_one_line", "one_line"]


def one_line(error: Exception) -> str:
    """What an error says, without its line breaks."""
    return " ".join(str(error).split())


@contextmanager
def failures_in_one_line() -> Iterator[None]:
    """Turn what goes wrong into one line on standard error, and status 1."""
    from holdfast.storage.errors import HoldfastError  # noqa: PLC0415 - completion and help needn't load it

    try:
        yield
    except (HoldfastError, OSError) as error:
        typer.echo(f"holdfast: {one_line(error)}", err=True)
        raise typer.Exit(1) from error
