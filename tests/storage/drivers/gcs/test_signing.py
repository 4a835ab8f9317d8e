"""URLs for redirects. IAM is a small service of our own: it signs nothing, but gives what it was asked to sign."""

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from google.oauth2 import credentials as oauth2_credentials

from holdfast.storage.drivers.gcs import _signing
from holdfast.storage.drivers.gcs._credentials import Found
from holdfast.storage.drivers.gcs._signing import signed_url
from holdfast.storage.drivers.gcs.bucket import GCSBucket
from holdfast.storage.drivers.gcs.options import GCSOptions
from tests.services.loopback import failure
from tests.storage.drivers.gcs.google_services import EMAIL, GoogleServices

pytestmark = pytest.mark.anyio

MakeOptions = Callable[..., GCSOptions]

# Some of Google's conformance tests, with the public half of the published key of the dummy account that they are of.
_PUBLISHED = json.loads((Path(__file__).parent / "v4_signatures.json").read_text())
_PUBLISHED_KEY = rsa.RSAPublicNumbers(65537, int(_PUBLISHED["modulus"], 16)).public_key()


@pytest.mark.parametrize("case", _PUBLISHED["cases"], ids=lambda case: case["description"])
async def test_published_signatures(case: dict[str, Any]) -> None:
    """The URL is the published one, and the published signature is one of exactly what we sign."""
    published = bytes.fromhex(case["url"].partition("&X-Goog-Signature=")[2])
    signed: list[bytes] = []

    async def sign(text: bytes) -> bytes:
        signed.append(text)
        return published

    parts = urlsplit(case["url"])
    made = await signed_url(
        f"{parts.scheme}://{parts.netloc}",
        case["bucket"],
        case["object"],
        method=case["method"],
        seconds=case["seconds"],
        email=_PUBLISHED["account"],
        sign=sign,
        now=datetime.fromisoformat(case["timestamp"]),
    )
    _PUBLISHED_KEY.verify(published, signed[0], padding.PKCS1v15(), hashes.SHA256())

    assert case["url"] == made


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_url_is_good_for_its_method_only(strict_options: MakeOptions, method: str) -> None:
    """The storage takes it for what it was signed for, and for nothing else; and for 20 minutes."""
    bucket = GCSBucket(strict_options())
    await bucket.put("a", b"content")
    url = await bucket.sign("a", method=method)
    await bucket.aclose()
    assert url is not None
    other = "HEAD" if method == "GET" else "GET"
    async with httpx.AsyncClient(trust_env=False) as client:
        statuses = [(await client.request(each, url)).status_code for each in (method, other)]
        changed = (await client.request(method, url.replace("/a?", "/b?"))).status_code

    assert [200, 403] == statuses
    assert 403 == changed
    assert "1200" == dict(parse_qsl(urlsplit(url).query))["X-Goog-Expires"]


@pytest.mark.parametrize(
    ("endpoint", "beginning", "host"),
    [
        ("https://cdn.example.com", "https://cdn.example.com/bucket/a%20b/c?", "cdn.example.com"),
        ("http://cdn.example.com:8080/x/", "http://cdn.example.com:8080/x/bucket/a%20b/c?", "cdn.example.com"),
        ("https://[::1]:8443", "https://[::1]:8443/bucket/a%20b/c?", "[::1]"),
    ],
)
async def test_redirect_endpoint(
    private_key: rsa.RSAPrivateKey, strict_options: MakeOptions, endpoint: str, beginning: str, host: str
) -> None:
    """URLs are made for the endpoint that clients reach, whose host is signed, without the port."""
    bucket = GCSBucket(strict_options(redirectendpoint=endpoint))
    url = await bucket.sign("a b/c", method="GET")
    await bucket.aclose()
    assert url is not None
    target, _, signature = url.partition("&X-Goog-Signature=")
    parts = urlsplit(target)
    query = dict(parse_qsl(parts.query))
    canonical = f"GET\n{parts.path}\n{parts.query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD"
    scope = query["X-Goog-Credential"].partition("/")[2]
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"GOOG4-RSA-SHA256\n{query['X-Goog-Date']}\n{scope}\n{digest}"
    private_key.public_key().verify(bytes.fromhex(signature), text.encode(), padding.PKCS1v15(), hashes.SHA256())

    assert url.startswith(beginning)


@pytest.fixture
def keyless(metadata_server: GoogleServices, monkeypatch: pytest.MonkeyPatch) -> GCSBucket:
    """A bucket on a machine of Google's: a token from its metadata server, and no key."""
    monkeypatch.setattr(_signing, "IAM_ENDPOINT", metadata_server.url)
    return GCSBucket(GCSOptions(bucket="bucket"))


async def test_signing_without_a_key(services: GoogleServices, keyless: GCSBucket) -> None:
    """IAM signs for the account whose token we have."""
    url = await keyless.sign("a", method="GET")
    await keyless.aclose()
    (asked,) = services.asked("POST", ":signBlob")

    assert f"/v1/projects/-/serviceAccounts/{EMAIL}:signBlob" == asked.path
    assert "Bearer good" == asked.headers["authorization"]
    assert base64.b64decode(json.loads(asked.body)["payload"]).startswith(b"GOOG4-RSA-SHA256\n")
    assert url is not None
    assert url.startswith("https://storage.googleapis.com/bucket/a?X-Goog-Algorithm=GOOG4-RSA-SHA256&")
    assert f"&X-Goog-Credential={EMAIL.replace('@', '%40')}%2F" in url
    assert url.endswith(f"&X-Goog-Signature={b'signed:GOOG'.hex()}")


async def test_without_the_right_to_sign_nothing_is_redirected(
    services: GoogleServices, keyless: GCSBucket, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Content is served through us for a while, and a warning names the right; then it is tried again."""
    services.may_sign = False
    assert [None, None] == [await keyless.sign("a", method=method) for method in ("GET", "HEAD")]
    assert 1 == len(services.asked("POST", ":signBlob"))
    assert 1 == capsys.readouterr().out.count("needs iam.serviceAccounts.signBlob")
    services.may_sign = True
    monkeypatch.setattr(keyless, "_sign_from", 0.0)

    assert await keyless.sign("a", method="GET") is not None
    await keyless.aclose()


async def test_iam_that_fails_for_a_while(services: GoogleServices, keyless: GCSBucket) -> None:
    """That is an error worth trying again, not a lack of rights."""
    await keyless.identify()
    services.planned.append(failure(503, "later", Retry_After="1"))
    with pytest.raises(Exception, match="HTTP 503: later") as caught:
        await keyless.sign("a", method="GET")
    await keyless.aclose()

    assert getattr(caught.value, "retryable", False)


async def test_nobody_signs_for_users(capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody's own credentials can't sign: nothing is redirected, and a warning says why."""
    bucket = GCSBucket(GCSOptions(bucket="bucket"))
    tokens = bucket._client.tokens
    assert tokens is not None
    kind: Any = oauth2_credentials.Credentials  # google-auth is typed in part
    tokens._found = Found(kind("own"), "gcloud's application default credentials")

    assert await bucket.sign("a", method="GET") is None
    assert "a user's own credentials" in capsys.readouterr().out
    await bucket.aclose()


async def test_nothing_is_signed_for_an_emulator() -> None:
    """Without a key there is nobody to sign as; the limits say so."""
    bucket = GCSBucket(GCSOptions(bucket="bucket", endpoint="http://127.0.0.1:1"))

    assert (False, False) == (bucket.limits.sign_get, bucket.limits.sign_head)
    assert await bucket.sign("a", method="GET") is None
    await bucket.aclose()
