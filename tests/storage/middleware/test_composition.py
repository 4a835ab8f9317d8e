from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field, SecretStr

from holdfast import storage
from holdfast.storage import factory, middleware
from holdfast.storage.driver import StorageDriver
from holdfast.storage.errors import (
    ConfigurationError,
    DriverLoadError,
    DuplicateDriverError,
    InvalidMiddlewareError,
    InvalidParameterError,
)
from holdfast.storage.layers.forwarding import ForwardingDriver
from holdfast.storage.options import DriverOptions
from tests.storage.fakes import ScriptedDriver

pytestmark = pytest.mark.anyio


class Suffixing(ForwardingDriver):
    """Puts a mark behind all content that is read."""

    class Options(DriverOptions):
        """The mark."""

        mark: str = Field(description="The mark.")
        token: SecretStr | None = Field(default=None, description="A secret.")

    def __init__(self, inner: StorageDriver, options: Options) -> None:
        super().__init__(inner)
        self._mark = options.mark.encode()

    async def get_content(self, path: str) -> bytes:
        """Read, and put the mark behind."""
        return await self.inner.get_content(path) + self._mark


@pytest.fixture(autouse=True)
def _suffixing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware.OFFERS, "_registered", {})
    middleware.register("suffix", Suffixing)


def _package(path: Path, entry_point: str, source: str) -> None:
    info = path / "holdfast_offering-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: holdfast-offering\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[holdfast.storage_middleware]\n{entry_point}\n")
    (path / "offered_middleware.py").write_text(source)


async def test_the_first_is_the_innermost() -> None:
    """They stand around the driver in the order in which they are given, the layers outside of them all."""
    around: list[tuple[str, dict[str, Any]]] = [("suffix", {"mark": "1"}), ("suffix", {"mark": "2"})]
    async with aclosing(storage.create("inmemory", middleware=around)) as driver:
        await driver.put_content("/a", b"x")

        assert b"x12" == await driver.get_content("/a")
        assert "ChecksLayer(ErrorContextLayer(TelemetryLayer(Suffixing(Suffixing(InMemoryDriver)))))" == repr(driver)


async def test_errors_within_tell_where_they_happened() -> None:
    """A middleware is inside of the layers: what it raises has driver, operation and path."""
    async with aclosing(storage.create("inmemory", middleware=[("suffix", {"mark": "1"})])) as driver:
        with pytest.raises(storage.PathNotFoundError) as caught:
            await driver.get_content("/missing")

    assert ("inmemory", "get_content", "/missing") == (caught.value.driver, caught.value.op, caught.value.path)


async def test_closing_reaches_the_driver() -> None:
    """`aclose` of what `create` returns goes through all that stands around."""
    made: list[ScriptedDriver] = []

    class Kept(ScriptedDriver):
        class Options(DriverOptions): ...

        def __init__(self, options: Options) -> None:
            del options
            super().__init__(name="kept")
            made.append(self)

    factory.register("kept", Kept)
    try:
        driver = storage.create("kept", middleware=[("suffix", {"mark": "1"}), ("suffix", {"mark": "2"})])
        await driver.aclose()
    finally:
        factory.unregister("kept")

    assert ["aclose"] == made[0].script.calls


def test_an_unknown_name_lists_the_known_and_suggests_the_nearest() -> None:
    """The error is one line that says what could have been meant, and how others come to be known."""
    with pytest.raises(InvalidMiddlewareError) as caught:
        storage.create("inmemory", middleware=[("redirekt", {})])

    assert ("storage middleware", "redirekt") == (caught.value.kind, caught.value.name)
    assert "no storage middleware is named 'redirekt'. Did you mean 'redirect'?" in str(caught.value)
    assert {"alicdn", "cloudfront", "redirect", "rewrite", "suffix"} <= set(caught.value.known)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "key"), [({}, "mark"), ({"mark": "1", "marks": "hush"}, "marks"), ({"mark": "1", "token": []}, "token")]
)
def test_a_wrong_option_names_middleware_and_key_and_no_value(options: dict[str, Any], key: str) -> None:
    """As for a driver; and no driver has been made by then."""
    with pytest.raises(InvalidParameterError) as caught:
        storage.create("inmemory", middleware=[("suffix", options)])

    assert key == caught.value.key
    assert str(caught.value).startswith(f"storage middleware 'suffix': parameter {key!r}: ")
    assert "hush" not in str(caught.value)


def test_a_name_is_registered_once() -> None:
    """Neither a registration nor a package takes a name that is taken, and the error says of what it is one."""
    with pytest.raises(DuplicateDriverError, match="the storage middleware name 'suffix'"):
        middleware.register("suffix", Suffixing)
    with pytest.raises(DuplicateDriverError, match="the storage middleware name 'redirect'"):
        middleware.register("redirect", Suffixing)
    middleware.unregister("suffix")

    assert "suffix" not in {source.name for source in middleware.sources()}


def test_drivers_and_middleware_have_names_of_their_own() -> None:
    """A driver's name is no middleware's."""
    with pytest.raises(InvalidMiddlewareError):
        middleware.load("inmemory")


def test_what_has_no_options_is_refused() -> None:
    """It is told at once, not when a configuration names it."""
    with pytest.raises(TypeError, match="is no storage middleware factory"):
        middleware.register("bare", ForwardingDriver)


def test_one_whose_library_is_missing_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package offers it by an entry point alone; the remedy can be pasted into a shell."""
    monkeypatch.syspath_prepend(str(tmp_path))
    _package(tmp_path, "far = offered_middleware:Far [cloud]", "import no_such_sdk")
    with pytest.raises(DriverLoadError) as caught:
        storage.create("inmemory", middleware=[("far", {})])

    assert "storage middleware 'far' can't be loaded: No module named 'no_such_sdk'" in str(caught.value)
    assert "install it with: pip install 'holdfast-offering[cloud]'" in str(caught.value)


def test_our_own_are_offered_by_the_package() -> None:
    """They are found the way everybody's are."""
    ours = {source.name for source in middleware.sources() if source.target.startswith("holdfast.storage.middleware.")}

    assert {"alicdn", "cloudfront", "redirect", "rewrite"} <= ours


@pytest.mark.parametrize("name", ["alicdn", "cloudfront", "redirect"])
def test_a_base_url_is_one_that_a_path_can_follow(name: str) -> None:
    """What is no URL, or has something behind its path, is refused by key."""
    options = middleware.load(name).Options
    for url in ("", "https://", "ftp://a.example/", "https://a.example/?b", "https://a.example/#b", "https://a b/"):
        with pytest.raises((InvalidParameterError, ConfigurationError)) as caught:
            storage.create("inmemory", middleware=[(name, {"baseurl": url})])
        assert "baseurl" in str(caught.value), url
    assert options.model_fields["baseurl"].is_required()
