"""The certification suite through `readcache`, which must change nothing but where blobs are read from."""

from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.storage import Capabilities, StorageDriver
from holdfast.storage.middleware.readcache import ReadCache
from holdfast.storage.middleware.readcache.options import ReadCacheOptions
from holdfast.testing import MiddlewareSuite


class TestReadCache(MiddlewareSuite):
    """Around memory."""

    capabilities = Capabilities(
        exclusive_names=True,
        put_create_only=True,
        put_match_version=True,
        write_resume_token=True,
        list_uploads=True,
        local_path_cached=True,
    )

    @pytest.fixture
    def wrap(self, tmp_path: Path) -> Callable[[StorageDriver], StorageDriver]:
        """A folder of its own."""
        return lambda inner: ReadCache(inner, ReadCacheOptions(rootdirectory=str(tmp_path / "cache")))
