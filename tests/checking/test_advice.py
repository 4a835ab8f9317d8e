"""An option that says what the store can do: which of its values fits is tried out."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from pydantic import Field

from holdfast.checking import Report, Subject, check_storage, hints
from holdfast.storage import Capabilities, DriverOptions, factory
from holdfast.storage.driver import Buffer, Precondition, StorageDriver
from holdfast.storage.drivers.inmemory import InMemoryDriver
from holdfast.storage.errors import ConfigurationError, PreconditionFailedError
from holdfast.storage.layers.forwarding import ForwardingDriver
from tests.checking.boxes import QUICK, Kept, names

pytestmark = pytest.mark.anyio

_DIALECTS = ("plain", "careful", "quoted", "bare", "odd")


class _Options(DriverOptions):
    dialect: str = Field(default="plain", description="How the store speaks.")


class _Dialect(ForwardingDriver):
    """A driver whose option says which conditions the store knows; the store knows them in one dialect alone."""

    def __init__(self, inner: StorageDriver, dialect: str, spoken: set[str]) -> None:
        super().__init__(inner)
        self._dialect = dialect
        self._spoken = spoken

    @property
    def capabilities(self) -> Capabilities:
        """`plain` relies on nothing, `careful` on little."""
        return replace(
            self.inner.capabilities,
            put_create_only=self._dialect != "plain",
            put_match_version=self._dialect not in {"plain", "careful"},
        )

    async def put_content(self, path: str, content: Buffer, *, precondition: Precondition | None = None) -> str | None:
        """Write; a condition in another dialect is one that never holds."""
        if precondition is not None and self._dialect not in self._spoken:
            raise PreconditionFailedError(path=path)
        return await self.inner.put_content(path, content, precondition=precondition)


class _Store:
    Options = _Options

    def __init__(self, *spoken: str) -> None:
        self.memory = InMemoryDriver()
        self._spoken = set(spoken)

    def __call__(self, options: Any, /) -> StorageDriver:
        if options.dialect == "odd":
            raise ConfigurationError("odd doesn't go together with anything")
        return _Dialect(Kept(self.memory), options.dialect, self._spoken)


@contextmanager
def _registered(store: _Store, dialect: str) -> Iterator[Subject]:
    factory.register("store", store)
    try:
        yield Subject.named("store", {"dialect": dialect})
    finally:
        factory.unregister("store")


async def _check(store: _Store, dialect: str, monkeypatch: pytest.MonkeyPatch) -> Report:
    known = {InMemoryDriver().name: {"alternatives": {"dialect": _DIALECTS}}}
    monkeypatch.setattr(hints, "_all", lambda: known)
    with _registered(store, dialect) as subject:
        return await check_storage(subject, QUICK)


async def test_what_fits_needs_no_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all passes, nothing else is tried."""
    report = await _check(_Store("bare"), "bare", monkeypatch)

    assert report.ready
    assert () == report.advice


async def test_a_lack_that_the_store_does_not_have(monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver that relies on little is told under which value the store can do more."""
    store = _Store("bare", "careful")
    report = await _check(store, "plain", monkeypatch)

    assert {"create only", "match version"} <= names(report, "missing")
    assert ("with `dialect: bare` the store passes create only, match version",) == report.advice
    assert [] == [file async for file in store.memory.walk("/")]


async def test_a_claim_that_the_store_does_not_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a claim fails, the values are told under which nothing fails, the most able first."""
    report = await _check(_Store("bare"), "quoted", monkeypatch)

    assert {"create only", "match version"} == names(report, "failed")
    assert ("with `dialect: bare` the store passes create only, match version",) == report.advice


async def test_a_store_that_can_do_less_than_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the store knows less than any claims, the advice is to rely on less."""
    report = await _check(_Store("careful"), "quoted", monkeypatch)

    (advice,) = report.advice
    assert (
        "with `dialect: careful` the store passes create only, and the registry doesn't rely on match version" == advice
    )


async def test_a_store_that_can_do_nothing_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it knows no condition at all, the advice is to rely on none."""
    report = await _check(_Store(), "quoted", monkeypatch)

    assert ("with `dialect: plain` the registry doesn't rely on create only, match version",) == report.advice


async def test_several_that_fit_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """All values that fit best are told."""
    report = await _check(_Store("bare", "quoted"), "plain", monkeypatch)

    assert ("with `dialect: quoted` or `bare` the store passes create only, match version",) == report.advice
