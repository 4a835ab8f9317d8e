"""The command `holdfast`: its words and options. What they do is in the module of each, loaded when it is used."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Annotated

import typer

from holdfast import __version__
from holdfast.cli import driver_commands, maintenance
from holdfast.cli.failures import failures_in_one_line
from holdfast.cli.group import group

__all__ = ["app", "main"]

app = typer.Typer(
    name="holdfast",
    help="A container registry whose storage is pluggable.",
    epilog="Start with: holdfast serve",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    # A traceback is for a bug, and then Python's own is the one to report.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line. What goes wrong is one line on standard error: status 1, wrong usage status 2."""
    # Loading what a command needs makes many objects and drops few; looking for those took a quarter of the start.
    # A command that runs for long turns the collector on again once it has loaded.
    gc.disable()
    app()


def _print_version(asked: bool) -> None:  # noqa: FBT001 - typer calls it with the flag's value
    if asked:
        typer.echo(f"holdfast {__version__}")
        raise typer.Exit


@app.callback()
def _holdfast(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    del version  # its callback has printed it


_SERVE_EPILOG = """
Examples:

* `holdfast serve`: try it, reachable from this machine alone

* `holdfast serve --root /srv/registry --addr :5000`: your data folder, reachable from everywhere

* `holdfast serve /etc/distribution/config.yml`: with the configuration file of Docker Distribution
"""


@app.command(epilog=_SERVE_EPILOG)
def serve(
    config: Annotated[
        Path | None,
        typer.Argument(
            metavar="CONFIG",
            help="A configuration file as Docker Distribution has it, version 0.1. Without one: storage in a folder.",
            show_default=False,
        ),
    ] = None,
    *,
    root: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The data folder. Without it and a CONFIG: `$XDG_DATA_HOME/holdfast/registry`, by default"
            " `~/.local/share/holdfast/registry`.",
            show_default=False,
        ),
    ] = None,
    addr: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Where to listen. Without it and a CONFIG: `127.0.0.1:5000`. `:5000` is every address there is.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Run the registry until it is told to stop (Ctrl-C or SIGTERM).

    It prints where it listens, where the data is and how to push to it; its log goes to standard error.
    """
    with failures_in_one_line():
        from holdfast.cli.serve import configure, run  # noqa: PLC0415 - completion and help needn't load the server

        run(configure(config=config, root=root, addr=addr))


app.add_typer(driver_commands.drivers)
app.command(epilog=driver_commands.MIDDLEWARE_EPILOG)(driver_commands.middleware)

_config = group("config", "Check a configuration file, or show what it comes to.")
app.add_typer(_config)

_ConfigFile = Annotated[
    Path, typer.Argument(metavar="CONFIG", help="A configuration file as Docker Distribution has it, version 0.1.")
]

_CHECK_EPILOG = """
Examples:

* `holdfast config check config.yml`: one line and status 0 if it can be served, else every problem and status 1

* `REGISTRY_HTTP_ADDR=:5000 holdfast config check config.yml`: with what the environment overrides

* `holdfast config check config.yml --json`: the same for programs
"""


@_config.command(epilog=_CHECK_EPILOG)
def check(
    config: _ConfigFile,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell whether a configuration file can be served, and all that is wrong with it, one line each.

    `REGISTRY_*` variables count, as they do for `holdfast serve`. Nothing is connected to.
    """
    with failures_in_one_line():
        from holdfast.cli import config as command  # noqa: PLC0415 - completion and help needn't load the models

        command.check(config, os.environ, as_json=as_json)


_SHOW_EPILOG = """
Examples:

* `holdfast config show config.yml`: every value, with where it came from

* `holdfast config show config.yml --no-defaults`: only what the file and the environment say

* `holdfast config show config.yml --json`: the same for programs
"""


@_config.command(epilog=_SHOW_EPILOG)
def show(
    config: _ConfigFile,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    no_defaults: Annotated[bool, typer.Option("--no-defaults", help="Leave out what nobody has given.")] = False,
) -> None:
    """Show the effective configuration: each value with its file and line, its variable, or `default`.

    `REGISTRY_*` variables count, as they do for `holdfast serve`. Secrets are masked.
    """
    with failures_in_one_line():
        from holdfast.cli import config as command  # noqa: PLC0415 - as for check

        command.show(config, os.environ, as_json=as_json, defaults=not no_defaults)


app.add_typer(maintenance.index)
app.command("purge-uploads", epilog=maintenance.PURGE_EPILOG)(maintenance.purge_uploads)
app.add_typer(maintenance.repositories)
app.add_typer(maintenance.readonly)
app.add_typer(maintenance.encryption)
