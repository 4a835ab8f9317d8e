"""`holdfast serve`: the one place where configuration, storage, registry and server are put together."""

from __future__ import annotations

import asyncio
import gc
import os
from contextlib import aclosing
from functools import partial
from pathlib import Path

import typer

from holdfast.cli.announcement import announcement, socket_announcement, warning, whereabouts
from holdfast.cli.config import refusals
from holdfast.cli.data_folder import default_data_folder
from holdfast.cli.log_options import log_options
from holdfast.cli.opening import configured_storage
from holdfast.cli.probe import probe
from holdfast.config import Address, Configuration, Reading, read, read_values
from holdfast.config.document import Value
from holdfast.config.environment import overrides
from holdfast.config.http import HTTPSection
from holdfast.config.problem import in_one_line
from holdfast.config.storage import BESIDE_THE_DRIVER
from holdfast.logs import LogOptions, configure_logs
from holdfast.storage import factory, options

__all__ = ["configure", "run"]


def configure(*, config: Path | None, root: Path | None, addr: str | None, serving: bool = True) -> Configuration:
    """Join what there is: the file, the `REGISTRY_*` variables, and what the command line says, which is nearest.

    Args:
        config: The file. Without one, that of `REGISTRY_CONFIGURATION_PATH`; without that, storage in a folder.
        root: The data folder.
        addr: Where to listen.
        serving: Whether to refuse what this version can't honour; a command that only works on storage need not.

    Raises:
        ConfigurationError: The configuration is wrong, or says what this version can't do; one line.
        typer.BadParameter: The address isn't one, or `--root` meets storage that isn't in a folder.
    """
    address = None if addr is None else _address(addr)
    configuration = _read(config, serving=serving)
    if root is not None:
        configuration = _with_root(configuration, root)
    if address is None:
        return configuration
    where = {"addr": address, "net": "tcp", "unix": None}
    return configuration.model_copy(update={"http": configuration.http.model_copy(update=where)})


def run(configuration: Configuration) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        ConfigurationError: The storage can't be used, or the address can't be listened on.
    """
    import uvloop  # noqa: PLC0415 - what only checks a configuration needs no event loop

    from holdfast.cli.allocators import keep_freed_memory  # noqa: PLC0415 - as uvloop

    keep_freed_memory()
    logs = log_options(configuration.log)
    with configure_logs(logs), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(configuration, logs))


async def _serve(configuration: Configuration, logs: LogOptions) -> None:
    from holdfast.cli.listening import server_options  # noqa: PLC0415 - as uvloop
    from holdfast.cli.settings import registry_settings  # noqa: PLC0415 - as uvloop
    from holdfast.cli.watching import watched  # noqa: PLC0415 - as uvloop
    from holdfast.registry.app import registry_app  # noqa: PLC0415 - as uvloop
    from holdfast.registry.http.logs import logged  # noqa: PLC0415 - as uvloop
    from holdfast.registry.middleware import around_registry  # noqa: PLC0415 - as uvloop
    from holdfast.registry.server import serve  # noqa: PLC0415 - as uvloop

    section, http, around = configuration.storage, configuration.http, configuration.middleware.around_registry
    where = whereabouts(
        section.driver,
        options.parse(section.driver, factory.load(section.driver).Options, section.parameters),
        configuration.middleware.around_storage,
    )
    server = server_options(http)
    async with aclosing(configured_storage(configuration)) as driver:
        _collect_from_now_on()
        await probe(driver, where, read_only=section.maintenance.readonly.enabled)
        async with (
            registry_app(driver, registry_settings(configuration)) as registry,
            watched(around_registry(registry, around), configuration, driver) as (app, health),
        ):
            with logged(app, logs) as served:
                announce = partial(_announce, http, where)
                await serve(served, server, on_listening=announce, on_stopping=health.stop)


def _collect_from_now_on() -> None:
    """Turn the garbage collector on, after loading; what was loaded stays, so it needn't be looked at ever again."""
    gc.freeze()
    gc.enable()


def _announce(http: HTTPSection, where: str, listening: str) -> None:
    """Tell people, with the host as they wrote it and the port that was really taken."""
    if http.unix is not None:
        typer.echo(socket_announcement(http.unix, where))
        return
    address = Address(host=http.addr.host, port=Address.parse(listening).port)
    typer.echo(announcement(address, where, tls=http.tls.enabled))
    verifies = bool(http.tls.clientcas) and http.tls.clientauth == "require-and-verify-client-cert"
    careful = warning(address, tls=http.tls.enabled, knows_clients=http.tls.enabled and verifies)
    if careful:
        typer.echo(f"holdfast: warning: {careful}", err=True)


def _read(config: Path | None, *, serving: bool) -> Configuration:
    if config is None and os.environ.get("REGISTRY_CONFIGURATION_PATH"):
        config = Path(os.environ["REGISTRY_CONFIGURATION_PATH"])
    reading = _without_a_file() if config is None else read(config, os.environ)
    found = list(refusals(reading) if serving else reading.problems)
    if found:
        raise in_one_line(found)
    for remark in reading.remarks:
        typer.echo(f"holdfast: warning: {remark}", err=True)
    return reading.usable()


def _without_a_file() -> Reading:
    """Storage in a folder, unless a variable names another driver."""
    file: dict[str, Value] = {"version": "0.1"}
    drivers = {name.split("_")[2].lower() for name in overrides(os.environ) if name.startswith("REGISTRY_STORAGE_")}
    if not drivers - BESIDE_THE_DRIVER - {"filesystem"}:
        file["storage"] = {"filesystem": {"rootdirectory": str(default_data_folder(os.environ).absolute())}}
    return read_values(file, os.environ, source="without a configuration file")


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
