"""The certification suite on stores that speak S3, looking at them behind the driver's back."""

from dataclasses import replace

import pytest

from holdfast.storage import Capabilities
from holdfast.testing import DriverSuite, Store
from tests.services.stores.s3 import S3Service

pytestmark = pytest.mark.usefixtures("fast_reader_running")

_TIB = 1024**4
_CAPABLE = Capabilities(
    put_create_only=True,
    put_match_version=True,
    write_resume_token=True,
    write_max_bytes=5 * _TIB,
    list_uploads=True,
    redirect_get=True,
    redirect_head=True,
    shared=True,
)


class TestS3DriverOnCeph(DriverSuite):
    """A bucket of a Ceph gateway."""

    capabilities = _CAPABLE

    @pytest.fixture
    def store(self, ceph: S3Service) -> Store:
        """A fresh bucket, in which the registry has a folder."""
        return ceph.new_bucket().store(profile="ceph", rootdirectory="/a/registry", chunksize=5 * 1024**2)


class TestS3DriverOnMoto(DriverSuite):
    """A bucket of moto's server."""

    capabilities = _CAPABLE

    @pytest.fixture
    def store(self, moto: S3Service) -> Store:
        """A fresh bucket."""
        return moto.new_bucket().store(profile="minio")


class TestS3DriverOnSwift(DriverSuite):
    """A bucket of OpenStack Swift."""

    capabilities = replace(_CAPABLE, put_create_only=False, put_match_version=False)

    @pytest.fixture
    def store(self, swift_s3: S3Service) -> Store:
        """A fresh bucket."""
        return swift_s3.new_bucket().store(profile="swift")
