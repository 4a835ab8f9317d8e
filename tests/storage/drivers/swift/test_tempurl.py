"""Signed URLs, as the real server takes them."""

import hashlib
import hmac
from collections.abc import Callable

import httpx
import pytest

from holdfast.storage.drivers.swift import _tempurl
from holdfast.storage.drivers.swift.bucket import SwiftBucket
from tests.services.stores.swift_container import SwiftContainer, SwiftService

pytestmark = pytest.mark.anyio

OpenBucket = Callable[..., SwiftBucket]
_KEY = "files/a b/ü~+%2F"


@pytest.fixture
def container(swift: SwiftService) -> SwiftContainer:
    """One container with an object."""
    container = swift.new_bucket()
    container.put(_KEY, b"0123456789")
    return container


async def _ask(url: str | None, method: str = "GET") -> httpx.Response:
    assert url is not None
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.request(method, url)


@pytest.mark.parametrize("digest", ["sha1", "sha256", "sha512"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_good_for_its_method_and_nothing_else(
    container: SwiftContainer, open_bucket: OpenBucket, digest: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With each digest; a URL for HEAD doesn't give the content, and one with another signature gives nothing."""
    monkeypatch.setattr("holdfast.storage.drivers.swift._features._DIGESTS", (digest,))
    url = await open_bucket(container).sign(_KEY, method=method)
    answer = await _ask(url, method)

    assert (200, "10") == (answer.status_code, answer.headers["Content-Length"])
    assert hashlib.new(digest).digest_size * 2 == len(httpx.URL(url or "").params["temp_url_sig"])
    for other in {"GET", "PUT", "DELETE"} - {method}:
        assert 401 == (await _ask(url, other)).status_code
    wrong = httpx.URL(url or "").copy_set_param("temp_url_sig", "0" * 64)
    assert 401 == (await _ask(str(wrong), method)).status_code


async def test_it_ends(container: SwiftContainer, open_bucket: OpenBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time a URL is worth nothing."""
    monkeypatch.setattr(_tempurl, "_SECONDS", -1)

    assert 401 == (await _ask(await open_bucket(container).sign(_KEY, method="GET"))).status_code


async def test_the_key_is_made_once(container: SwiftContainer, open_bucket: OpenBucket) -> None:
    """The first process stores one at the container, others take it."""
    urls = [await open_bucket(container).sign(_KEY, method="GET") for _ in range(2)]
    stored = container.ask("HEAD").headers["x-container-meta-temp-url-key"]

    assert 64 == len(stored)
    assert [200, 200] == [(await _ask(url)).status_code for url in urls]
    assert "x-container-meta-temp-url-key-2" not in container.ask("HEAD").headers


async def test_a_given_key_stands_beside_another(container: SwiftContainer, open_bucket: OpenBucket) -> None:
    """URLs that were signed with the key that is there stay good; ours are signed with ours."""
    container.ask("POST", headers={"X-Container-Meta-Temp-URL-Key": "theirs"})
    theirs = await open_bucket(container).sign(_KEY, method="GET")
    ours = await open_bucket(container, secretkey="ours").sign(_KEY, method="GET")
    again = await open_bucket(container, secretkey="ours").sign(_KEY, method="GET")
    headers = container.ask("HEAD").headers

    assert ("theirs", "ours") == (
        headers["x-container-meta-temp-url-key"],
        headers["x-container-meta-temp-url-key-2"],
    )
    assert [200, 200, 200] == [(await _ask(url)).status_code for url in (theirs, ours, again)]


async def test_key_of_the_account(
    container: SwiftContainer, open_bucket: OpenBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clusters that know no keys of containers have the account's."""
    monkeypatch.setattr("holdfast.storage.drivers.swift._features._CONTAINER_KEYS_SINCE", (99,))
    url = await open_bucket(container).sign(_KEY, method="GET")

    assert "x-container-meta-temp-url-key" not in container.ask("HEAD").headers
    assert 200 == (await _ask(url)).status_code


async def test_who_may_not_store_a_key_signs_nothing(
    swift: SwiftService, container: SwiftContainer, open_bucket: OpenBucket
) -> None:
    """Content goes through the registry then."""
    swift.let_read()
    user, password = swift.reader

    assert None is await open_bucket(container, username=user, password=password).sign(_KEY, method="GET")


async def test_an_access_key_is_in_the_signature(container: SwiftContainer, open_bucket: OpenBucket) -> None:
    """As HP's cloud wants it: the project, the access key and the signature."""
    url = await open_bucket(container, accesskey="access").sign(_KEY, method="GET")

    assert [":access:"] == [httpx.URL(url or "").params["temp_url_sig"][:8]]


def test_against_the_documentation() -> None:
    """The example of Swift's documentation of the middleware: HMAC over method, expiry and path, line by line."""
    text = b"GET\n1440619048\n/v1/AUTH_account/container/object"

    assert hmac.new(b"MYKEY", text, "sha256").hexdigest() == _tempurl.signature(
        "sha256", "MYKEY", "GET", 1440619048, "/v1/AUTH_account/container/object"
    )
