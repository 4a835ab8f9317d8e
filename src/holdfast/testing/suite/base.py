"""What all themes of the suite share: the driver under test, its scratch space, and the rules of the suite."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from holdfast.storage.driver import Capabilities, StorageDriver
from holdfast.storage.errors import PathNotFoundError
from holdfast.testing.census import Census
from holdfast.testing.iteration import collect
from holdfast.testing.suite.examples import example_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from hypothesis import settings

    from holdfast.testing.store import Store

__all__ = ["SCRATCH", "SuiteBase", "certified", "requires", "requires_lack"]

SCRATCH = "/scratch"
"""Where tests work; the suite deletes it after each."""

_OPEN_TO_AUTHORS = frozenset({"capabilities", "deviations", "store", "declared_capabilities", "pytestmark"})
"""What a driver's author may define; everything else that the suite defines stays as it is."""


def requires(*capabilities: str) -> pytest.MarkDecorator:
    """Choose a test only where the driver has all of these capabilities."""
    return pytest.mark.holdfast_requires(*capabilities)


def requires_lack(*capabilities: str) -> pytest.MarkDecorator:
    """Choose a test only where the driver has none of these capabilities."""
    return pytest.mark.holdfast_requires_lack(*capabilities)


class SuiteBase:
    """The base of every theme, and so of a driver's test class.

    A driver's author defines `capabilities` and the fixture `store`, and may declare `deviations`. Redefining
    anything else that the suite defines, be it a test or a fixture, is a `TypeError`.

    Attributes:
        capabilities: What the driver can do; the suite asserts that the driver says the same.
        deviations: Name of a test that the driver is known not to pass, and why. Such a test must fail
            (strict xfail), and is counted in pytest's summary.
    """

    pytestmark = pytest.mark.anyio

    capabilities: ClassVar[Capabilities]
    deviations: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse an override, and a deviation from a test that doesn't exist.

        Raises:
            TypeError: Says which.
        """
        super().__init_subclass__(**kwargs)
        cls.check_suite()

    @classmethod
    def check_suite(cls) -> None:
        """Check that the suite is whole; done on definition, and again by the plugin on collection.

        Raises:
            TypeError: A test or fixture of the suite is overridden, or a deviation names no test or no reason.
        """
        for name, owner in _suite_names(cls).items():
            if name not in _OPEN_TO_AUTHORS and _first_definition(cls, name) is not owner:
                raise TypeError(
                    f"{cls.__name__}.{name} would override {owner.__name__}.{name} of the certification suite;"
                    " a driver's own tests need names of their own, and a deviation is declared in `deviations`"
                )
        for name, reason in cls.deviations.items():
            if not name.startswith("test") or not callable(getattr(cls, name.partition("[")[0], None)):
                raise TypeError(f"{cls.__name__}.deviations names {name!r}, which is no test of the suite")
            if not reason.strip():
                raise TypeError(f"{cls.__name__}.deviations gives no reason for {name!r}")

    @classmethod
    def declared_capabilities(cls) -> Capabilities:
        """What tests are chosen by.

        Raises:
            TypeError: The class declares none.
        """
        declared = getattr(cls, "capabilities", None)
        if not isinstance(declared, Capabilities):
            raise TypeError(f"{cls.__name__} must declare its driver's `capabilities`, a holdfast.storage.Capabilities")
        return declared

    @pytest.fixture(scope="session")
    @classmethod
    def anyio_backend(cls) -> tuple[str, dict[str, bool]]:
        """Every test runs on the loop that the registry's server runs on."""
        return "asyncio", {"use_uvloop": True}

    @pytest.fixture
    def scratch(self) -> str:
        """A directory that doesn't exist yet; the suite deletes it after the test."""
        return SCRATCH

    @pytest.fixture
    def examples(self, request: pytest.FixtureRequest) -> settings:
        """How many examples of a property are tried."""
        return example_settings(request.config.getoption("--holdfast-examples"))

    @pytest.fixture
    def large_bytes(self, request: pytest.FixtureRequest) -> int:
        """The size of the large stream."""
        size: int = request.config.getoption("--holdfast-large-bytes")
        return size

    @pytest.fixture
    async def driver(self, store: Store) -> AsyncIterator[StorageDriver]:
        """The driver under test on an empty store, which must be empty again, and nothing leaked, afterwards."""
        async with certified(store) as driver:
            yield driver


@asynccontextmanager
async def certified(
    store: Store, around: Callable[[StorageDriver], StorageDriver] | None = None
) -> AsyncIterator[StorageDriver]:
    """Open a driver, and assert afterwards that its store is empty and that nothing was left open.

    Args:
        store: The store to open it on.
        around: Wraps the driver inside of the layers.
    """
    census = Census.take()
    driver = await store.open(around=around)
    try:
        yield driver
        await _delete_scratch(driver)
        leftovers = await _leftovers(driver, store)
    finally:
        await driver.aclose()

    leaks = await census.leaks()
    assert [] == leftovers, "something was left in the store"
    assert [] == leaks, "something was left open after aclose"


async def _delete_scratch(driver: StorageDriver) -> None:
    try:
        await driver.delete(SCRATCH)
    except PathNotFoundError:  # the test made nothing, or deleted it itself
        return


async def _leftovers(driver: StorageDriver, store: Store) -> list[str]:
    """What is left, as seen in every way there is to look."""
    left = [f"listed: {path}" for path in await driver.list("/")]
    left += [f"walked: {file.path}" for file in await collect(driver.walk("/"))]
    if driver.capabilities.list_uploads:
        left += [f"unfinished write: {upload.path}" for upload in await collect(driver.list_uploads("/"))]
    return left + [f"behind the driver: {name}" for name in await store.leftover_names()]


def _suite_names(cls: type) -> dict[str, type]:
    """What the suite's own classes define, and which of them."""
    owners = [base for base in cls.__mro__ if base.__module__.startswith(__package__ + ".")]
    return {name: owner for owner in reversed(owners) for name in vars(owner) if not name.startswith("_")}


def _first_definition(cls: type, name: str) -> type | None:
    return next((base for base in cls.__mro__ if name in vars(base)), None)
