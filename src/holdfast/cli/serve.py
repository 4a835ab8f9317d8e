"""`holdfast serve`: the one place where configuration, storage, registry and server are put together."""

from __future__ import annotations

import asyncio
import gc
import os
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING

import typer

from holdfast import storage
from holdfast.cli.announcement import announcement, warning, whereabouts
from holdfast.cli.data_folder import default_data_folder
from holdfast.cli.logs import configure_logs
from holdfast.cli.probe import probe
from holdfast.config import Address, Configuration, load
from holdfast.config.environment import refuse_overrides
from holdfast.storage import factory, options

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["configure", "run"]


def configure(*, config: Path | None, root: Path | None, addr: str | None) -> Configuration:
    """Join what the command line says: the file, then what overrides it.

    Raises:
        ConfigurationError: The file is wrong, or the environment has overrides; see `holdfast.config.load`.
        typer.BadParameter: The address isn't one, or `--root` meets storage that isn't in a folder.
    """
    refuse_overrides(os.environ)
    address = None if addr is None else _address(addr)
    if config is None:
        folder = root or default_data_folder(os.environ)
        file = {"version": "0.1", "storage": {"filesystem": {"rootdirectory": str(folder.absolute())}}}
        configuration = Configuration.model_validate(file)
    else:
        configuration = load(config)
        if root is not None:
            configuration = _with_root(configuration, root)
    if address is None:
        return configuration
    return configuration.model_copy(update={"http": configuration.http.model_copy(update={"addr": address})})


def run(configuration: Configuration) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        ConfigurationError: The storage can't be used, or the address can't be listened on.
    """
    import uvloop  # noqa: PLC0415 - what only checks a configuration needs no event loop

    configure_logs(configuration.log.level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(configuration))


async def _serve(configuration: Configuration) -> None:
    from holdfast.registry.app import Settings, registry_app  # noqa: PLC0415 - as uvloop
    from holdfast.registry.server import ServerOptions, serve  # noqa: PLC0415 - as uvloop

    section, http = configuration.storage, configuration.http
    where = whereabouts(
        section.driver, options.parse(section.driver, factory.load(section.driver).Options, section.parameters)
    )
    settings = Settings(
        delete_enabled=section.delete.enabled,
        secret=None if http.secret is None else http.secret.get_secret_value() or None,
    )
    server = ServerOptions(host=http.addr.host, port=http.addr.port, drain_timeout=http.draintimeout.total_seconds())
    async with aclosing(storage.create(section.driver, section.parameters)) as driver:
        _collect_from_now_on()
        await probe(driver, where)
        async with registry_app(driver, settings) as app:
            await serve(app, server, on_listening=partial(_announce, http.addr, where))


def _collect_from_now_on() -> None:
    """Turn the garbage collector on, after loading; what was loaded stays, so it needn't be looked at ever again."""
    gc.freeze()
    gc.enable()


def _announce(configured: Address, where: str, listening: str) -> None:
    """Tell people, with the host as they wrote it and the port that was really taken."""
    address = Address(host=configured.host, port=Address.parse(listening).port)
    typer.echo(announcement(address, where))
    careful = warning(address)
    if careful:
        typer.echo(f"holdfast: warning: {careful}", err=True)


def _address(addr: str) -> Address:
    try:
        return Address.parse(addr)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--addr") from error


def _with_root(configuration: Configuration, root: Path) -> Configuration:
    section = configuration.storage
    if section.driver != "filesystem":
        message = f"the configuration's storage is {section.driver!r}, which has no data folder to override"
        raise typer.BadParameter(message, param_hint="--root")
    parameters = section.parameters | {"rootdirectory": str(root.absolute())}
    return configuration.model_copy(update={"storage": section.model_copy(update={"parameters": parameters})})
