import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth.compute_engine import _metadata

from holdfast.storage.drivers.gcs.options import GCSOptions
from tests.services.stores.fake_gcs import FakeGcsService
from tests.storage.drivers.gcs.google_services import GoogleServices
from tests.storage.drivers.gcs.strict_gcs import StrictGCS

MakeKey = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def _nothing_around_us(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whoever runs the tests may have credentials of his own."""
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "STORAGE_EMULATOR_HOST", "GCE_METADATA_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")


@pytest.fixture(scope="session")
def private_key() -> rsa.RSAPrivateKey:
    """Made anew: no key lies around."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def services() -> Iterator[GoogleServices]:
    """What gives tokens and signs."""
    with GoogleServices() as services:
        yield services


@pytest.fixture
def metadata_server(services: GoogleServices) -> Iterator[GoogleServices]:
    """Lets google-auth find the services as the metadata server; it reads where that is when it is loaded."""
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("NO_GCE_CHECK")
        environment.setenv("GCE_METADATA_HOST", services.address)
        environment.setenv("GCE_METADATA_IP", services.address)
        importlib.reload(_metadata)
        yield services
    importlib.reload(_metadata)


@pytest.fixture
def make_key(private_key: rsa.RSAPrivateKey, services: GoogleServices) -> MakeKey:
    """Makes the content of a service account's key file."""
    text = private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()

    def make(**other: Any) -> dict[str, Any]:
        return {
            "type": "service_account",
            "project_id": "project",
            "private_key_id": "0123",
            "private_key": text,
            "client_email": "registry@project.iam.gserviceaccount.com",
            "token_uri": f"{services.url}/token",
            **other,
        }

    return make


@pytest.fixture
def strict(private_key: rsa.RSAPrivateKey) -> Iterator[StrictGCS]:
    """The storage, as strict as the real one."""
    with StrictGCS(private_key.public_key()) as strict:
        yield strict


@pytest.fixture
def strict_options(strict: StrictGCS, make_key: MakeKey) -> Callable[..., GCSOptions]:
    """Makes options for the strict storage."""

    def make(**other: Any) -> GCSOptions:
        parameters = {"bucket": "bucket", "endpoint": strict.url, "credentials": make_key(), **other}
        return GCSOptions.model_validate(parameters)

    return make


@pytest.fixture
def emulator_options(make_key: MakeKey, fake_gcs: FakeGcsService) -> Callable[..., GCSOptions]:
    """Makes options for a fresh bucket of the emulator; it takes any signature."""
    bucket = fake_gcs.new_bucket()

    def make(**other: Any) -> GCSOptions:
        parameters = {"bucket": bucket.name, "endpoint": fake_gcs.endpoint, "credentials": make_key(), **other}
        return GCSOptions.model_validate(parameters)

    return make
