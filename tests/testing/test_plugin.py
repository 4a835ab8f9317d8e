"""The pytest side of the suite: what authors may not do, what is shown, and the command line."""

from __future__ import annotations

import subprocess
import sys

import pytest

from holdfast.storage import Capabilities
from holdfast.storage.drivers.inmemory import InMemoryDriver
from holdfast.testing import DriverSuite, Store, register_suite
from holdfast.testing import suite as themes

pytest_plugins = ["pytester"]

_INMEMORY = Capabilities(
    exclusive_names=True, put_create_only=True, put_match_version=True, write_resume_token=True, list_uploads=True
)

_MODULE = """
import pytest
from holdfast.storage import Capabilities
from holdfast.storage.drivers.inmemory import InMemoryDriver
from holdfast.testing import DriverSuite, Store, register_suite

class TestMyStore(DriverSuite):
    capabilities = Capabilities(
        exclusive_names=True, put_create_only=True, put_match_version=True, write_resume_token=True, list_uploads=True
    )
    {deviations}

    @pytest.fixture
    def store(self):
        return Store(make=InMemoryDriver, content_in_memory=True)

{more}
"""


_NAMELESS = """
class Nameless(InMemoryDriver):
    name = ""

InMemoryDriver = Nameless
"""


def _run(pytester: pytest.Pytester, *arguments: str, deviations: str = "", more: str = "") -> pytest.RunResult:
    pytester.makepyfile(test_mystore=_MODULE.format(deviations=deviations, more=more))
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", *arguments)


# What authors may not do ---------------------------------------------------------------------


def test_test_can_not_be_overridden() -> None:
    """Redefining a test of the suite is an error that names it."""
    with pytest.raises(TypeError, match=r"TestMine\.test_walk_of_an_empty_store_yields_nothing would override Walking"):
        type("TestMine", (DriverSuite,), {"test_walk_of_an_empty_store_yields_nothing": None})


def test_fixture_can_not_be_overridden() -> None:
    """Neither can what looks for leaks and leftovers."""
    with pytest.raises(TypeError, match=r"would override SuiteBase\.driver"):
        type("TestMine", (DriverSuite,), {"driver": lambda self: self})


def test_test_can_not_be_overridden_by_another_base() -> None:
    """Not by a class that comes before the suite, either."""
    silencer = type("Silencer", (), {"test_root_is_a_directory_always": None})
    with pytest.raises(TypeError, match="test_root_is_a_directory_always"):
        type("TestMine", (silencer, DriverSuite), {})


def test_test_can_not_be_overridden_after_the_class_was_made(pytester: pytest.Pytester) -> None:
    """The plugin looks again when it collects."""
    result = _run(pytester, more="TestMyStore.test_name_is_the_stores = lambda self: None")

    assert pytest.ExitCode.USAGE_ERROR == result.ret
    result.stderr.fnmatch_lines(["ERROR: TestMyStore.test_name_is_the_stores would override *"])


def test_own_tests_can_be_added() -> None:
    """A driver's own tests stand beside the suite's."""
    added = type("TestMine", (DriverSuite,), {"test_of_my_own": lambda self: self, "helper": 1})

    assert issubclass(added, DriverSuite)


@pytest.mark.parametrize(
    ("deviations", "message"),
    [
        ({"test_of_nothing": "because"}, "names 'test_of_nothing', which is no test"),
        ({"driver": "because"}, "names 'driver', which is no test"),
        ({"test_root_is_a_directory_always": " "}, "gives no reason for 'test_root_is_a_directory_always'"),
    ],
)
def test_deviation_names_a_test_and_a_reason(deviations: dict[str, str], message: str) -> None:
    """A deviation can't be declared from a test that doesn't exist, nor without saying why."""
    with pytest.raises(TypeError, match=message):
        type("TestMine", (DriverSuite,), {"deviations": deviations})


def test_themes_do_not_hide_each_others_tests() -> None:
    """A test's name is defined by one theme only."""
    classes = [base for base in DriverSuite.__mro__ if base.__module__.startswith(f"{themes.__name__}.")]
    names = [name for theme in classes for name in vars(theme) if name.startswith("test")]

    assert len(set(names)) == len(names)


# What is shown ---------------------------------------------------------------------------------


def test_tests_that_do_not_apply_are_counted_not_skipped(pytester: pytest.Pytester) -> None:
    """Tests of lacking capabilities aren't collected; the summary says how many, of which driver, and why."""
    result = _run(pytester, "-k", "test_name_is_the_stores")

    assert 0 == result.parseoutcomes().get("skipped", 0)
    result.stdout.fnmatch_lines(
        [
            "*holdfast certification suite*",
            "1 suite test of TestMyStore left out: slow, chosen by -m slow",
            "* suite test* of TestMyStore left out: *for drivers without the capability put_create_only",
            "10 suite tests of TestMyStore left out: they need the capability shared",
        ]
    )


def test_slow_test_is_chosen_by_its_mark(pytester: pytest.Pytester) -> None:
    """The large stream runs where it is asked for, in the size that is asked for."""
    result = _run(pytester, "-m", "slow", "--holdfast-large-bytes", "10000001")

    result.assert_outcomes(passed=1, deselected=result.parseoutcomes()["deselected"])


def test_declared_deviation_is_expected_to_fail_and_shown(pytester: pytest.Pytester) -> None:
    """A deviating test counts as an expected failure, and its reason is in the summary."""
    result = _run(
        pytester,
        "-k",
        "test_name_is_the_stores",
        deviations='deviations = {"test_name_is_the_stores": "it has another name"}',
        more=_NAMELESS,
    )

    result.assert_outcomes(xfailed=1, deselected=result.parseoutcomes()["deselected"])
    result.stdout.fnmatch_lines(
        ["1 declared deviation:", "  TestMyStore::test_name_is_the_stores: it has another name"]
    )


def test_deviation_that_is_no_more_is_a_failure(pytester: pytest.Pytester) -> None:
    """A declared deviation that passes has to be taken back."""
    result = _run(
        pytester,
        "-k",
        "test_name_is_the_stores",
        deviations='deviations = {"test_name_is_the_stores": "it was mended"}',
    )

    result.assert_outcomes(failed=1, deselected=result.parseoutcomes()["deselected"])


def test_undeclared_capabilities_are_an_error(pytester: pytest.Pytester) -> None:
    """Tests can't be chosen for a driver that doesn't say what it can do."""
    pytester.makepyfile(
        test_mystore="""
from holdfast.testing import DriverSuite
class TestMyStore(DriverSuite):
    pass
"""
    )
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")

    assert pytest.ExitCode.USAGE_ERROR == result.ret
    result.stderr.fnmatch_lines(["ERROR: TestMyStore must declare its driver's `capabilities`*"])


# Suites without a class -------------------------------------------------------------------------


def test_register_suite_makes_a_suite(pytester: pytest.Pytester) -> None:
    """From a plain and from an async constructor, its capabilities asked of the driver."""
    pytester.makepyfile(
        test_mystore="""
from holdfast.storage.drivers.inmemory import InMemoryDriver
from holdfast.testing import register_suite

async def construct(directory):
    assert [] == list(directory.iterdir())
    return InMemoryDriver()

TestPlain = register_suite("inmemory", lambda directory: InMemoryDriver(), content_in_memory=True)
TestAsync = register_suite("inmemory", construct, content_in_memory=True)
"""
    )
    result = pytester.runpytest_inprocess(
        "-p", "no:cacheprovider", "-k", "test_capabilities_are_as_declared or test_one_of_many_creators_wins"
    )

    result.assert_outcomes(passed=4, deselected=result.parseoutcomes()["deselected"])


def test_register_suite_takes_capabilities_and_deviations() -> None:
    """What is told isn't asked of the driver, and a wrong deviation is an error at once."""
    suite = register_suite("my-store", lambda _: InMemoryDriver(), capabilities=_INMEMORY)

    assert "TestMyStore" == suite.__name__
    assert _INMEMORY == suite.declared_capabilities()
    with pytest.raises(TypeError, match="which is no test"):
        register_suite("mystore", lambda _: InMemoryDriver(), deviations={"test_of_nothing": "because"})


@pytest.mark.anyio
async def test_store_wraps_a_raw_driver_once() -> None:
    """A driver is tested as users meet it, whether its store makes it with or without the layers."""
    raw = await Store(make=InMemoryDriver).open()
    composed = await Store.named("inmemory").open()

    assert repr(raw) == repr(composed)
    assert 1 == repr(raw).count("ChecksLayer")


# The command line -------------------------------------------------------------------------------


def _command_line(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.run(
        sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", ".", "-c", "/dev/null",
        "--pyargs", "holdfast.testing", *arguments,
    )  # fmt: skip


def test_installed_driver_is_certified_from_the_command_line(pytester: pytest.Pytester) -> None:
    """A driver that is named is tested, a new directory filled in for each test; here, one theme of it."""
    result = _command_line(
        pytester, "--holdfast-driver", "filesystem", "--holdfast-param", "rootdirectory={tmp}/root", "-k", "_uploads_"
    )

    outcomes = result.parseoutcomes()
    assert 0 == result.ret
    assert outcomes["passed"] > 3
    assert outcomes.keys() <= {"passed", "deselected"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--holdfast-driver", "filesystm"],
            "ERROR: no storage driver is named 'filesystm'. Did you mean 'filesystem'*",
        ),
        (
            ["--holdfast-driver", "inmemory", "--holdfast-param", "x=1"],
            "ERROR: * 'inmemory': parameter 'x': is unknown*",
        ),
        (["--holdfast-driver", "inmemory", "--holdfast-param", "x"], "ERROR: --holdfast-param is KEY=VALUE, not 'x'"),
        (["--holdfast-param", "x=1"], "ERROR: --holdfast-param needs --holdfast-driver"),
    ],
)
def test_wrong_command_line_is_one_clear_error(pytester: pytest.Pytester, arguments: list[str], message: str) -> None:
    """What is wrong is said in one line, without a traceback."""
    result = _command_line(pytester, *arguments)

    assert pytest.ExitCode.USAGE_ERROR == result.ret
    result.stderr.fnmatch_lines([message])
    result.stderr.no_fnmatch_line("*Traceback*")


def test_without_a_driver_nothing_is_collected_and_it_is_said(pytester: pytest.Pytester) -> None:
    """The package's own module has no tests of its own."""
    result = _command_line(pytester)

    assert pytest.ExitCode.NO_TESTS_COLLECTED == result.ret
    result.stdout.fnmatch_lines(["holdfast.testing has no driver to certify: name one with --holdfast-driver NAME"])


def test_plugin_imports_nothing_but_pytest() -> None:
    """Who has Holdfast installed and doesn't use the suite doesn't pay for it."""
    program = (
        "import sys, pytest, holdfast.testing.plugin;"
        "heavy = {'hypothesis', 'pydantic', 'anyio', 'msgspec'};"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & heavy),"
        "sorted(name for name in sys.modules if name.startswith('holdfast')))"
    )
    output = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout

    assert "[] ['holdfast', 'holdfast.testing', 'holdfast.testing.plugin']" == output.strip()
