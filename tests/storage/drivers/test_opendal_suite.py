"""The certification suite on the opendal driver: memory, a folder, an object store."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from opendal import Operator

from holdfast.storage import Capabilities
from holdfast.testing import DriverSuite, Store
from tests.services.stores.s3 import S3Service
from tests.storage.drivers.disk_hooks import disk_hooks

_MAX_BYTES = 5 * 1024**4
_CHUNK = 1024**2
"""Small parts: the library copies what it is given, and its allocator keeps more for a while than is in use."""

_FILLER_BYTES = 2 * 1024**2
"""More than an HTTP client takes of an answer before it is asked for it."""

_AHEAD = "test_slow_reader_does_not_make_the_driver_read_ahead_without_bound"

pytestmark = pytest.mark.usefixtures("opendal_ready")


def _fill_pool(operator: Operator, count: int) -> None:
    """Open as many connections as a test uses: OpenDAL keeps them for the process, and no driver can close them.

    Each carries an answer that is read in part, until all of them do: one that is done would be used once more instead.
    """
    operator.write("filler", bytes(_FILLER_BYTES))
    all_open = Barrier(count, timeout=60)

    def hold(_: int) -> None:
        with operator.open("filler", "rb") as file:
            file.read(1)
            all_open.wait()
            file.read()

    with ThreadPoolExecutor(count) as threads:
        list(threads.map(hold, range(count)))
    operator.delete("filler")


class TestOpendalMemory(DriverSuite):
    """In the memory of the process."""

    capabilities = Capabilities(
        put_create_only=True, write_resume_token=True, write_max_bytes=_MAX_BYTES, list_uploads=True
    )
    deviations = dict.fromkeys(
        ("test_streaming_takes_bounded_memory", _AHEAD),
        "OpenDAL's memory takes content in one piece, which is there twice, and its parts once more",
    )

    @pytest.fixture
    def store(self) -> Store:
        """A store of its own."""
        return Store.named("opendal", {"scheme": "memory"}, content_in_memory=True)


@pytest.mark.slow
class TestOpendalFs(DriverSuite):
    """On a folder of this machine."""

    capabilities = Capabilities(
        exclusive_names=True, write_resume_token=True, write_max_bytes=_MAX_BYTES, list_uploads=True, shared=True
    )

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        """A folder that doesn't exist yet; only the empty one of unfinished writes may be left in it."""
        root = tmp_path / "root"
        return Store.named("opendal", {"scheme": "fs", "rootdirectory": str(root)}, **disk_hooks(root))


@pytest.mark.slow
class TestOpendalS3(DriverSuite):
    """On Ceph."""

    capabilities = Capabilities(
        put_create_only=True,
        write_resume_token=True,
        write_max_bytes=_MAX_BYTES,
        list_uploads=True,
        redirect_get=True,
        redirect_head=True,
        shared=True,
    )

    @pytest.fixture
    def store(self, ceph: S3Service, request: pytest.FixtureRequest) -> Store:
        """A fresh bucket; nothing may be left in it."""
        bucket = ceph.new_bucket()
        options = {
            "bucket": bucket.name,
            "endpoint": ceph.endpoint,
            "region": ceph.region,
            "access_key_id": ceph.access_key,
            "secret_access_key": ceph.secret_key,
        }
        parameters = {"scheme": "s3", "options": options, "chunksize": _CHUNK}
        _fill_pool(Operator("s3", **options), 300 if "many_open" in request.node.name else 64)
        return Store.named(
            "opendal",
            parameters,
            seed_behind=lambda path, content: bucket.put(path[1:], content),
            read_behind=lambda path: bucket.get(path[1:]),
            leftovers=bucket.leftovers,
        )
