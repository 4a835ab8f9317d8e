from dataclasses import replace

import pytest

from holdfast.storage.driver import Capabilities
from holdfast.storage.layers.forwarding import ForwardingDriver
from tests.registry.client import NAME, digest_of
from tests.registry.storages import Storage

pytestmark = pytest.mark.anyio

CONTENT = b"some content"


class Elsewhere(ForwardingDriver):
    """Storage that clients can be sent to; it answers with the path and the method in the URL."""

    @property
    def capabilities(self) -> Capabilities:
        """With redirects of GET."""
        return replace(self.inner.capabilities, redirect_get=True)

    async def redirect_url(self, path: str, *, method: str = "GET") -> str | None:
        """A URL that tells what was asked."""
        return f"https://store.test{path}?method={method}"


async def test_download(storage: Storage) -> None:
    """A client that downloads a blob is sent to the storage that can take it; whoever asks for its head is answered."""
    async with storage.client(Elsewhere, redirect=True) as client:
        digest = await client.push_blob(CONTENT)
        answer = await client.get_blob(digest)
        head = await client.head_blob(digest)

    assert 307 == answer.status_code
    hexadecimal = digest.partition(":")[2]
    path = f"/docker/registry/v2/blobs/sha256/{hexadecimal[:2]}/{hexadecimal}/data"
    assert f"https://store.test{path}?method=GET" == answer.headers["location"]
    assert (200, str(len(CONTENT))) == (head.status_code, head.headers["content-length"])


async def test_unknown(storage: Storage) -> None:
    """Nobody is sent to a blob that isn't there, or isn't this repository's."""
    async with storage.client(Elsewhere, redirect=True) as client:
        digest = await client.push_blob(CONTENT, "another")

        assert 404 == (await client.get_blob(digest, NAME)).status_code
        assert 404 == (await client.get_blob(digest_of(b"absent"), "another")).status_code


async def test_switched_off(storage: Storage) -> None:
    """Nobody is sent anywhere where that is switched off (`storage.redirect.disable`)."""
    async with storage.client(Elsewhere, redirect=False) as client:
        digest = await client.push_blob(CONTENT)
        answer = await client.get_blob(digest)

    assert (200, CONTENT) == (answer.status_code, answer.content)
