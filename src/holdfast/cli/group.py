"""A command that has commands of its own."""

from __future__ import annotations

import typer

__all__ = ["group"]


def group(name: str, purpose: str) -> typer.Typer:
    """Make one; without a word after its name it shows its help.

    Args:
        name: Its word.
        purpose: What its commands are for, as its help has it.
    """
    return typer.Typer(name=name, help=purpose, no_args_is_help=True, rich_markup_mode="markdown")
