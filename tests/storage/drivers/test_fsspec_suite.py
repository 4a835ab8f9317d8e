"""The certification suite on the fsspec driver: memory, a folder, a server of files, an object store."""

import secrets
from pathlib import Path

import pytest

from holdfast.storage import Capabilities
from holdfast.testing import DriverSuite, Store
from tests.services.stores.s3 import S3Service
from tests.services.stores.sftp import SftpService
from tests.storage.drivers.disk_hooks import disk_hooks

_MAX_BYTES = 5 * 1024**4


class TestFsspecMemory(DriverSuite):
    """In the memory of the process, where each test has a store of its own."""

    capabilities = Capabilities(
        exclusive_names=True, write_resume_token=True, write_max_bytes=_MAX_BYTES, list_uploads=True
    )

    deviations = dict.fromkeys(
        ("test_streaming_takes_bounded_memory", "test_slow_reader_does_not_make_the_driver_read_ahead_without_bound"),
        "the memory has the parts and the whole, which is there twice while it is moved",
    )

    @pytest.fixture
    def store(self) -> Store:
        """A store that no other filesystem of this process shares."""
        parameters = {"protocol": "memory", "options": {"global_store": False}, "rootdirectory": "/some/where"}
        return Store.named("fsspec", parameters, content_in_memory=True)


class TestFsspecFile(DriverSuite):
    """On a folder of this machine."""

    capabilities = Capabilities(
        exclusive_names=True, write_resume_token=True, write_max_bytes=_MAX_BYTES, list_uploads=True, shared=True
    )

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        """A folder that doesn't exist yet; only the empty one of unfinished writes may be left in it."""
        root = tmp_path / "root"
        parameters = {"protocol": "file", "rootdirectory": str(root)}
        return Store.named("fsspec", parameters, **disk_hooks(root))


@pytest.mark.slow
class TestFsspecSftp(DriverSuite):
    """On a server that speaks SFTP."""

    capabilities = Capabilities(
        exclusive_names=True, write_resume_token=True, write_max_bytes=_MAX_BYTES, list_uploads=True, shared=True
    )

    @pytest.fixture
    def store(self, sftp: SftpService) -> Store:
        """A directory on the server that doesn't exist yet."""
        name = secrets.token_hex(8)
        parameters = {"protocol": "sftp", "options": sftp.options(), "rootdirectory": f"/{name}"}
        return Store.named("fsspec", parameters, **disk_hooks(sftp.folder / name))


@pytest.mark.slow
@pytest.mark.usefixtures("fsspec_ready")
class TestFsspecS3(DriverSuite):
    """On Ceph, by s3fs."""

    capabilities = Capabilities(
        write_resume_token=True,
        write_max_bytes=_MAX_BYTES,
        list_uploads=True,
        redirect_get=True,
        redirect_head=True,
        shared=True,
    )
    deviations = dict.fromkeys(
        ("test_streaming_takes_bounded_memory", "test_slow_reader_does_not_make_the_driver_read_ahead_without_bound"),
        "s3fs and its HTTP client copy what they send and get: some 100 MiB, whatever the size of the content",
    )

    @pytest.fixture
    def store(self, ceph: S3Service) -> Store:
        """A fresh bucket; nothing may be left in it."""
        bucket = ceph.new_bucket()
        options = {
            "key": ceph.access_key,
            "secret": ceph.secret_key,
            "endpoint_url": ceph.endpoint,
            "client_kwargs": {"region_name": ceph.region},
        }
        parameters = {"protocol": "s3", "options": options, "rootdirectory": bucket.name}
        return Store.named(
            "fsspec",
            parameters,
            seed_behind=lambda path, content: bucket.put(path[1:], content),
            read_behind=lambda path: bucket.get(path[1:]),
            leftovers=bucket.leftovers,
        )
