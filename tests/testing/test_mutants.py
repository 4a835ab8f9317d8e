"""A suite is as good as what it refuses: every broken driver fails the very test that is about its fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import Phase, settings

from tests.testing.mutants import CAUGHT_BY, Sound

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest_plugins = ["pytester"]

_MODULE = """
from holdfast.testing import DriverSuite, Store
from tests.testing import mutants
import pytest

def suite_of(mutant):
    @pytest.fixture
    def store(self):
        return Store(make=mutant, content_in_memory=True)
    return type(f"Test{mutant.__name__}", (DriverSuite,), {
        "store": store, "capabilities": mutants.Sound().inner.capabilities, "__module__": __name__,
    })

for mutant in (mutants.Sound, *mutants.CAUGHT_BY):
    globals()[f"Test{mutant.__name__}"] = suite_of(mutant)
"""


@pytest.fixture(autouse=True)
def quick_and_reproducible(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same examples in each run; and that one fails is enough, which is the shortest doesn't matter."""
    monkeypatch.setenv("CI", "true")
    settings.register_profile("mutants", phases=[Phase.explicit, Phase.generate])
    before = settings.default
    settings.load_profile("mutants")
    yield
    settings.register_profile("before", before)
    settings.load_profile("before")


def _failed(pytester: pytest.Pytester, nodes: list[str]) -> tuple[set[str], set[str]]:
    """Run tests by their ids: which ran, and which of them failed, be it in their setup, call or teardown."""
    pytester.makepyfile(test_mutants_inside=_MODULE)
    recorded = pytester.inline_run(
        "-p", "no:cacheprovider", "-q", *[f"test_mutants_inside.py::{node}" for node in nodes]
    )
    reports = recorded.getreports("pytest_runtest_logreport")
    ran = {report.nodeid.partition("::")[2] for report in reports}
    return ran, {report.nodeid.partition("::")[2] for report in reports if report.failed}


def test_each_mutant_fails_the_tests_that_are_about_it(pytester: pytest.Pytester) -> None:
    """Every test that has to notice a fault does."""
    expected = [f"Test{mutant.__name__}::{test}" for mutant, tests in CAUGHT_BY.items() for test in tests]
    _, failed = _failed(pytester, expected)

    assert set(expected) == failed


def test_the_sound_driver_passes_the_same_tests(pytester: pytest.Pytester) -> None:
    """The tests that catch mutants don't fail for another reason."""
    expected = {f"Test{Sound.__name__}::{test}" for tests in CAUGHT_BY.values() for test in tests}
    ran, failed = _failed(pytester, sorted(expected))

    assert expected == ran
    assert set() == failed
