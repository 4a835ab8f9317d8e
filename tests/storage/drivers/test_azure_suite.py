"""The certification suite on the azure driver, looking into the container behind its back."""

import pytest

from holdfast.storage import Capabilities
from holdfast.testing import DriverSuite, Store
from tests.services.stores.azurite import AzuriteService


class TestAzureDriver(DriverSuite):
    """Everything the contract says, on Azurite."""

    capabilities = Capabilities(
        put_create_only=True,
        put_match_version=True,
        write_resume_token=True,
        write_max_bytes=36_493_047_365_632,  # 50,000 blocks, which grow as their number does
        list_uploads=True,
        redirect_get=True,
        redirect_head=True,
        shared=True,
    )

    @pytest.fixture
    def store(self, azurite: AzuriteService) -> Store:
        """A container of its own."""
        return azurite.new_bucket().store()
