"""The chain of credentials. Amazon's services are fake: a store that takes every signature, and notes whose it is."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from holdfast.storage.drivers.s3 import S3Options
from holdfast.storage.drivers.s3.bucket import S3Bucket
from holdfast.storage.errors import AccessDeniedError, StorageError
from tests.storage.drivers.s3.fake_web import FakeWeb, Request, error, fake_web, xml

pytestmark = pytest.mark.anyio

Make = Callable[..., S3Bucket]

_DATE = "Wed, 25 Nov 2026 02:02:43 GMT"
_SHARED = "[default]\naws_access_key_id = AKIASHARED\naws_secret_access_key = shared-secret\n"


class Amazon:
    """A store, and the services that give credentials, each at a path of its own.

    Attributes:
        web: The server.
        key: The access key that the metadata and token services give.
        lifetime: How long they say that it lasts.
        trusted: Whether the token service takes the web identity.
    """

    def __init__(self, web: FakeWeb) -> None:
        self.web = web
        self.key = "ASIAFIRST"
        self.lifetime = timedelta(hours=6)
        self.trusted = True
        web.answer = self._answer

    def signers(self, *, by_sdk: bool) -> list[str]:
        """Whose signatures the requests to the store have."""
        objects = (request for request in self.web.requests if request.path.startswith("/b/"))
        return [request.access_key for request in objects if request.by_sdk == by_sdk]

    def tokens(self) -> set[str | None]:
        """The session tokens of the requests to the store."""
        objects = (request for request in self.web.requests if request.path.startswith("/b/"))
        return {request.headers.get("X-Amz-Security-Token") for request in objects}

    def _answer(self, request: Request) -> web.StreamResponse:
        if request.path.startswith("/b/"):
            body = b"content" if request.method == "GET" else b""
            return web.Response(body=body, headers={"ETag": '"1"', "Last-Modified": _DATE})
        if request.path == "/latest/api/token":
            return web.Response(text="imds-token")
        if request.path == "/latest/meta-data/iam/security-credentials/":
            return web.Response(text="node-role")
        if request.path in {"/latest/meta-data/iam/security-credentials/node-role", "/container"}:
            return web.json_response(self._document())
        return self._token_service(request.body.decode())

    def _document(self) -> dict[str, str]:
        return {
            "Code": "Success",
            "AccessKeyId": self.key,
            "SecretAccessKey": "given-secret",
            "Token": f"token-of-{self.key}",
            "Expiration": self._expiration(),
        }

    def _expiration(self) -> str:
        return (datetime.now(UTC) + self.lifetime).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _token_service(self, body: str) -> web.Response:
        if "Action=GetCallerIdentity" in body:
            arn = "arn:aws:sts::123456789012:assumed-role/registry/pod"
            return xml(f"<R><GetCallerIdentityResult><Arn>{arn}</Arn></GetCallerIdentityResult></R>")
        if not self.trusted:
            return error("AccessDenied", 403)
        return xml(
            "<R><AssumeRoleWithWebIdentityResult><Credentials>"
            f"<AccessKeyId>{self.key}</AccessKeyId><SecretAccessKey>given-secret</SecretAccessKey>"
            f"<SessionToken>token-of-{self.key}</SessionToken><Expiration>{self._expiration()}</Expiration>"
            "</Credentials></AssumeRoleWithWebIdentityResult></R>"
        )


@pytest.fixture
async def amazon() -> AsyncIterator[Amazon]:
    """The services."""
    async with fake_web() as web:
        yield Amazon(web)


@pytest.fixture
def make(amazon: Amazon, open_bucket: Make) -> Make:
    """Makes buckets whose credentials have to be found."""
    unknown = {"accesskey": "", "secretkey": ""}
    return lambda **options: open_bucket(**amazon.web.parameters(**unknown | options))


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "environment-secret")


@pytest.fixture
def shared_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keys in the shared credentials file."""
    (tmp_path / "credentials").write_text(_SHARED)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


@pytest.fixture
def web_identity(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, amazon: Amazon) -> None:
    """What a pod of EKS has (IRSA): a role, and a token in a file."""
    (tmp_path / "token").write_text("a.web.token")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/registry")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", amazon.web.url)


@pytest.fixture
def container(monkeypatch: pytest.MonkeyPatch, amazon: Amazon) -> None:
    """What a container of ECS, or a pod with an EKS pod identity, has."""
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{amazon.web.url}/container")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, amazon: Amazon) -> None:
    """What a machine of EC2 has."""
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", amazon.web.url)


_ALL = ("environment", "web_identity", "shared_file", "container", "machine")
_WINS = [
    ("environment", "AKIAENVIRONMENT", "the environment"),
    ("web_identity", "ASIAFIRST", "a web identity"),
    ("shared_file", "AKIASHARED", "the shared credentials file"),
    ("container", "ASIAFIRST", "the container's metadata"),
    ("machine", "ASIAFIRST", "the machine's metadata"),
]


@pytest.mark.parametrize("expected", _WINS, ids=[source for source, _, _ in _WINS])
async def test_credentials_are_found(
    request: pytest.FixtureRequest, amazon: Amazon, make: Make, expected: tuple[str, str, str]
) -> None:
    """Of all sources the first of this list that has credentials counts, for every request, and it is told."""
    source, key, words = expected
    for there in _ALL[_ALL.index(source) :]:
        request.getfixturevalue(there)
    bucket = make()
    await bucket.put("a", b"content")
    content = await bucket.get("a")

    assert b"content" == content
    assert ([key], [key]) == (amazon.signers(by_sdk=True), amazon.signers(by_sdk=False))
    assert {f"token-of-{key}" if key == "ASIAFIRST" else None} == amazon.tokens()
    assert f"access key {key} from {words}" == await bucket.identify()


async def test_parameters_win(request: pytest.FixtureRequest, amazon: Amazon, make: Make) -> None:
    """Keys of the configuration count, whatever else could be found; a token goes with them."""
    for there in _ALL:
        request.getfixturevalue(there)
    bucket = make(accesskey="AKIACONFIGURED", secretkey="s", sessiontoken="configured-token")
    await bucket.put("a", b"content")
    await bucket.get("a")

    assert ["AKIACONFIGURED"] == amazon.signers(by_sdk=True) == amazon.signers(by_sdk=False)
    assert {"configured-token"} == amazon.tokens()
    assert "access key AKIACONFIGURED from the driver's parameters" == await bucket.identify()


async def test_nothing_found(make: Make) -> None:
    """Without credentials every use says so, and where they are looked for; nothing is sent unsigned."""
    bucket = make()
    for call in (bucket.get("a"), bucket.put("a", b""), bucket.identify(), bucket.sign("a", method="GET")):
        with pytest.raises(AccessDeniedError, match=r"no credentials were found: give accesskey"):
            await call


@pytest.mark.usefixtures("web_identity", "machine")
async def test_a_refused_identity_falls_back_on_nothing(amazon: Amazon, make: Make) -> None:
    """A role that may not be assumed is an error: the machine's broader role doesn't silently take its place."""
    amazon.trusted = False
    bucket = make()
    for call in (bucket.put("a", b""), bucket.get("a")):
        with pytest.raises(StorageError):
            await call

    assert [] == amazon.signers(by_sdk=True) + amazon.signers(by_sdk=False)


@pytest.mark.parametrize("source", ["web_identity", "container"])
async def test_renewed_credentials_reach_every_reader(
    request: pytest.FixtureRequest, amazon: Amazon, make: Make, source: str
) -> None:
    """Credentials about to expire are renewed by the SDK, and the fast reader signs with the new ones soon, too."""
    request.getfixturevalue(source)
    amazon.lifetime = timedelta(seconds=90)  # less than the SDK keeps any, so that it renews them at each use
    bucket = make()
    await bucket.get("a")
    amazon.key = "ASIASECOND"
    await bucket.put("a", b"content")
    for _ in range(2000):
        await bucket.get("a")
        if amazon.signers(by_sdk=False)[-1] == "ASIASECOND":
            break

    assert ["ASIASECOND"] == amazon.signers(by_sdk=True)
    assert ("ASIAFIRST", "ASIASECOND") == (amazon.signers(by_sdk=False)[0], amazon.signers(by_sdk=False)[-1])
    assert {"ASIAFIRST", "ASIASECOND"} == set(amazon.signers(by_sdk=False))


@pytest.mark.usefixtures("web_identity")
async def test_amazon_tells_who_we_are(amazon: Amazon) -> None:
    """On Amazon S3 the token service is asked; S3 itself is asked nothing."""
    async with aclosing(S3Bucket(S3Options(bucket="b", region="eu-central-1"))) as bucket:
        identity = await bucket.identify()

    assert "arn:aws:sts::123456789012:assumed-role/registry/pod, access key ASIAFIRST from a web identity" == identity
    assert {"/"} == {request.path for request in amazon.web.requests}


@pytest.mark.usefixtures("environment")
async def test_amazon_does_not_tell_who_we_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an answer of the token service, as in a network without a way to it, the key is told."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1")
    async with aclosing(S3Bucket(S3Options(bucket="b", region="eu-central-1"))) as bucket:
        identity = await bucket.identify()

    assert identity.startswith("access key AKIAENVIRONMENT from the environment; STS tells no more: ")


async def test_no_secret_is_told(make: Make) -> None:
    """Neither what a bucket says of itself nor what it shows has a secret in it."""
    bucket = make(accesskey="AKIACONFIGURED", secretkey="hush-hush", sessiontoken="hush-too")
    shown = f"{bucket!r} {bucket.__dict__} {vars(bucket._client)} {await bucket.identify()}"

    assert "hush" not in shown
