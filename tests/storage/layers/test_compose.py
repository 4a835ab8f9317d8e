from __future__ import annotations

import pytest
from pydantic import Field, SecretStr

from holdfast.storage.layers import compose
from holdfast.storage.options import DriverOptions
from tests.storage.fakes import ScriptedDriver


class _Limited(DriverOptions):
    maxthreads: int | None = Field(default=100)
    secretkey: SecretStr = SecretStr("hunter2")


@pytest.mark.parametrize("options", [None, DriverOptions(), _Limited(maxthreads=None), _Limited(maxthreads=0)])
def test_the_layers_are_around_every_driver(options: DriverOptions | None) -> None:
    """Checks outermost, and no limits where none are declared."""
    driver = compose(ScriptedDriver(), options)

    assert "ChecksLayer(ErrorContextLayer(TelemetryLayer(ScriptedDriver)))" == repr(driver)


def test_maxthreads_limits() -> None:
    """A driver that declares the option gets the layer, next to itself; no option's value shows in the repr."""
    driver = compose(ScriptedDriver(), _Limited())

    assert "ChecksLayer(ErrorContextLayer(TelemetryLayer(LimitsLayer(ScriptedDriver))))" == repr(driver)


def test_composing_twice_is_composing_once() -> None:
    """What has the layers around it is returned as it is."""
    driver = compose(ScriptedDriver())

    assert driver is compose(driver, _Limited())
