"""Where requests go, and what is signed: no request is sent but to a fake store."""

import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from aiohttp import web

from holdfast.storage.drivers.s3.bucket import S3Bucket
from holdfast.storage.errors import PathNotFoundError, StorageError
from tests.services.stores.certificate import Certificate, issue
from tests.services.stores.s3 import S3Service
from tests.storage.drivers.s3.fake_web import FakeWeb, fake_web

pytestmark = pytest.mark.anyio

Make = Callable[..., S3Bucket]

_DATE = "Wed, 25 Nov 2026 02:02:43 GMT"
_AMAZON = {"regionendpoint": None, "forcepathstyle": False, "region": "eu-central-1", "bucket": "my-bucket"}


@pytest.fixture
def make(open_bucket: Callable[..., S3Bucket]) -> Make:
    """Makes buckets."""
    return lambda parameters: open_bucket(**parameters)


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    """A certificate of an authority that nobody knows."""
    return issue(tmp_path)


@pytest.fixture
def authority(certificate: Certificate) -> Path:
    """The file of that authority."""
    return certificate.authority


@pytest.fixture
async def store(certificate: Certificate) -> AsyncIterator[FakeWeb]:
    """A store with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.chain, certificate.key)
    async with fake_web(context) as fake:
        fake.answer = lambda request: web.Response(
            body=b"content" if request.method == "GET" else b"", headers={"ETag": '"1"', "Last-Modified": _DATE}
        )
        yield fake


async def test_an_unknown_authority_is_refused(store: FakeWeb, make: Make) -> None:
    """A certificate that nobody vouches for is an error of TLS, for reads and writes."""
    bucket = make(store.parameters())
    for call in (bucket.get("a"), bucket.put("a", b"x")):
        with pytest.raises(StorageError, match="TLS"):
            await call

    assert [] == store.requests


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "SSL_CERT_FILE"])
async def test_a_private_authority_can_be_trusted(
    store: FakeWeb, make: Make, authority: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """Named in a variable, it is trusted by every reader and writer."""
    monkeypatch.setenv(variable, str(authority))
    bucket = make(store.parameters())
    await bucket.put("a", b"x")

    assert b"content" == await bucket.get("a")
    assert [True, False] == [request.by_sdk for request in store.requests]


async def test_verification_can_be_skipped(store: FakeWeb, make: Make) -> None:
    """Then any certificate will do, for reads and writes."""
    bucket = make(store.parameters(skipverify=True))
    await bucket.put("a", b"x")

    assert b"content" == await bucket.get("a")
    assert [True, False] == [request.by_sdk for request in store.requests]


@pytest.mark.parametrize(
    ("options", "endpoint", "in_path"),
    [
        ({}, "https://my-bucket.s3.eu-central-1.amazonaws.com", False),
        ({"region": "us-east-1"}, "https://my-bucket.s3.us-east-1.amazonaws.com", False),
        ({"secure": False}, "http://my-bucket.s3.eu-central-1.amazonaws.com", False),
        ({"forcepathstyle": True}, "https://s3.eu-central-1.amazonaws.com", True),
        ({"bucket": "my.dotted.bucket"}, "https://s3.eu-central-1.amazonaws.com", True),
        ({"usedualstack": True}, "https://my-bucket.s3.dualstack.eu-central-1.amazonaws.com", False),
        ({"accelerate": True}, "https://my-bucket.s3-accelerate.amazonaws.com", False),
        ({"region": "cn-north-1"}, "https://my-bucket.s3.cn-north-1.amazonaws.com.cn", False),
        ({"regionendpoint": "http://store.example:9000"}, "http://my-bucket.store.example:9000", False),
        ({"regionendpoint": "http://127.0.0.1:9000"}, "http://127.0.0.1:9000", True),
        ({"regionendpoint": "https://h.example/s3", "forcepathstyle": True}, "https://h.example/s3", True),
    ],
)
async def test_both_readers_go_to_the_same_address(
    make: Make,
    options: dict[str, Any],
    endpoint: str,
    in_path: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Whatever is configured, the fast reader's address is what the SDK makes of it."""
    bucket = make({"accesskey": "a", "secretkey": "s"} | _AMAZON | options)
    fast = bucket._fast
    await fast._connect()

    assert fast._store is not None
    config = fast._store.config
    assert endpoint == config["endpoint"]
    assert str(not in_path).lower() == str(config["virtual_hosted_style_request"])


@pytest.mark.parametrize("options", [{"usefipsendpoint": True}, {"bucket": "arn:aws:s3:eu-central-1:1:accesspoint/a"}])
async def test_what_only_the_sdk_reads(make: Make, options: dict[str, Any]) -> None:
    """FIPS asks for validated cryptography, and an ARN leads somewhere else: the fast reader stays out of it."""
    bucket = make({"accesskey": "a", "secretkey": "s"} | _AMAZON | options)

    assert None is await bucket._fast.get("a")


async def test_signatures_of_version_2(ceph: S3Service, make: Make) -> None:
    """With `v4auth: false` everything is signed the old way, URLs too, and works where a store takes that."""
    bucket = make(ceph.new_bucket().parameters(profile="ceph", v4auth=False))
    await bucket.put("a", b"content")
    url = await bucket.sign("a", method="GET")

    assert url is not None
    assert "Signature" in parse_qs(urlsplit(url).query)
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(url)

    assert b"content" == answer.content
    assert b"content" == await bucket.get("a")
    assert 7 == (await bucket.head("a")).size
    assert None is await bucket._fast.get("a")
    with pytest.raises(PathNotFoundError):
        await bucket.get("b")


@pytest.mark.parametrize("v4auth", [True, False])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_clients_are_sent_to_another_address(ceph: S3Service, make: Make, method: str, v4auth: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """With `redirectendpoint` the URL has that host and is signed for it; what the registry asks itself goes on."""
    fresh = ceph.new_bucket()
    public = fresh.service.endpoint.replace("127.0.0.1", "localhost")
    bucket = make(fresh.parameters(profile="ceph", redirectendpoint=public, v4auth=v4auth))
    await bucket.put("a~b/c", b"content")
    url = await bucket.sign("a~b/c", method=method)

    assert url is not None
    assert url.startswith(f"{public}/{fresh.name}/")
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.request(method, url)

    assert (200, "7") == (answer.status_code, answer.headers["Content-Length"])


async def test_the_bucket_is_not_in_the_path_of_its_own_host(make: Make) -> None:
    """Without `forcepathstyle` only the host is exchanged: it then stands for the bucket. URLs last 20 minutes."""
    bucket = make({"accesskey": "AK", "secretkey": "s"} | _AMAZON | {"redirectendpoint": "https://cdn.example"})
    parts = urlsplit(await bucket.sign("docker/a b", method="GET") or "")
    query = parse_qs(parts.query)

    assert ("https", "cdn.example", "/docker/a%20b") == (parts.scheme, parts.netloc, parts.path)
    assert ["1200"] == query["X-Amz-Expires"]
    assert query["X-Amz-Credential"][0].startswith("AK/")
    assert query["X-Amz-Credential"][0].endswith("/eu-central-1/s3/aws4_request")
