"""What a cluster tells of itself, and what is made of it."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from holdfast.storage.drivers.swift import SwiftOptions
from holdfast.storage.drivers.swift._features import Features, info_url
from holdfast.storage.drivers.swift.bucket import SwiftBucket
from tests.services.stores.swift_container import SwiftService

pytestmark = pytest.mark.anyio


def _options(**other: Any) -> SwiftOptions:
    given = {"authurl": "http://127.0.0.1:9/v3", "username": "u", "password": "p", "container": "c", **other}
    return SwiftOptions.model_validate(given)


@pytest.mark.parametrize(
    ("url", "info"),
    [
        ("https://s.example.com/v1/AUTH_a", "https://s.example.com/info"),
        ("https://s.example.com/swift/v1/AUTH_a", "https://s.example.com/swift/info"),
        ("https://s.example.com:8080/v1/AUTH_a%2Fb", "https://s.example.com:8080/info"),
    ],
)
def test_where_it_tells(url: str, info: str) -> None:
    """Beside the version in the account's URL."""
    assert info == info_url(url)


def test_an_old_cluster() -> None:
    """What isn't said isn't there; the digest is the only one that there was."""
    info: dict[str, Any] = {"swift": {"version": "1.13.1"}, "tempurl": {"methods": ["GET", "HEAD", "PUT"]}}
    features = Features.read(info)

    assert (False, 0, "sha1", False) == (
        features.slo,
        features.bulk_delete,
        features.digest,
        features.container_key,
    )
    assert ("GET", "HEAD", "PUT") == features.sign_methods


@pytest.mark.parametrize(
    ("allowed", "digest"),
    [
        (["sha1", "sha256", "sha512"], "sha512"),
        (["sha256", "sha1"], "sha256"),
        (["sha1"], "sha1"),
        ([], "sha1"),
        (["md7"], None),
    ],
)
def test_the_strongest_digest(allowed: list[str], digest: str | None) -> None:
    """Of those allowed; where none is one of ours, nothing is signed."""
    features = Features.read({"tempurl": {"methods": ["GET"], "allowed_digests": allowed}})

    assert (digest, ("GET",)) == (features.digest, features.sign_methods) if digest else () == features.sign_methods


@pytest.mark.parametrize(("version", "has"), [("2.2.2", False), ("2.3.0", True), ("2.38.3.dev1", True), ("", False)])
def test_keys_of_containers(version: str, has: bool) -> None:  # noqa: FBT001 a parameter
    """Since 2.3, by number and not by letter."""
    assert has == Features.read({"swift": {"version": version}}).container_key


@pytest.mark.parametrize("odd", [[], {"slo": 1, "swift": [], "tempurl": None, "bulk_delete": "x"}])
def test_odd_answers(odd: Any) -> None:
    """Nothing breaks on what isn't as it should be."""
    assert 1000 == Features.read(dict(odd)).listing


async def test_the_real_ones(
    swift: SwiftService, swift_dlo: SwiftService, open_bucket: Callable[..., SwiftBucket]
) -> None:
    """Both clusters of the tests are what they are meant to be."""
    with_slo = await open_bucket(swift.new_bucket())._client.features()
    without = await open_bucket(swift_dlo.new_bucket())._client.features()

    assert (True, True, 10_000, "sha512", True) == (
        with_slo.slo,
        with_slo.bulk_delete > 0,
        with_slo.listing,
        with_slo.digest,
        with_slo.container_key,
    )
    assert (False, 0) == (without.slo, without.bulk_delete)


async def test_a_closed_one(
    swift: SwiftService, open_bucket: Callable[..., SwiftBucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All works without what it would have told: listings, large objects, and URLs as the options say."""
    closed = swift.endpoint + "/nowhere"
    monkeypatch.setattr("holdfast.storage.drivers.swift._client.info_url", lambda _: closed)
    container = swift.new_bucket()
    bucket = open_bucket(container, tempurlcontainerkey=True, tempurlmethods=["GET"])
    upload_id = await bucket.begin_upload("files/b")
    part = await bucket.put_part("files/b", upload_id, 1, b"content")
    await bucket.complete_upload("files/b", upload_id, [part])
    await bucket.put("files/a", b"content")

    assert Features.closed(_options(tempurlmethods=["get"])).sign_methods == ("GET",)
    assert not (await bucket._client.features()).is_open
    page = await bucket.list_page("files/")
    assert [("files/a", 7), ("files/b", 7)] == [(info.key, info.size) for info in page.objects]
    assert page.cursor is not None
    assert [] == (await bucket.list_page("files/", cursor=page.cursor)).objects
    assert {} == await bucket.delete_many(["files/a", "files/b"])
    assert None is await bucket.sign("files/a", method="HEAD")
    url = await bucket.sign("files/a", method="GET")
    assert url is not None
    # The store itself doesn't allow the digest of old, or does: what counts is that it's asked with it.
    assert 40 == len(httpx.URL(url).params["temp_url_sig"])
    assert [] == container.keys()
