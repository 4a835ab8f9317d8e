"""What the tests of uploads share: contents, and what must hold after an upload."""

import os

from holdfast.registry.store.uploads import SMALL_BLOB_BYTES
from tests.registry.client import Client, digest_of
from tests.registry.storages import Storage

__all__ = ["LARGE", "SMALL", "assert_nothing_left", "assert_stored", "pieces"]

SMALL = b"small content"
LARGE = os.urandom(SMALL_BLOB_BYTES + 12_345)


def pieces(content: bytes, size: int = 300_000) -> list[bytes]:
    """Content in pieces, as a network brings it."""
    return [content[start : start + size] for start in range(0, len(content), size)]


async def assert_stored(client: Client, content: bytes, algorithm: str = "sha256") -> None:
    """A blob is served whole and right."""
    digest = digest_of(content, algorithm)
    response = await client.get_blob(digest)
    assert (200, digest) == (response.status_code, response.headers["docker-content-digest"])
    assert content == response.content


async def assert_nothing_left(storage: Storage) -> None:
    """No upload is in storage."""
    assert [] == [path for path in await storage.files() if "/_uploads/" in path]
    assert [] == await storage.uploads()
