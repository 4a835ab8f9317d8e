"""The look behind a driver's back, on every store."""

import pytest

from tests.services.stores.bucket import FreshBucket
from tests.services.stores.exchange import StoreError

_STORES = ("azurite", "azurite_tls", "ceph", "fake_gcs", "moto", "oss", "swift", "swift_s3")


@pytest.fixture(params=_STORES)
def bucket(request: pytest.FixtureRequest) -> FreshBucket:
    """A fresh bucket of one of the stores."""
    made: FreshBucket = request.getfixturevalue(request.param).new_bucket()
    return made


def test_fresh_bucket_is_empty(bucket: FreshBucket) -> None:
    """A bucket that was just made has nothing in it, and nothing that is unfinished."""
    assert [] == bucket.leftovers()


@pytest.mark.parametrize("key", ["a", "a/b/c", "with space", "plus+tilde~", "é/ü", "percent%20", "a&b=c?d#e"])
def test_content_comes_back(bucket: FreshBucket, key: str) -> None:
    """What was put under a key is read from it, and the key is listed as it was given."""
    bucket.put(key, b"some content")

    assert b"some content" == bucket.get(key)
    assert [key] == bucket.keys()


def test_keys_of_a_prefix(bucket: FreshBucket) -> None:
    """A listing has what begins with a prefix, whatever slashes there are, and nothing else."""
    for key in ("a/1", "a/b/2", "ab", "b"):
        bucket.put(key, b"")

    assert ["a/1", "a/b/2", "ab"] == bucket.keys("a")
    assert ["a/1", "a/b/2"] == bucket.keys("a/")


def test_deleted_is_gone(bucket: FreshBucket) -> None:
    """An object that was deleted is neither listed nor read."""
    bucket.put("a", b"1")
    bucket.delete("a")

    assert [] == bucket.leftovers()
    with pytest.raises(StoreError, match="404"):
        bucket.get("a")
