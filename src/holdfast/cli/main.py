"""The command `holdfast`: its words and options. What they do is in the module of each, loaded when it is used."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from holdfast import __version__

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
    with _failures_in_one_line():
        from holdfast.cli.serve import configure, run  # noqa: PLC0415 - completion and help needn't load the server

        run(configure(config=config, root=root, addr=addr))


_DRIVERS_EPILOG = """
Examples:

* `holdfast drivers`: the drivers there are

* `holdfast drivers filesystem`: what one takes

* `holdfast drivers --json`: the same for programs
"""


@app.command(epilog=_DRIVERS_EPILOG)
def drivers(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Show this driver with all of its options.", show_default=False),
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the storage drivers that are installed, those of other packages included."""
    with _failures_in_one_line():
        from holdfast.cli.drivers import show  # noqa: PLC0415 - only this command draws tables

        show(name, as_json=as_json)


@contextmanager
def _failures_in_one_line() -> Iterator[None]:
    from holdfast.storage.errors import HoldfastError  # noqa: PLC0415 - completion and help needn't load it

    try:
        yield
    except (HoldfastError, OSError) as error:
        typer.echo(f"holdfast: {' '.join(str(error).split())}", err=True)
        raise typer.Exit(1) from error
