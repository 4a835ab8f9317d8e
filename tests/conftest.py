import os
from collections.abc import Generator

import pytest

pytest_plugins = ("tests.services.stores.plugin", "tests.storage_kinds")

_skips = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """Every async test runs on the loop that the server runs on."""
    return "asyncio", {"use_uvloop": True}


# A test that is skipped proves nothing, and nobody reads a count of them in a log: a person gets a closing line,
# and continuous integration, where everything can be installed, gets a failure.


def pytest_configure(config: pytest.Config) -> None:
    """Starts the list of what was skipped."""
    config.stash[_skips] = []


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Notes modules that skip themselves whole."""
    report = yield
    if report.skipped:
        collector.config.stash[_skips].append(f"{report.nodeid}: {_reason(report)}")
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Notes tests that are skipped; an expected failure is not one."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        item.config.stash[_skips].append(f"{report.nodeid}: {_reason(report)}")
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fails the session where a skip is not allowed."""
    if session.config.stash[_skips] and _forbidden() and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Closes with what was not tested."""
    skipped = config.stash[_skips]
    if not skipped:
        return
    if _forbidden():
        terminalreporter.section("skipped, which CI=true forbids", red=True, bold=True)
        for line in skipped:
            terminalreporter.line(line)
    else:
        terminalreporter.line(
            f"{len(skipped)} tests were skipped, the reasons are above; with CI=true that is a failure"
        )


def _forbidden() -> bool:
    return os.environ.get("CI") == "true"


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    return report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
