"""The storage that an administrative command works on: that of a registry, from its configuration or its folder."""

from __future__ import annotations

import asyncio
import gc
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from holdfast.cli.opening import configured_storage
from holdfast.cli.serve import configure
from holdfast.logs import LogOptions, configure_logs
from holdfast.storage.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from holdfast.config import Configuration
    from holdfast.storage.driver import StorageDriver

__all__ = ["opened_storage", "run"]

T = TypeVar("T")


def run(command: Coroutine[None, None, T]) -> T:
    """Run a command that works on storage, to its end or to Ctrl-C. Warnings go to standard error."""
    import uvloop  # noqa: PLC0415 - what only shows a command's help needs no event loop

    gc.enable()  # switched off for the start; this may run for long
    with configure_logs(LogOptions(level="warn")), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(command)


@asynccontextmanager
async def opened_storage(config: Path | None, root: Path | None) -> AsyncIterator[StorageDriver]:
    """Open the storage that `holdfast serve` would open with the same words, and close it on leaving.

    Args:
        config: The configuration file; `None` for storage in a folder.
        root: The data folder; `None` for the configuration's, or the default one.

    Raises:
        ConfigurationError: The configuration is wrong, the storage is only in the server's memory, or its folder
            doesn't exist: for a server that is a new registry, here it is a slip of the pen.
        typer.BadParameter: `root` meets storage that isn't in a folder.
    """
    configuration = configure(config=config, root=root, addr=None, serving=False)
    section = configuration.storage
    _require_folder(configuration)
    async with aclosing(configured_storage(configuration)) as driver:
        if not driver.capabilities.shared:
            raise ConfigurationError(
                f"the storage {section.driver!r} is seen only by the process that serves it; no command can work on it"
            )
        yield driver


def _require_folder(configuration: Configuration) -> None:
    section = configuration.storage
    folder = section.parameters.get("rootdirectory")
    if section.driver == "filesystem" and folder is not None and not Path(str(folder)).is_dir():
        raise ConfigurationError(f"there is no folder {folder}; name the registry's with --root DIR or a CONFIG")
