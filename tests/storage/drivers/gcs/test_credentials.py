"""As whom requests are sent. The services that give tokens are small ones of our own: no real ones run on loopback."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from google.auth.transport.requests import Request

from holdfast.storage.drivers.gcs._credentials import Tokens, find, headers_of
from holdfast.storage.drivers.gcs.bucket import GCSBucket
from holdfast.storage.drivers.gcs.options import GCSOptions
from holdfast.storage.errors import AccessDeniedError, StorageUnavailableError
from tests.services.loopback import Answer, failure
from tests.storage.drivers.gcs.google_services import EMAIL, GoogleServices
from tests.storage.drivers.gcs.strict_gcs import StrictGCS

pytestmark = pytest.mark.anyio

MakeKey = Callable[..., dict[str, Any]]
KEY_EMAIL = "registry@project.iam.gserviceaccount.com"


def _default_options() -> GCSOptions:
    """Options that leave it to Application Default Credentials."""
    return GCSOptions(bucket="bucket")


async def _identity(options: GCSOptions) -> str:
    bucket = GCSBucket(options)
    try:
        return await bucket.identify()
    finally:
        await bucket.aclose()


async def _authorization(options: GCSOptions) -> str:
    tokens = Tokens(options)
    try:
        return (await tokens.headers())["Authorization"]
    finally:
        await tokens.aclose()


def _federation(services: GoogleServices, tmp_path: Path, **other: Any) -> dict[str, Any]:
    """A configuration of workload identity federation, with a token that a file has."""
    subject = tmp_path / "subject"
    subject.write_text("token-of-the-cluster")
    return {
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/cluster",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{services.url}/v1/token",
        "credential_source": {"file": str(subject)},
        **other,
    }


def _expire(tokens: Tokens, seconds: float) -> None:
    """Let the token be good for so many seconds from now on."""
    assert tokens._found is not None
    now = datetime.now(UTC).replace(tzinfo=None)
    tokens._found.credentials.expiry = now + timedelta(seconds=seconds)


async def test_key_file(make_key: MakeKey, services: GoogleServices, tmp_path: Path) -> None:
    """A key in a file gets a token of the account that it is of."""
    file = tmp_path / "key.json"
    file.write_text(json.dumps(make_key()))
    options = GCSOptions(bucket="bucket", keyfile=str(file))

    assert f"service account {KEY_EMAIL}, found by the key file {file}" == await _identity(options)
    assert "Bearer good" == await _authorization(options)
    assert "urn:ietf:params:oauth:grant-type:jwt-bearer" == services.asked("POST", "/token")[-1].form["grant_type"]


async def test_key_in_the_configuration(make_key: MakeKey) -> None:
    """So does one that stands in the configuration itself."""
    options = GCSOptions.model_validate({"bucket": "bucket", "credentials": make_key()})

    assert f"service account {KEY_EMAIL}, found by the parameter credentials" == await _identity(options)
    assert "Bearer good" == await _authorization(options)


async def test_key_file_of_the_environment(make_key: MakeKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So does the one that GOOGLE_APPLICATION_CREDENTIALS names."""
    file = tmp_path / "key.json"
    file.write_text(json.dumps(make_key()))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))

    assert (
        f"service account {KEY_EMAIL}, found by the file {file} of GOOGLE_APPLICATION_CREDENTIALS"
        == await _identity(_default_options())
    )
    assert "Bearer good" == await _authorization(_default_options())


async def test_metadata_server(metadata_server: GoogleServices) -> None:
    """On a machine of Google's, its metadata server gives tokens, and tells of which account."""
    assert f"service account {EMAIL}, found by the metadata server" == await _identity(_default_options())
    assert "Bearer good" == await _authorization(_default_options())
    assert "Google" == metadata_server.asked("GET", "/token")[-1].headers["metadata-flavor"]


async def test_workload_identity_federation(
    services: GoogleServices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token of another identity provider is exchanged for one of Google's."""
    file = tmp_path / "federation.json"
    file.write_text(json.dumps(_federation(services, tmp_path)))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))

    assert (
        f"workload identity federation, found by the file {file} of GOOGLE_APPLICATION_CREDENTIALS"
        == await _identity(_default_options())
    )
    assert "Bearer good" == await _authorization(_default_options())
    assert "token-of-the-cluster" == services.asked("POST", "/v1/token")[-1].form["subject_token"]


async def test_workload_identity_federation_as_a_service_account(
    services: GoogleServices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may then act as a service account, whose name is told."""
    url = f"{services.url}/v1/projects/-/serviceAccounts/{EMAIL}:generateAccessToken"
    file = tmp_path / "federation.json"
    file.write_text(json.dumps(_federation(services, tmp_path, service_account_impersonation_url=url)))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    identity = await _identity(_default_options())

    assert identity.startswith(f"service account {EMAIL}, found by the file")
    assert "Bearer good" == await _authorization(_default_options())


def test_user_of_gcloud(tmp_path: Path) -> None:
    """Somebody's own credentials, as gcloud leaves them, do for trying things out; their project is billed."""
    (tmp_path / "gcloud").mkdir()
    content = {"type": "authorized_user", "client_id": "a", "client_secret": "b", "refresh_token": "c"}
    file = tmp_path / "gcloud/application_default_credentials.json"
    file.write_text(json.dumps({**content, "quota_project_id": "billed"}))
    found = find(_default_options(), Request())
    found.credentials.token = "own"

    assert "a user's own credentials, found by gcloud's application default credentials" == found.identity
    assert {"Authorization": "Bearer own", "X-Goog-User-Project": "billed"} == headers_of(found.credentials)


async def test_no_credentials() -> None:
    """Where nothing is found, access is denied, in words that say what to do."""
    with pytest.raises(AccessDeniedError, match="default credentials were not found"):
        await _authorization(_default_options())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "can't be read"),
        ("{", "isn't JSON"),
        ('{"type": "external_account"}', "isn't a service account's key; .* GOOGLE_APPLICATION_CREDENTIALS"),
        ("[]", "isn't a service account's key"),
        ('{"type": "service_account", "private_key": "sesame"}', "isn't a whole service account's key"),
        (
            '{"client_email": "a", "token_uri": "b", "private_key": "sesame"}',
            "isn't a whole service account's key",
        ),
    ],
)
async def test_unusable_key_files(tmp_path: Path, content: str | None, message: str) -> None:
    """Each says what is wrong with it, and nothing of what is in it."""
    file = tmp_path / "key.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(AccessDeniedError, match=f"^credentials: the key file {file} {message}") as caught:
        await _authorization(GCSOptions(bucket="bucket", keyfile=str(file)))

    assert "sesame" not in str(caught.value)


async def test_many_at_once_fetch_one_token(
    services: GoogleServices, strict: StrictGCS, strict_options: Callable[..., GCSOptions]
) -> None:
    """However many requests need the first token, one is fetched."""
    bucket = GCSBucket(strict_options())
    await asyncio.gather(*(bucket.put(f"{number}", b"") for number in range(30)))
    await bucket.aclose()

    assert 30 == len(strict.objects)
    assert 1 == len(services.requests)


async def test_expired_token_is_renewed_once(
    services: GoogleServices, strict_options: Callable[..., GCSOptions]
) -> None:
    """However many requests find that it has expired, one is fetched, and all go on with it."""
    tokens = Tokens(strict_options())
    await tokens.headers()
    _expire(tokens, -1)
    services.token = "next"
    headers = await asyncio.gather(*(tokens.headers() for _ in range(30)))
    await tokens.aclose()

    assert {"Bearer next"} == {each["Authorization"] for each in headers}
    assert 2 == len(services.requests)


async def test_token_is_renewed_before_it_expires(
    services: GoogleServices, strict_options: Callable[..., GCSOptions]
) -> None:
    """In its last minutes a token is still used, while one other is fetched; no request waits."""
    tokens = Tokens(strict_options())
    await tokens.headers()
    _expire(tokens, 60)
    services.token = "next"
    meanwhile = [await tokens.headers() for _ in range(10)]
    assert tokens._renewal is not None
    await tokens._renewal
    after = await tokens.headers()
    await tokens.aclose()

    assert {"Bearer good"} == {each["Authorization"] for each in meanwhile}
    assert "Bearer next" == after["Authorization"]
    assert 2 == len(services.requests)


async def test_failed_renewal_in_the_background_is_no_failure(
    services: GoogleServices, strict_options: Callable[..., GCSOptions]
) -> None:
    """While the token is good nobody is told, and it isn't tried again at once."""
    tokens = Tokens(strict_options())
    await tokens.headers()
    _expire(tokens, 60)
    services.planned.append(failure(400, "invalid_grant"))
    await tokens.headers()
    assert tokens._renewal is not None
    await asyncio.wait({tokens._renewal})
    headers = [await tokens.headers() for _ in range(10)]
    await tokens.aclose()

    assert {"Bearer good"} == {each["Authorization"] for each in headers}
    assert 2 == len(services.requests)


async def test_who_starts_a_renewal_may_be_cancelled(
    services: GoogleServices, strict_options: Callable[..., GCSOptions]
) -> None:
    """Those who wait with him get the token all the same."""
    tokens = Tokens(strict_options())
    first, second = asyncio.create_task(tokens.headers()), asyncio.create_task(tokens.headers())
    await asyncio.sleep(0)
    first.cancel()

    assert "Bearer good" == (await second)["Authorization"]
    assert first.cancelled()
    assert 1 == len(services.requests)
    await tokens.aclose()


async def test_rejected_token_is_renewed_once(
    services: GoogleServices, strict: StrictGCS, strict_options: Callable[..., GCSOptions]
) -> None:
    """A token that the storage doesn't take, though it should be good, is exchanged, and the request sent again."""
    bucket = GCSBucket(strict_options())
    await bucket.put("a", b"x")
    strict.tokens, services.token = {"next"}, "next"

    assert [b"x"] * 10 == await asyncio.gather(*(bucket.get("a") for _ in range(10)))
    assert 2 == len(services.requests)
    strict.tokens = set()
    with pytest.raises(AccessDeniedError):
        await bucket.get("a")
    assert 3 == len(services.requests)
    await bucket.aclose()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (
            Answer(status=400, body={"error": "invalid_grant", "error_description": "no such account"}),
            AccessDeniedError,
        ),
        (Answer(status=401, body={"error": "invalid_client"}), AccessDeniedError),
        (Answer(status=503, body={"error": "unavailable"}), StorageUnavailableError),
        (Answer(status=0), StorageUnavailableError),
    ],
    ids=["unknown", "refused", "unavailable", "broken"],
)
async def test_tokens_that_are_not_given(
    services: GoogleServices, strict_options: Callable[..., GCSOptions], answer: Answer, kind: type[Exception]
) -> None:
    """What is refused is denied access; what fails may succeed later."""
    services.planned.extend([answer] * 5)
    with pytest.raises(kind, match=r"^credentials: "):
        await _authorization(strict_options())


async def test_constructor_reads_nothing(tmp_path: Path) -> None:
    """A missing key file shows at the first use."""
    bucket = GCSBucket(GCSOptions(bucket="bucket", keyfile=str(tmp_path / "missing")))
    with pytest.raises(AccessDeniedError):
        await bucket.get("a")
    await bucket.aclose()


async def test_emulator_is_asked_by_nobody() -> None:
    """Over http no credentials are sent, unless they were given for it."""
    assert "nobody: http://127.0.0.1:1 is asked without credentials" == await _identity(
        GCSOptions(bucket="bucket", endpoint="http://127.0.0.1:1")
    )
