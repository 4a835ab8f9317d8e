"""A command that has commands of its own."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

__all__ = ["SHOW", "group", "showing_group"]

SHOW = "show"


def group(name: str, purpose: str) -> typer.Typer:
    """Make one; without a word after its name it shows its help.

    Args:
        name: Its word.
        purpose: What its commands are for, as its help has it.
    """
    return typer.Typer(name=name, help=purpose, no_args_is_help=True, rich_markup_mode="markdown")


def showing_group(name: str, purpose: str, *, epilog: str) -> typer.Typer:
    """Make one whose command `show` needn't be named: what isn't another command's word is meant for it.

    Args:
        name: Its word.
        purpose: What its commands are for, as its help has it.
        epilog: Examples.
    """
    return typer.Typer(name=name, help=purpose, epilog=epilog, cls=_ShowingGroup, rich_markup_mode="markdown")


class _ShowingGroup(TyperGroup):
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `show` before what names no command; who completes an empty line may still want any of them."""
        named = bool(args) and (args[0] in self.commands or args[0] in ctx.help_option_names)
        if not named and (args or not ctx.resilient_parsing):
            args = [SHOW, *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """The commands, and what may follow `show`."""
        arguments = [param for param in self.commands[SHOW].params if param.param_type_name == "argument"]
        words = [item for argument in arguments for item in argument.shell_complete(ctx, incomplete)]
        return [*super().shell_complete(ctx, incomplete), *words]
