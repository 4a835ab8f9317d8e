"""The certification suite on the gcs driver, with an emulator for the service."""

import pytest

from holdfast.storage import Capabilities
from holdfast.testing import DriverSuite, Store
from tests.services.stores.fake_gcs import FakeGcsService


class TestGCSDriver(DriverSuite):
    """Everything the contract says, in a bucket."""

    capabilities = Capabilities(
        put_create_only=True,
        put_match_version=True,
        write_resume_token=True,
        write_max_bytes=5 * 1024**4,
        list_uploads=True,
        shared=True,
    )

    @pytest.fixture
    def store(self, fake_gcs: FakeGcsService) -> Store:
        """A fresh bucket, which nobody else writes to; nothing may be left in it."""
        return fake_gcs.new_bucket().store()
