"""The certification suite on the in-memory driver."""

import pytest

from holdfast.storage import Capabilities
from holdfast.storage.drivers.inmemory import InMemoryDriver
from holdfast.testing import DriverSuite, Store


class TestInMemoryDriver(DriverSuite):
    """Everything the contract says, on memory."""

    capabilities = Capabilities(
        exclusive_names=True, put_create_only=True, put_match_version=True, write_resume_token=True, list_uploads=True
    )

    @pytest.fixture
    def store(self) -> Store:
        """One driver object is one store."""
        return Store(make=InMemoryDriver, content_in_memory=True)
