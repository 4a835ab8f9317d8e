"""What a middleware owes the driver that it stands around, and whoever asks it what it can do."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import pytest

from holdfast.storage.drivers.inmemory import InMemoryDriver
from holdfast.storage.layers.forwarding import ForwardingDriver
from holdfast.testing.store import Store
from holdfast.testing.suite.base import SuiteBase

if TYPE_CHECKING:
    from collections.abc import Callable

    from holdfast.storage.driver import Capabilities, StorageDriver

__all__ = ["Wrapping"]


class Wrapping(SuiteBase):
    """A middleware around the in-memory driver. Its author defines the fixture `wrap`."""

    @pytest.fixture
    def store(self, wrap: Callable[[StorageDriver], StorageDriver]) -> Store:
        """Memory, with the middleware around it."""
        return Store(make=lambda: wrap(InMemoryDriver()), content_in_memory=True)

    async def test_name_is_the_inner_drivers(self, wrap: Callable[[StorageDriver], StorageDriver]) -> None:
        """Metrics, errors and hints are about the driver, whatever stands around it."""
        wrapped = wrap(_Claiming("mystore"))

        assert "mystore" == wrapped.name
        await wrapped.aclose()

    async def test_closing_closes_the_inner_driver(self, wrap: Callable[[StorageDriver], StorageDriver]) -> None:
        """The inner driver's threads and connections are freed; closing again does no harm."""
        inner = _Claiming()
        wrapped = wrap(inner)
        await wrapped.aclose()
        closed = inner.closed
        await wrapped.aclose()

        assert 1 <= closed

    async def test_capabilities_are_the_inner_drivers_or_fixed(
        self, wrap: Callable[[StorageDriver], StorageDriver]
    ) -> None:
        """Each is handed on, or is what the middleware makes it; none is turned round."""
        names = [field.name for field in fields(type(InMemoryDriver().capabilities)) if field.type in {"bool", bool}]
        told = {}
        for value in (False, True):
            inner = _Claiming()
            claimed: dict[str, Any] = dict.fromkeys(names, value)
            inner.claims = replace(inner.claims, **claimed)
            wrapped = wrap(inner)
            told[value] = wrapped.capabilities
            await wrapped.aclose()
        turned = [name for name in names if getattr(told[False], name) and not getattr(told[True], name)]

        assert [] == turned
        assert not told[False].shared, "no middleware makes another process see what only this one has"


class _Claiming(ForwardingDriver):
    """Memory that claims what it is told to, and notes when it is closed."""

    def __init__(self, name: str = "inmemory") -> None:
        super().__init__(InMemoryDriver())
        self._name = name
        self.claims = self.inner.capabilities
        self.closed = 0

    @property
    def name(self) -> str:
        return self._name

    @property
    def capabilities(self) -> Capabilities:
        return self.claims

    async def aclose(self) -> None:
        self.closed += 1
        await self.inner.aclose()
