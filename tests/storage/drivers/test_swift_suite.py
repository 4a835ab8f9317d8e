"""The certification suite on OpenStack Swift, looking at it behind the driver's back."""

from collections.abc import Mapping
from typing import ClassVar

import pytest

from holdfast.storage import Capabilities
from holdfast.testing import DriverSuite, Store
from tests.services.stores.swift_container import SwiftService

_MIB = 1024**2
_CAPABLE = Capabilities(
    write_resume_token=True,
    write_max_bytes=5 * 1024**4,
    list_uploads=True,
    redirect_get=True,
    redirect_head=True,
    shared=True,
)

_DEVIATIONS = {
    "test_longest_names_are_names": "names have 1,024 bytes at most, and begin with files/, as upstream's do: that much"
    " less is left for a path",
}


class _SwiftSuite(DriverSuite):
    """What a driver of Swift is able to do, however the cluster is set up."""

    capabilities = _CAPABLE
    deviations: ClassVar[Mapping[str, str]] = _DEVIATIONS


class TestSwiftDriver(_SwiftSuite):
    """A container of a cluster that has static large objects, with version 1 of authentication."""

    @pytest.fixture
    def store(self, swift: SwiftService) -> Store:
        """A fresh container, which nobody else writes to; nothing may be left in it, segments included."""
        return swift.new_bucket().store(chunksize=_MIB)


@pytest.mark.slow
class TestSwiftDriverWithDynamicLargeObjects(_SwiftSuite):
    """A container of a cluster that has neither static large objects nor bulk deletion."""

    @pytest.fixture
    def store(self, swift_dlo: SwiftService) -> Store:
        """A fresh container."""
        return swift_dlo.new_bucket().store(chunksize=_MIB)


@pytest.mark.slow
class TestSwiftDriverAtKeystone(_SwiftSuite):
    """A container of a cluster whose users are Keystone's, with version 3 of authentication."""

    @pytest.fixture
    def store(self, swift_keystone: SwiftService) -> Store:
        """A fresh container, with a prefix."""
        return swift_keystone.new_bucket().store(chunksize=_MIB, prefix="some/prefix")


@pytest.mark.slow
class TestSwiftDriverAtKeystoneWithDynamicLargeObjects(_SwiftSuite):
    """A container of a cluster that is both."""

    @pytest.fixture
    def store(self, swift_keystone_dlo: SwiftService) -> Store:
        """A fresh container."""
        return swift_keystone_dlo.new_bucket().store(chunksize=_MIB)
