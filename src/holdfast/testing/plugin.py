"""The pytest side of the suite: options, the choice of tests by capability, and the summary.

pytest loads this module in every run where Holdfast is installed, so it imports pytest and the standard
library alone; what it needs of the suite it takes from the classes that were collected.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__: list[str] = []

# The suite's asserts show their values as those of test modules do. Submodules only: this package itself is
# imported already.
pytest.register_assert_rewrite("holdfast.testing.suite", "holdfast.testing.stateful")

_CHOSEN = Path(__file__).with_name("test_driver.py")
_LARGE_BYTES = 5 * 1024**3
_EXAMPLES = 20

_left_out = pytest.StashKey[Counter[tuple[str, str]]]()
_deviations = pytest.StashKey[dict[str, str]]()
_nothing_chosen = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the suite's options."""
    group = parser.getgroup("holdfast", "certification of storage drivers (holdfast.testing)")
    group.addoption(
        "--holdfast-driver",
        metavar="NAME",
        help="the driver that `pytest --pyargs holdfast.testing` certifies, by its registered name",
    )
    group.addoption(
        "--holdfast-param",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="a parameter of that driver, may be repeated; {tmp} in a value is a new temporary directory per test",
    )
    group.addoption(
        "--holdfast-examples",
        metavar="N",
        type=int,
        default=_EXAMPLES,
        help="examples per property and per model comparison (default: %(default)s)",
    )
    group.addoption(
        "--holdfast-large-bytes",
        metavar="BYTES",
        type=int,
        default=_LARGE_BYTES,
        help="size of the large stream, which -m slow selects (default: %(default)s)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the suite's markers, and refuse a driver or parameter that can't be.

    Raises:
        pytest.UsageError: Says what is wrong with them.
    """
    config.stash[_left_out] = Counter()
    config.stash[_deviations] = {}
    for line in (
        "holdfast_requires(*capabilities): chosen where the driver has all of these capabilities",
        "holdfast_requires_lack(*capabilities): chosen where the driver has none of these capabilities",
        "timeout(seconds): what pytest-timeout, where it is installed, allows the large stream",
        "slow: takes minutes; of the suite's tests, only chosen by a -m expression that names it",
    ):
        config.addinivalue_line("markers", line)
    if config.getoption("--holdfast-driver"):
        _chosen_suite(config)
    elif config.getoption("--holdfast-param"):
        raise pytest.UsageError("--holdfast-param needs --holdfast-driver")


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Give the package's own test module the suite of the driver that the command line names."""
    if module_path.resolve() != _CHOSEN.resolve():
        return None
    config = parent.config
    module = pytest.Module.from_parent(parent, path=module_path)
    if config.getoption("--holdfast-driver"):
        module.obj.TestDriver = _chosen_suite(config)
    else:
        config.stash[_nothing_chosen] = True
    return module


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that don't apply to the driver, and mark declared deviations.

    Raises:
        pytest.UsageError: A suite is overridden or declares no capabilities.
    """
    chosen, left_out = [], []
    for item in items:
        suite: Any = getattr(item, "cls", None)
        if not hasattr(suite, "check_suite"):
            chosen.append(item)
            continue
        _mark_deviation(config, item, suite)
        reason = _why_left_out(config, item, suite)
        if reason is None:
            chosen.append(item)
        else:
            left_out.append(item)
            config.stash[_left_out][suite.__name__, reason] += 1
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = chosen


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say which tests didn't apply, and which deviations are declared."""
    lines = _summary(config)
    if lines:
        terminalreporter.section("holdfast certification suite")
        for line in lines:
            terminalreporter.line(line)


def _summary(config: pytest.Config) -> Iterable[str]:
    lines = [
        f"{count} suite test{'s' if count > 1 else ''} of {suite} left out: {reason}"
        for (suite, reason), count in sorted(config.stash[_left_out].items())
    ]
    deviations = config.stash[_deviations]
    if deviations:
        lines.append(f"{len(deviations)} declared deviation{'s' if len(deviations) > 1 else ''}:")
        lines += [f"  {test}: {reason}" for test, reason in sorted(deviations.items())]
    if config.stash.get(_nothing_chosen, default=False):
        lines.append("holdfast.testing has no driver to certify: name one with --holdfast-driver NAME")
    return lines


def _why_left_out(config: pytest.Config, item: pytest.Item, suite: Any) -> str | None:
    try:
        suite.check_suite()
        capabilities = suite.declared_capabilities()
    except TypeError as error:
        raise pytest.UsageError(str(error)) from error
    missing = [
        name for mark in item.iter_markers("holdfast_requires") for name in mark.args if not getattr(capabilities, name)
    ]
    if missing:
        return f"they need the capability {', '.join(missing)}"
    present = [
        name
        for mark in item.iter_markers("holdfast_requires_lack")
        for name in mark.args
        if getattr(capabilities, name)
    ]
    if present:
        return f"they are for drivers without the capability {', '.join(present)}"
    if item.get_closest_marker("slow") and "slow" not in (config.getoption("-m") or ""):
        return "slow, chosen by -m slow"
    return None


def _mark_deviation(config: pytest.Config, item: pytest.Item, suite: Any) -> None:
    reason = suite.deviations.get(item.name) or suite.deviations.get(getattr(item, "originalname", item.name))
    if reason is not None:
        item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
        config.stash[_deviations][f"{suite.__name__}::{item.name}"] = reason


def _chosen_suite(config: pytest.Config) -> type:
    """The suite of the driver that the command line names."""
    from holdfast.storage.errors import ConfigurationError  # noqa: PLC0415 - only where a driver is named
    from holdfast.testing.registration import named_suite  # noqa: PLC0415 - as above

    parameters = {}
    for given in config.getoption("--holdfast-param"):
        key, equals, value = given.partition("=")
        if not equals or not key:
            raise pytest.UsageError(f"--holdfast-param is KEY=VALUE, not {given!r}")
        parameters[key] = value
    try:
        return named_suite(config.getoption("--holdfast-driver"), parameters)
    except ConfigurationError as error:
        raise pytest.UsageError(str(error)) from error
