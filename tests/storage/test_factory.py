from __future__ import annotations

import subprocess
import sys
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import Field, SecretStr

from holdfast import storage
from holdfast.storage import factory
from holdfast.storage.errors import (
    DriverLoadError,
    DuplicateDriverError,
    InvalidParameterError,
    InvalidStorageDriverError,
    StorageError,
    UnexpectedStorageError,
)
from holdfast.storage.options import DriverOptions
from tests.storage.fakes import ScriptedDriver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.anyio

DRIVER = """
from holdfast.storage.options import DriverOptions
class Driver:
    class Options(DriverOptions): ...
    def __init__(self, options): ...
"""


class SecretiveDriver(ScriptedDriver):
    """A driver with a secret."""

    class Options(DriverOptions):
        """Where, and with what key."""

        bucket: str = Field(description="The bucket.")
        secretkey: SecretStr = Field(description="The key.")

    def __init__(self, options: Options) -> None:
        super().__init__(name="secretive")
        self.options = options


@pytest.fixture
def secretive() -> Iterator[None]:
    """Register the driver with a secret, for one test."""
    storage.register("secretive", SecretiveDriver)
    yield
    factory.unregister("secretive")


class Packages:
    """Installed distributions, made of files."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def install(self, dist: str, entry_point: str, **modules: str) -> None:
        """Install a distribution that offers one driver, with modules as `name=source`."""
        info = self.path / f"{dist.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[holdfast.drivers]\n{entry_point}\n")
        for name, source in modules.items():
            (self.path / f"{name}.py").write_text(source)


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Packages:
    """An importable place for distributions."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return Packages(tmp_path)


def _names() -> list[str]:
    return [source.name for source in factory.sources()]


@pytest.mark.usefixtures("secretive")
async def test_a_registered_driver_is_created_with_its_layers() -> None:
    """`create` checks the parameters, makes the driver and puts the layers around it."""
    async with aclosing(storage.create("secretive", {"bucket": "b", "secretkey": "k"})) as driver:
        await driver.put_content("/a", b"content")

        assert "secretive" == driver.name
        assert b"content" == await driver.get_content("/a")
        assert repr(driver).startswith("ChecksLayer(")


async def test_a_package_offers_a_driver(packages: Packages) -> None:
    """An entry point is all it takes; it is listed with its owner and loaded when asked for."""
    packages.install("holdfast-offered", "offered = offered_store:Driver", offered_store=DRIVER)
    listed = [source for source in factory.sources() if source.name == "offered"]
    loaded_by_listing = "offered_store" in sys.modules
    offered = factory.load("offered")

    assert [factory.DriverSource(name="offered", owner="holdfast-offered 1.0", target="offered_store:Driver")] == listed
    assert not loaded_by_listing
    assert "offered_store" == offered.__module__


def test_two_packages_that_claim_one_name_are_an_error(packages: Packages) -> None:
    """Neither wins silently: the error names both, and listing shows both."""
    packages.install("holdfast-one", "twice = store_one:Driver", store_one=DRIVER)
    packages.install("holdfast-two", "twice = store_two:Driver", store_two=DRIVER)
    with pytest.raises(DuplicateDriverError) as caught:
        storage.create("twice")

    assert {"holdfast-one 1.0", "holdfast-two 1.0"} == set(caught.value.owners)
    assert "holdfast-one 1.0" in str(caught.value)
    assert "holdfast-two 1.0" in str(caught.value)
    assert 2 == _names().count("twice")


def test_a_registration_takes_no_name_from_a_package(packages: Packages) -> None:
    """Registering a name that a package offers is an error at once."""
    packages.install("holdfast-taken", "taken = store_taken:Driver", store_taken=DRIVER)
    with pytest.raises(DuplicateDriverError, match=r"holdfast-taken 1\.0 and tests\.storage\.fakes:ScriptedDriver"):
        storage.register("taken", ScriptedDriver)


def test_a_package_takes_no_name_from_a_registration(packages: Packages) -> None:
    """A package installed under a registered name is an error when the name is asked for."""
    storage.register("late", ScriptedDriver)
    packages.install("holdfast-late", "late = store_late:Driver", store_late=DRIVER)
    try:
        with pytest.raises(DuplicateDriverError, match="registered in this process"):
            factory.load("late")
    finally:
        factory.unregister("late")


@pytest.mark.usefixtures("secretive")
def test_a_name_is_registered_once() -> None:
    """The same again is an error too, and taking it back makes room."""
    with pytest.raises(DuplicateDriverError, match="registered in this process"):
        storage.register("secretive", SecretiveDriver)
    factory.unregister("secretive")
    storage.register("secretive", SecretiveDriver)

    assert 1 == _names().count("secretive")


@pytest.mark.parametrize("name", ["", "S3", "my store", "a/b", "ä"])
def test_a_name_is_a_word(name: str) -> None:
    """Names go into configuration keys and environment variables."""
    with pytest.raises(ValueError, match="a-z"):
        storage.register(name, ScriptedDriver)


def test_what_is_registered_is_a_factory() -> None:
    """Something without options is refused at once, not when it is asked for."""

    class Bare(ScriptedDriver):
        Options = dict  # type: ignore[assignment]

    with pytest.raises(TypeError, match=r"Bare is no storage driver factory"):
        storage.register("bare", Bare)


def test_taking_back_what_is_not_there_is_an_error() -> None:
    """It isn't taken for done."""
    with pytest.raises(KeyError):
        factory.unregister("never")


def test_an_unknown_name_lists_the_known_and_suggests_the_nearest() -> None:
    """The error says what could have been meant."""
    with pytest.raises(InvalidStorageDriverError) as caught:
        storage.create("filesytem", {"rootdirectory": "/x"})

    assert "filesytem" == caught.value.name
    assert tuple(sorted(set(_names()))) == caught.value.known
    assert "'filesytem'. Did you mean 'filesystem'?" in str(caught.value)
    assert ", ".join(caught.value.known) in str(caught.value)


def test_an_unknown_name_far_from_all_suggests_nothing() -> None:
    """No guess is better than a wild one."""
    with pytest.raises(InvalidStorageDriverError) as caught:
        storage.create("qqqqqqqq")

    assert "Did you mean" not in str(caught.value)


def test_a_driver_whose_library_is_missing_names_the_extra(packages: Packages) -> None:
    """The remedy can be pasted into a shell."""
    packages.install("holdfast-cloud", "cloud = store_cloud:Driver [s3]", store_cloud="import no_such_sdk")
    with pytest.raises(DriverLoadError) as caught:
        storage.create("cloud")

    assert "storage driver 'cloud' can't be loaded: No module named 'no_such_sdk'" in str(caught.value)
    assert "install it with: pip install 'holdfast-cloud[s3]'" in str(caught.value)
    assert isinstance(caught.value.__cause__, ImportError)


def test_a_driver_without_an_extra_names_none(packages: Packages) -> None:
    """A broken package is said to be broken, with no remedy made up."""
    packages.install("holdfast-broken", "broken = store_broken:Driver", store_broken="import no_such_sdk")
    with pytest.raises(DriverLoadError) as caught:
        storage.create("broken")

    assert "pip install" not in str(caught.value)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("Missing", "has no attribute 'Missing'"),
        ("VALUE", "is no storage driver factory"),
        ("bare", "is no storage driver factory"),
    ],
)
def test_an_entry_point_at_something_else_is_an_error(packages: Packages, target: str, reason: str) -> None:
    """What it points at is there, can be called and has options."""
    name = f"odd-{target.lower()}"
    module = f"store_odd_{target.lower()}"
    packages.install(
        f"holdfast-{name}", f"{name} = {module}:{target}", **{module: "VALUE = 1\ndef bare(options): ...\n"}
    )
    with pytest.raises(DriverLoadError, match=reason):
        storage.create(name)


@pytest.mark.usefixtures("secretive")
@pytest.mark.parametrize(
    ("parameters", "key"),
    [
        ({"secretkey": "hunter2"}, "bucket"),
        ({"bucket": "b", "secretkey": "hunter2", "secretkeys": "hunter2"}, "secretkeys"),
        ({"bucket": "b", "secretkey": ["hunter2"]}, "secretkey"),
        ({"bucket": {"hunter2": 1}, "secretkey": "hunter2"}, "bucket"),
        (None, "bucket"),
    ],
)
def test_a_wrong_parameter_names_driver_and_key_and_no_value(parameters: dict[str, Any] | None, key: str) -> None:
    """Unknown, missing or ill-typed: one error, whose text, repr and causes keep the value to themselves."""
    with pytest.raises(InvalidParameterError) as caught:
        storage.create("secretive", parameters)

    assert ("secretive", key) == (caught.value.driver, caught.value.key)
    assert "hunter2" not in f"{caught.value} {caught.value!r}"
    assert None is caught.value.__cause__


@pytest.mark.usefixtures("secretive")
async def test_secrets_show_in_no_repr_and_no_error(caplog: pytest.LogCaptureFixture) -> None:
    """Neither the composed stack, nor the driver in it, nor an error of an operation, nor a log line tells one."""
    driver = storage.create("secretive", {"bucket": "b", "secretkey": "hunter2"})
    inner: Any = driver
    reprs = [repr(driver)]
    while hasattr(inner, "inner"):
        inner = inner.inner
        reprs.append(repr(inner))
    inner.script.fail["stat"] = RuntimeError(f"options were {inner.options}")
    with pytest.raises(UnexpectedStorageError) as caught:
        await driver.stat("/")
    with pytest.raises(StorageError) as invalid:
        await driver.stat("")

    assert "hunter2" not in f"{reprs} {caught.value!r} {caught.value} {invalid.value} {inner.options!r} {caplog.text}"


# What importing costs --------------------------------------------------------------------------

# pydantic looks for plugins of its own when a model is declared; that alone is let through.
IMPORTED = """
import importlib.metadata, sys
read = importlib.metadata.entry_points
def refuse(**params):
    if params.get("group") == "pydantic":
        return read(**params)
    raise SystemExit(f"entry points were read: {params}")
importlib.metadata.entry_points = refuse
import holdfast.storage
own = ("holdfast.storage.drivers", "holdfast.storage.layers", "holdfast.registry")
print(*[name for name in sys.modules if name.startswith((*own, "prometheus_client", "opentelemetry"))])
"""

CREATED = """
import sys
from holdfast import storage
storage.create("inmemory")
foreign = ("holdfast.storage.drivers.", "holdfast.registry", "boto", "aiobotocore", "azure", "google.auth", "obstore")
print(*sorted(name for name in sys.modules if name.startswith(foreign) and "inmemory" not in name))
"""


def _run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)

    assert "" == done.stderr
    assert 0 == done.returncode
    return done.stdout.strip()


def test_importing_storage_reads_no_entry_points_and_loads_no_driver() -> None:
    """Nor the layers with their metrics and tracing: they come with the first driver."""
    assert "" == _run(IMPORTED)


def test_asking_for_one_driver_loads_no_other() -> None:
    """No other driver, no library of one, and nothing of the registry."""
    assert "" == _run(CREATED)
