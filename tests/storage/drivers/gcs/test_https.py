"""Default credentials and https, as in production: on the strict storage with a certificate of our own."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric import rsa

from holdfast.storage.drivers.gcs.bucket import GCSBucket
from holdfast.storage.drivers.gcs.options import GCSOptions
from holdfast.storage.errors import UnexpectedStorageError
from tests.storage.drivers.gcs.google_services import GoogleServices
from tests.storage.drivers.gcs.strict_gcs import StrictGCS

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Signs the storage's certificate."""
    return trustme.CA()


@pytest.fixture
def storage(private_key: rsa.RSAPrivateKey, authority: trustme.CA) -> Iterator[StrictGCS]:
    """The storage, over https."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    with StrictGCS(private_key.public_key(), tls) as storage:
        yield storage


async def test_default_credentials_over_https(
    storage: StrictGCS,
    metadata_server: GoogleServices,
    authority: trustme.CA,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The token goes with each request, whose one connection is used again."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    bucket = GCSBucket(GCSOptions(bucket="bucket", endpoint=storage.url))
    for _ in range(3):
        await bucket.put("a", bytes(1_000_000))
        async with bucket.read("a") as opened:
            assert 1_000_000 == sum([len(chunk) async for chunk in opened.chunks])
    await bucket.aclose()

    assert {"Bearer good"} == {request.headers["authorization"] for request in storage.requests}
    assert 1 == storage.connections
    assert 1 == len(metadata_server.asked("GET", "/token"))


async def test_untrusted_certificate(storage: StrictGCS, metadata_server: GoogleServices) -> None:
    """Nothing is sent to somebody who isn't who he should be, and it isn't tried again."""
    bucket = GCSBucket(GCSOptions(bucket="bucket", endpoint=storage.url))
    with pytest.raises(UnexpectedStorageError, match="CERTIFICATE_VERIFY_FAILED"):
        await bucket.put("a", b"")
    await bucket.aclose()

    assert [] == storage.requests
    assert metadata_server.requests
