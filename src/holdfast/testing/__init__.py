"""The certification suite: what makes a class a storage driver.

A driver is certified by a test file like this one:

    import pytest

    from holdfast.storage import Capabilities
    from holdfast.testing import DriverSuite, Store

    class TestMyStore(DriverSuite):
        capabilities = Capabilities(put_create_only=True)

        @pytest.fixture
        def store(self, tmp_path):
            return Store(make=lambda: MyStore(MyStore.Options(folder=str(tmp_path))))

A middleware's test inherits `MiddlewareSuite` instead, and says how it is put around a driver. A driver's suite may
be made without a class as well, by `register_suite`, or without a file:
`pytest --pyargs holdfast.testing --holdfast-driver mystore --holdfast-param folder={tmp}`.

Tests are chosen by the declared capabilities. They can't be overridden; a deviation is declared, with its
reason, in `deviations`. `holdfast.testing.drivers` has the failing, slow and counting drivers, and
`holdfast.testing.stateful` the model that drivers are compared with.

Everything is imported when it is first used: pytest loads this package in every run where it is installed.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holdfast.testing.drivers import (
        CountingDriver,
        Fault,
        FaultPlan,
        FaultyDriver,
        InterceptingDriver,
        RandomFaults,
        SlowDriver,
    )
    from holdfast.testing.registration import register_suite
    from holdfast.testing.store import Store
    from holdfast.testing.suite import DriverSuite, MiddlewareSuite

__all__ = [
    "CountingDriver",
    "DriverSuite",
    "Fault",
    "FaultPlan",
    "FaultyDriver",
    "InterceptingDriver",
    "MiddlewareSuite",
    "RandomFaults",
    "SlowDriver",
    "Store",
    "register_suite",
]

_HOMES = {
    "DriverSuite": "suite",
    "MiddlewareSuite": "suite",
    "Store": "store",
    "register_suite": "registration",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'drivers')}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
