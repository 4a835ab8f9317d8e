from dataclasses import fields

import pytest

from holdfast.checking import CHECKS, READ_ONLY_CHECKS, Check
from holdfast.checking.hints import hints_for
from holdfast.storage import Capabilities

_TABLES = pytest.mark.parametrize("table", [CHECKS, READ_ONLY_CHECKS], ids=["writing", "reading"])


@_TABLES
def test_what_a_check_needs_comes_before_it(table: tuple[Check, ...]) -> None:
    """Names are unique, and what one needs was made before."""
    seen: set[str] = set()
    for check in table:
        assert check.name not in seen
        assert set() == set(check.needs) - seen
        seen.add(check.name)


@_TABLES
def test_capabilities_are_those_of_drivers(table: tuple[Check, ...]) -> None:
    """A check is about a capability that there is, and says what is done without it."""
    known = {field.name for field in fields(Capabilities)}

    assert set() == {check.capability for check in table if check.capability} - known
    assert [] == [check.name for check in table if bool(check.capability) != bool(check.without)]


@pytest.mark.parametrize("driver", ["s3", "azure", "gcs", "oss", "swift", "filesystem"])
def test_hints_are_about_checks(driver: str) -> None:
    """What is known of a driver is about checks that there are."""
    known = {check.name for check in (*CHECKS, *READ_ONLY_CHECKS)} | {""}

    assert hints_for(driver).permissions
    assert set() == set(hints_for(driver).permissions) - known


def test_s3_permissions_are_told_for_every_check() -> None:
    """There is no check that could fail on S3 without a name of what it needs."""
    assert set() == {check.name for check in CHECKS} - set(hints_for("s3").permissions)
