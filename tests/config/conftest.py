from collections.abc import Iterator
from typing import Any, NoReturn

import pytest
from pydantic import Field, SecretStr

from holdfast.config.middleware import OFFERS
from holdfast.storage import DriverOptions, factory, middleware


class _BoxOptions(DriverOptions):
    rootdirectory: str = Field(description="Where.")
    maxthreads: int = Field(default=100, ge=25, description="How many.")
    accesskey: SecretStr | None = Field(default=None, description="Secret.")


class _VaultOptions(DriverOptions):
    phrase: SecretStr = Field(description="Secret, and its name doesn't sound like it.")


class _Box:
    """A driver that is only ever configured."""

    Options = _BoxOptions

    def __call__(self, options: Any, /) -> NoReturn:
        del options
        raise AssertionError("loading a configuration makes no driver")


@pytest.fixture(autouse=True)
def box(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test here can name the driver `box`, one that takes nothing, the middleware `vault`, and upstream's."""
    for kind, name in {"registry": "ARegistryMiddleware", "repository": "ARepositoryMiddleware"}.items():
        monkeypatch.setitem(OFFERS[kind]._registered, name, _Upstreams())
    factory.register("box", _Box())
    factory.register("bare", _Bare())
    middleware.register("vault", _Vault())
    yield
    middleware.unregister("vault")
    factory.unregister("bare")
    factory.unregister("box")


class _Bare(_Box):
    Options = DriverOptions  # type: ignore[assignment] # it takes nothing


class _Vault:
    """A middleware that is only ever configured."""

    Options = _VaultOptions

    def __call__(self, inner: Any, options: Any, /) -> NoReturn:
        del inner, options
        raise AssertionError("loading a configuration makes no middleware")


class _UpstreamsOptions(DriverOptions):
    foo: str = Field(description="A placeholder of Distribution's example.")


class _Upstreams(_Vault):
    Options = _UpstreamsOptions  # type: ignore[assignment] # others
