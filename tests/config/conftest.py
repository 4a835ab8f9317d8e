from collections.abc import Iterator
from typing import Any, NoReturn

import pytest
from pydantic import Field, SecretStr

from holdfast.storage import DriverOptions, factory


class _BoxOptions(DriverOptions):
    rootdirectory: str = Field(description="Where.")
    maxthreads: int = Field(default=100, ge=25, description="How many.")
    accesskey: SecretStr | None = Field(default=None, description="Secret.")


class _Box:
    """A driver that is only ever configured."""

    Options = _BoxOptions

    def __call__(self, options: Any, /) -> NoReturn:
        del options
        raise AssertionError("loading a configuration makes no driver")


@pytest.fixture(autouse=True)
def box() -> Iterator[None]:
    """Every test here can name the driver `box`, and one with an underscore."""
    factory.register("box", _Box())
    factory.register("bare", _Bare())
    yield
    factory.unregister("bare")
    factory.unregister("box")


class _Bare(_Box):
    Options = DriverOptions  # type: ignore[assignment] # it takes nothing
