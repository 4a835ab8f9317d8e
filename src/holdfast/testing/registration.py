"""Suites made from a constructor or a name, without writing a class."""

from __future__ import annotations

import asyncio
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from holdfast.storage.factory import load
from holdfast.storage.options import parse
from holdfast.testing.store import Store
from holdfast.testing.suite import DriverSuite

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from holdfast.storage.driver import Capabilities, StorageDriver

__all__ = ["named_suite", "register_suite"]


def register_suite(
    name: str,
    constructor: Callable[[Path], StorageDriver | Awaitable[StorageDriver]],
    *,
    capabilities: Capabilities | None = None,
    parameters: Callable[[Path], Mapping[str, Any]] | None = None,
    deviations: Mapping[str, str] | None = None,
    **hooks: Any,
) -> type[DriverSuite]:
    """Make the suite of a driver.

    Bind it at module level, under a name that pytest collects: `TestMyStore = register_suite("mystore", make)`.

    Args:
        name: The driver's name.
        constructor: Makes a driver from a new, empty directory; a driver that needs none ignores it. Called with
            the same directory again where a `shared` driver opens its store again. May be async.
        capabilities: What the driver can do; asked of a driver made for that purpose, if omitted.
        parameters: What another process gives to `create`, from the same directory; for a `shared` driver.
        deviations: Tests that the driver is known not to pass, and why.
        hooks: Further attributes of `Store`, the same for each test.

    Raises:
        TypeError: A deviation names no test, or gives no reason.
    """

    def make_store(directory: Path) -> Store:
        return Store(
            make=lambda: constructor(directory),
            name=name,
            parameters=None if parameters is None else parameters(directory),
            **hooks,
        )

    return _suite(name, make_store, capabilities=capabilities, deviations=deviations or {})


def named_suite(name: str, parameters: Mapping[str, str]) -> type[DriverSuite]:
    """Make the suite of a registered driver; `{tmp}` in a parameter stands for a directory, new for each test.

    Raises:
        ConfigurationError: No driver has the name, or it doesn't take the parameters.
    """

    def filled(directory: Path) -> dict[str, str]:
        return {key: value.replace("{tmp}", str(directory)) for key, value in parameters.items()}

    with tempfile.TemporaryDirectory() as directory:
        parse(name, load(name).Options, filled(Path(directory)))
    return _suite(name, lambda directory: Store.named(name, filled(directory)), capabilities=None, deviations={})


def _suite(
    name: str,
    make_store: Callable[[Path], Store],
    *,
    capabilities: Capabilities | None,
    deviations: Mapping[str, str],
) -> type[DriverSuite]:
    @cache
    def ask_driver() -> Capabilities:
        with tempfile.TemporaryDirectory() as directory:
            return asyncio.run(_ask_capabilities(make_store(Path(directory))))

    def declared_capabilities(cls: type[DriverSuite]) -> Capabilities:
        del cls
        return capabilities or ask_driver()

    def store(self: DriverSuite, tmp_path: Path) -> Store:
        del self
        return make_store(tmp_path)

    namespace = {
        "__doc__": f"The certification suite on {name}.",
        "deviations": dict(deviations),
        "declared_capabilities": classmethod(declared_capabilities),
        "store": pytest.fixture(store),
    }
    words = "".join(word.capitalize() for word in name.replace("_", "-").split("-"))
    return type(f"Test{words}", (DriverSuite,), namespace)


async def _ask_capabilities(store: Store) -> Capabilities:
    driver = await store.open()
    try:
        return driver.capabilities
    finally:
        await driver.aclose()
