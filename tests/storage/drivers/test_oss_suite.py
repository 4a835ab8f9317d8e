"""The certification suite on the oss driver, with a fake for the service: no server emulates it."""

import pytest

from holdfast.storage import Capabilities
from holdfast.testing import DriverSuite, Store
from tests.services.stores.oss.service import OssService


class TestOSSDriver(DriverSuite):
    """Everything the contract says, in a bucket."""

    capabilities = Capabilities(
        put_create_only=True,
        write_resume_token=True,
        write_max_bytes=5_428_540_866_560,  # 10,000 parts, which grow as their number does
        list_uploads=True,
        redirect_get=True,
        redirect_head=True,
        shared=True,
    )

    @pytest.fixture
    def store(self, oss: OssService) -> Store:
        """A fresh bucket, which nobody else writes to; nothing may be left in it."""
        return oss.new_bucket().store(chunksize=5 * 1024**2)
