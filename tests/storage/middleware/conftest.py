from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.storage.middleware.serving import ServedDriver


@pytest.fixture
async def served() -> AsyncIterator[ServedDriver]:
    """A CDN on loopback in front of a driver that the test names."""
    made = ServedDriver()
    with made.cdn:
        yield made


@pytest.fixture(scope="session")
def rsa_key() -> rsa.RSAPrivateKey:
    """A key as CloudFront takes them."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def rsa_key_file(rsa_key: rsa.RSAPrivateKey, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its file, as CloudFront's console once made them."""
    file = tmp_path_factory.mktemp("key") / "pk-APKAEXAMPLE.pem"
    file.write_bytes(rsa_key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    return file
