"""The words of the commands about storage drivers and middleware.

What they do is in the module of each, loaded when it is used.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer

from holdfast.cli.failures import failures_in_one_line
from holdfast.cli.group import showing_group
from holdfast.kit.licence import Licence

__all__ = ["MIDDLEWARE_EPILOG", "drivers", "middleware"]

_DRIVERS_EPILOG = """
Examples:

* `holdfast drivers`: the drivers there are

* `holdfast drivers filesystem`: what one takes; `show` needn't be said

* `holdfast drivers check --config config.yml`: whether the storage of a registry can be used

* `holdfast drivers new mystore`: a package to start a driver of your own from
"""

drivers = showing_group(
    "drivers",
    "List the storage drivers, check that a registry's storage does what it must, or begin a driver of your own.",
    epilog=_DRIVERS_EPILOG,
)


def _names(incomplete: str) -> list[str]:
    """The names of drivers for completion, of which none is loaded."""
    names = {point.name for point in entry_points(group="holdfast.drivers")}
    return sorted(name for name in names if name.startswith(incomplete))


_SHOW_EPILOG = """
Examples:

* `holdfast drivers`: the drivers there are

* `holdfast drivers filesystem`: what one takes

* `holdfast drivers --json`: the same for programs
"""


@drivers.command(epilog=_SHOW_EPILOG)
def show(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="Show this driver with all of its options.",
            show_default=False,
            autocompletion=_names,
        ),
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the storage drivers that are installed, those of other packages included.

    `holdfast drivers` alone means the same.
    """
    with failures_in_one_line():
        from holdfast.cli.drivers import show as act  # noqa: PLC0415 - only this command draws tables

        act(name, as_json=as_json)


_CHECK_EPILOG = """
Examples:

* `holdfast drivers check --config config.yml`: the storage of this configuration

* `holdfast drivers check --config config.yml --read-only`: without writing anything

* `holdfast drivers check --root /srv/registry`: storage in a folder

* `holdfast drivers check filesystem --param rootdirectory=/tmp/data`: a driver and its options, without a file

* `holdfast drivers check --config config.yml --size 200MiB --json`: a larger file, for programs
"""


@drivers.command(epilog=_CHECK_EPILOG)
def check(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="A driver, configured by --param; without it, the storage of the configuration.",
            show_default=False,
            autocompletion=_names,
        ),
    ] = None,
    *,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="CONFIG", help="The configuration file of the registry.", show_default=False),
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option("--root", metavar="DIR", help="The data folder, as for `holdfast serve`.", show_default=False),
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="An option of the driver NAME; may be repeated. `a.b=c` is `b` within `a`. Others on this machine may"
            " see it: give secrets in a file.",
            show_default=False,
        ),
    ] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Write nothing; look only at what is there.")] = False,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Of the large file: `64MiB`. Without it, 12 to 24 MiB, more than the driver sends at once.",
            show_default=False,
        ),
    ] = None,
    timeout: Annotated[
        str, typer.Option(metavar="DURATION", help="How long a check may take; those of the large file 4 times that.")
    ] = "60s",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check that storage does what a registry needs: whether, how fast, and what is missing, with the remedy.

    It works on the storage itself, in a directory of its own (`/holdfast-check-` and a random end) that is removed
    again, also on Ctrl-C. `REGISTRY_*` variables count, as they do for `holdfast serve`. Status 0: it can carry a
    registry, though there may be warnings. Status 1: it can't.
    """
    with failures_in_one_line():
        from holdfast.cli.check import Target, check_target  # noqa: PLC0415 - completion and help needn't load it

        check_target(
            Target(name=name, config=config, root=root, parameters=tuple(param or ())),
            read_only=read_only,
            size=size,
            timeout=timeout,
            as_json=as_json,
        )


_NEW_EPILOG = """
Examples:

* `holdfast drivers new mystore`: the package `holdfast-mystore`, in a folder of that name

* `holdfast drivers new mystore --folder . --license MIT`: in this folder, which is empty

* `holdfast drivers new mystore --description "Files on my store." --author "Ann Author <ann@example.com>"`

* `holdfast drivers new mystore --json`: what was written, and what to do next, for programs
"""


@drivers.command(epilog=_NEW_EPILOG)
def new(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="The driver's name, as it will stand below `storage` in a configuration file: `mystore`.",
            show_default=False,
        ),
    ],
    *,
    folder: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where to write it: a folder that isn't there yet, or is empty. Without it: `holdfast-NAME`.",
            show_default=False,
        ),
    ] = None,
    description: Annotated[
        str | None, typer.Option(metavar="TEXT", help="One line about the driver.", show_default=False)
    ] = None,
    author: Annotated[
        str | None,
        typer.Option(metavar="AUTHOR", help="Who writes it: `Name`, or `Name <address>`.", show_default=False),
    ] = None,
    licence: Annotated[
        Licence,
        typer.Option("--license", metavar="LICENSE", help="`Apache-2.0`, `MIT`, or `none`.", case_sensitive=False),
    ] = Licence.APACHE,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write a package with a driver of your own: small, working, certified. Then make it yours.

    It keeps files in an SQLite database, so that it needs nothing but Python. Options, the table of errors, the
    certification test, a README and a CI workflow are there. Nothing is written over.
    """
    with failures_in_one_line():
        from holdfast.cli.drivers_new import write_driver  # noqa: PLC0415 - completion and help needn't load it

        write_driver(name, folder=folder, description=description, author=author, licence=licence, as_json=as_json)


MIDDLEWARE_EPILOG = """
Examples:

* `holdfast middleware`: what can stand around the storage, the registry and its repositories

* `holdfast middleware redirect`: what one takes

* `holdfast middleware --json`: the same for programs
"""


def _middleware_names(incomplete: str) -> list[str]:
    """The names of middleware for completion, of which none is loaded."""
    groups = ("holdfast.storage_middleware", "holdfast.registry_middleware", "holdfast.repository_middleware")
    names = {point.name for group in groups for point in entry_points(group=group)}
    return sorted(name for name in names if name.startswith(incomplete))


def middleware(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="Show this one with all of its options.",
            show_default=False,
            autocompletion=_middleware_names,
        ),
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the middleware that is installed, that of other packages included."""
    with failures_in_one_line():
        from holdfast.cli.middleware import show as act  # noqa: PLC0415 - only this command draws tables

        act(name, as_json=as_json)
